// The control socket (interfaces: Control socket). Everything an API will do later goes through the same calls.
import type { Application } from 'express'
import { shortId } from '#protocol'
import { archiveRoutes } from './archive/control.ts'
import type { SecurityServerStatus, ServiceListing } from './contract.ts'
import { controlPaths } from './contract.ts'
import type { Gateway } from './exchange/gateway.ts'
import { PRODUCT_VERSION } from './exchange/version.ts'
import { checkHealth, isHealthy } from './health.ts'
import { answerVerificationConf, logKeyRoutes, logRoutes } from './message-log/index.ts'
import { reconciliationRoutes } from './reconciliation/control.ts'
import { stream } from './streamed.ts'
import { trackerRoutes } from './tracker/control.ts'
import { transparencyRoutes } from './transparency/control.ts'

export function controlRoutes(
  gateway: Gateway,
  facts: { readonly startedAt: Date; readonly listening: SecurityServerStatus['listening']; readonly database: string },
) {
  return (app: Application): void => {
    app.get(controlPaths.status, (_request, response) => {
      const checks = checkHealth(gateway)
      const status: SecurityServerStatus = {
        server: shortId(gateway.server),
        version: PRODUCT_VERSION,
        pid: process.pid,
        startedAt: facts.startedAt.toISOString(),
        healthy: isHealthy(checks),
        checks,
        configuration: gateway.configuration.status(),
        messageLog: gateway.messageLog.status(),
        transparency: gateway.transparency.status(),
        tracker: gateway.tracker.status(),
        counters: gateway.counters.snapshot(),
        listening: facts.listening,
        database: facts.database,
      }
      response.json(status)
    })

    app.post(controlPaths.apply, async (request, response) => {
      const result = await gateway.services.apply(request.body)
      gateway.log.info('services applied', { changes: result.changes.length })
      response.json(result)
    })

    app.get(controlPaths.services, (_request, response) => {
      const snapshot = gateway.services.snapshot()
      const listing: ServiceListing = {
        clients: snapshot.clients.map((client) => ({
          id: shortId(client.id),
          connection: client.connection,
          services: snapshot.services(client.id).map((service) => ({
            code: service.id.serviceCode,
            ...(service.id.serviceVersion === undefined ? {} : { version: service.id.serviceVersion }),
            type: service.type,
            ...(service.title === undefined ? {} : { title: service.title }),
            ...(service.description === undefined ? {} : { description: service.description }),
            url: service.url,
            ...(service.disabled ? { disabled: service.disabled.notice } : {}),
          })),
        })),
      }
      response.json(listing)
    })

    app.get(controlPaths.keys, (_request, response) => void response.json({ certificates: gateway.keyring.states() }))
    app.post(controlPaths.refreshKeys, async (_request, response) => {
      await gateway.keyring.refresh(true)
      response.json({ certificates: gateway.keyring.states() })
    })

    logRoutes(app, gateway.messageLog, gateway.audit)
    logKeyRoutes(app, gateway.messageLog.keys)
    transparencyRoutes(app, gateway)
    if (gateway.archive !== undefined) archiveRoutes(app, gateway.archive)
    reconciliationRoutes(app, gateway.reconciliation)
    trackerRoutes(app, gateway.tracker, gateway.audit)

    app.get(controlPaths.verificationConfiguration, async (_request, response) => {
      const answer = await answerVerificationConf(gateway.configuration.current(), gateway.clock.now())
      response.status(answer.status)
      await stream(response, answer.headers['content-type'] ?? 'application/zip', answer.body)
    })
  }
}
