// The message log on the control socket: searched, shown and taken out.
import type { Application } from 'express'
import type { SearchAudit, SearchAuditEntry } from '../auditor/index.ts'
import { controlPaths } from '../contract.ts'
import { stream } from '../streamed.ts'
import { LogError } from './error.ts'
import type { MessageLog } from './index.ts'
import { describeRecord, listingOf } from './listing.ts'
import { readParameters } from './search/parameters.ts'

/** Every answer is recorded before it is given, as those to auditors are. */
export function logRoutes(app: Application, log: MessageLog, audit: SearchAudit): void {
  const note = (op: SearchAuditEntry['op'], asked: string, found?: number) =>
    audit.note({ who: 'operator', op, asked, ...(found === undefined ? {} : { found }), outcome: 'ok' })

  app.get(controlPaths.log, async (request, response) => {
    const { search, searchParams } = new URL(request.originalUrl, 'http://control')
    const listing = listingOf(await log.search(readParameters(searchParams)))
    await note('search', search.slice(1), listing.records.length)
    response.json(listing)
  })

  // A number: other words behind /log/ are other routes'.
  app.get(/^\/log\/(\d{1,15})$/, async (request, response) => {
    const description = await describeRecord(log, Number(request.params[0]), true)
    await note('show', String(description.seq))
    response.json(description)
  })

  app.get('/log/:seq/attachment/:number', async (request, response) => {
    const { seq, number } = request.params
    const record = await log.get(Number(seq))
    if (record?.body === undefined) throw new LogError('body_missing', `Record ${seq} has no body`)
    await note('attachment', String(record.seq))
    await stream(response, 'application/octet-stream', log.read(record.body, Number(number)))
  })

  app.get('/log/:seq/container', async (request, response) => {
    const seq = Number(request.params.seq)
    if (request.query['force'] !== undefined) await log.timestampNow([seq])
    await note('container', String(seq))
    await stream(response, 'application/vnd.etsi.asic-e+zip', log.container(seq))
  })
}
