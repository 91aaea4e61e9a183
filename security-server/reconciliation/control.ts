// Reconciliation on the control socket.
import type { Application } from 'express'
import { z } from 'zod'
import { SECRET_BYTES } from '#evidence'
import { type ClientId, ProtocolError, parseClientId } from '#protocol'
import { type Policy, parsePolicy, TransparencyError } from '#transparency'
import { decodeBase64 } from '#trust'
import { controlPaths, type ReconciliationListing, type ReconciliationState } from '../contract.ts'
import { stream } from '../streamed.ts'
import { ReconciliationError } from './error.ts'
import type { Reconciliation } from './index.ts'

const MAX_PAGE = 1000

const party = z.string().transform((text, context): ClientId => {
  try {
    return parseClientId(text)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    context.addIssue(error.message)
    return z.NEVER
  }
})
const time = z.iso.datetime().transform((text) => Date.parse(text))
const wanted = {
  here: party.optional(),
  there: party,
  from: time,
  to: time,
  marginSeconds: z.number().min(0),
}
/** A C2SP tlog-policy file. */
const policy = z.string().transform((text, context): Policy => {
  try {
    return parsePolicy(Buffer.from(text))
  } catch (error) {
    if (!(error instanceof TransparencyError)) throw error
    context.addIssue(error.message)
    return z.NEVER
  }
})
const secret = z.string().transform((text, context): Uint8Array => {
  const bytes = decodeBase64(text)
  if (bytes !== undefined && bytes.length >= SECRET_BYTES && bytes.length <= 1024) return bytes
  context.addIssue(`must be ${SECRET_BYTES} to 1024 octets in base64`)
  return z.NEVER
})
const runSchema = z.strictObject({ ...wanted, policy: policy.optional() })
const statementSchema = z.strictObject({ ...wanted, secret })
const pageSchema = z.object({
  first: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(MAX_PAGE),
})

export function reconciliationRoutes(app: Application, reconciliation: Reconciliation): void {
  app.post(controlPaths.reconciliation, async (request, response) => {
    const { marginSeconds, policy, ...rest } = runSchema.parse(request.body)
    const run = await reconciliation.begin({ ...rest, margin: Math.round(marginSeconds * 1000) }, policy)
    response.status(202).json({ run })
  })

  app.get(controlPaths.reconciliation, async (_request, response) => {
    response.json({ runs: await reconciliation.list(MAX_PAGE) } satisfies ReconciliationListing)
  })

  app.post(controlPaths.reconciliationStatement, async (request, response) => {
    const { marginSeconds, secret, ...rest } = statementSchema.parse(request.body)
    const margin = Math.round(marginSeconds * 1000)
    await stream(response, 'application/octet-stream', reconciliation.statement({ ...rest, margin }, secret))
  })

  app.get(controlPaths.reconciliationRun(':run'), async (request, response) => {
    const run = String(request.params['run'])
    const progress = reconciliation.progress(run)
    const result = await reconciliation.result(run)
    if (result === undefined) throw new ReconciliationError('unknown_run', `There is no comparison ${run}`)
    response.json({ ...result, ...(progress && { progress }) } satisfies ReconciliationState)
  })

  app.get(controlPaths.reconciliationFindings(':run'), async (request, response) => {
    const { first, limit } = pageSchema.parse(request.query)
    response.json({ findings: await reconciliation.findings(String(request.params['run']), first, limit) })
  })
}
