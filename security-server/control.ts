// The control socket (interfaces: Control socket). Everything an API will do later goes through the same calls.
import type { Application } from 'express'
import { shortId } from '#protocol'
import { archiveRoutes } from './archive/control.ts'
import type { LogEntry, LogListing, SecurityServerStatus, ServiceListing } from './contract.ts'
import { controlPaths } from './contract.ts'
import type { Gateway } from './exchange/gateway.ts'
import { PRODUCT_VERSION } from './exchange/version.ts'
import { checkHealth, isHealthy } from './health.ts'
import { answerVerificationConf, type FoundRecord, logKeyRoutes } from './message-log/index.ts'
import { stream } from './streamed.ts'
import { transparencyRoutes } from './transparency/control.ts'

const MAX_PAGE = 500

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

    app.get(controlPaths.log, async (request, response) => {
      const limit = Math.min(MAX_PAGE, Math.max(1, Number(request.query['limit'] ?? 50) || 50))
      const queryId = typeof request.query['queryId'] === 'string' ? request.query['queryId'] : undefined
      const page = await gateway.messageLog.list({
        ...(queryId === undefined ? {} : { queryId }),
        after: Number(request.query['after'] ?? 0) || 0,
        limit,
      })
      const last = page.at(-1)
      const listing: LogListing = {
        records: page.map(entry),
        ...(page.length === limit && last ? { next: last.seq } : {}),
      }
      response.json(listing)
    })

    app.get('/log/:seq/container', async (request, response) => {
      const seq = Number(request.params.seq)
      if (request.query['force'] !== undefined) await gateway.messageLog.timestampNow([seq])
      await stream(response, 'application/vnd.etsi.asic-e+zip', gateway.messageLog.container(seq))
    })

    logKeyRoutes(app, gateway.messageLog.keys)
    transparencyRoutes(app, gateway)
    if (gateway.archive !== undefined) archiveRoutes(app, gateway.archive)

    app.get(controlPaths.verificationConfiguration, async (_request, response) => {
      const answer = await answerVerificationConf(gateway.configuration.current(), gateway.clock.now())
      response.status(answer.status)
      await stream(response, answer.headers['content-type'] ?? 'application/zip', answer.body)
    })
  }
}

function entry(record: FoundRecord): LogEntry {
  return {
    seq: record.seq,
    at: record.at.toISOString(),
    side: record.side,
    direction: record.direction,
    queryId: record.queryId,
    requestId: record.requestId,
    member: shortId(record.member),
    timestamped: record.timestamped,
  }
}
