// What auditors can ask (openapi.yaml): the same searches as the operator's, within what the file of auditors lets each see.
import type { Application, Request, Response } from 'express'
import { containerName } from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import { type ClientId, idKey } from '#protocol'
import {
  describeRecord,
  LogError,
  listingOf,
  type MessageLog,
  readParameters,
  type StoredRecord,
} from '../message-log/index.ts'
import { stream } from '../streamed.ts'
import { evidenceBundle, type Transparency } from '../transparency/index.ts'
import type { SearchAudit, SearchAuditEntry } from './audit.ts'
import type { Auditor } from './auditors.ts'
import { AuditorError } from './error.ts'

export interface ApiParts {
  readonly messageLog: MessageLog
  readonly transparency: Pick<Transparency, 'proofOf'>
  readonly configuration: () => GlobalConfiguration | undefined
  readonly audit: SearchAudit
  /** Who asks; every route comes behind it. */
  readonly auditorOf: (response: Response) => Auditor
  /** Whoever takes nothing for so long is cut off. */
  readonly idleMs: number
}

export function apiRoutes(app: Application, parts: ApiParts): void {
  const { messageLog, transparency, configuration, audit, auditorOf, idleMs } = parts

  app.get('/v1/me', (_request, response) => {
    const { name, members, content } = auditorOf(response)
    response.json({ name, members: members === 'all' ? 'all' : members.map(idKey), content })
  })

  app.get('/v1/records', async (request, response) => {
    const { name: who, members, content } = auditorOf(response)
    const { search, searchParams } = new URL(request.originalUrl, 'https://auditor')
    const asked = { who, op: 'search', asked: search.slice(1) } as const
    const listing = await refused(audit, asked, async () => {
      const query = readParameters(searchParams)
      if (query.text !== undefined && !content) throw contentForbidden()
      return listingOf(await messageLog.search({ ...query, ...(members === 'all' ? {} : { scope: members }) }))
    })
    await audit.note({ ...asked, found: listing.records.length, outcome: 'ok' })
    response.json(listing)
  })

  /** One record of those that the auditor may know of. What he may not know of is not there. */
  const one =
    (
      op: Exclude<SearchAuditEntry['op'], 'search'>,
      needsContent: boolean,
      answer: (record: StoredRecord, request: Request, response: Response) => Promise<void>,
    ) =>
    async (request: Request, response: Response): Promise<void> => {
      const { name: who, members, content } = auditorOf(response)
      const seq = String(request.params['seq'])
      const asked = { who, op, asked: seq }
      const record = await refused(audit, asked, async () => {
        if (needsContent && !content) throw contentForbidden()
        const found = /^\d{1,15}$/.test(seq) ? await messageLog.get(Number(seq)) : undefined
        if (found === undefined || !(members === 'all' || members.some((member) => concerns(member, found))))
          throw new AuditorError('not_found', `There is no record ${seq.slice(0, 20)}`)
        return found
      })
      await audit.note({ ...asked, outcome: 'ok' })
      await answer(record, request, response)
    }

  app.get(
    '/v1/records/:seq',
    one('show', false, async ({ seq }, _request, response) => {
      response.json(await describeRecord(messageLog, seq, auditorOf(response).content))
    }),
  )
  app.get(
    '/v1/records/:seq/container',
    one('container', true, async ({ seq, queryId, direction }, _request, response) => {
      response.attachment(containerName(queryId, direction, seq))
      await stream(response, 'application/vnd.etsi.asic-e+zip', messageLog.container(seq), idleMs)
    }),
  )
  app.get(
    '/v1/records/:seq/bundle',
    one('bundle', true, async ({ seq, queryId, direction }, _request, response) => {
      const proofOf = (of: number) => transparency.proofOf(of)
      response.attachment(`${containerName(queryId, direction, seq)}.evidence.zip`)
      const bundle = evidenceBundle({ messageLog, proofOf, configuration: configuration() }, seq)
      await stream(response, 'application/zip', bundle, idleMs)
    }),
  )
  app.get(
    '/v1/records/:seq/proof',
    one('proof', false, async ({ seq }, _request, response) => {
      response.type('text/plain').send(Buffer.from(await transparency.proofOf(seq)))
    }),
  )
  app.get(
    '/v1/records/:seq/attachments/:number',
    one('attachment', true, async (record, request, response) => {
      if (record.body === undefined) throw new LogError('body_missing', `Record ${record.seq} has no body`)
      const number = Number(request.params['number'])
      await stream(response, 'application/octet-stream', messageLog.read(record.body, number), idleMs)
    }),
  )
}

/** Does the work; a refusal is recorded before it is told. */
async function refused<T>(
  audit: SearchAudit,
  asked: Pick<SearchAuditEntry, 'who' | 'op' | 'asked'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const { code } = error as { code?: unknown }
    await audit.note({ ...asked, outcome: typeof code === 'string' ? code : 'internal_error' })
    throw error
  }
}

/** Whether a member, or a subsystem, is a party of the message. */
function concerns(scope: ClientId, { client, service }: StoredRecord): boolean {
  return [client, service].some(
    ({ instance, memberClass, memberCode, subsystemCode }) =>
      instance === scope.instance &&
      memberClass === scope.memberClass &&
      memberCode === scope.memberCode &&
      (scope.subsystemCode === undefined || scope.subsystemCode === subsystemCode),
  )
}

function contentForbidden(): AuditorError {
  return new AuditorError('content_forbidden', 'What was said in messages is not for this auditor')
}
