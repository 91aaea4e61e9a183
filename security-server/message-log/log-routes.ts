// The message log on the control socket: searched, shown and taken out.
import type { Application } from 'express'
import { controlPaths } from '../contract.ts'
import { stream } from '../streamed.ts'
import { LogError } from './error.ts'
import type { MessageLog } from './index.ts'
import { describeRecord, listingOf } from './listing.ts'
import { readParameters } from './search/parameters.ts'

export function logRoutes(app: Application, log: MessageLog): void {
  app.get(controlPaths.log, async (request, response) => {
    const { searchParams } = new URL(request.originalUrl, 'http://control')
    response.json(listingOf(await log.search(readParameters(searchParams))))
  })

  // A number: other words behind /log/ are other routes'.
  app.get(/^\/log\/(\d{1,15})$/, async (request, response) => {
    response.json(await describeRecord(log, Number(request.params[0]), true))
  })

  app.get('/log/:seq/attachment/:number', async (request, response) => {
    const { seq, number } = request.params
    const record = await log.get(Number(seq))
    if (record?.body === undefined) throw new LogError('body_missing', `Record ${seq} has no body`)
    await stream(response, 'application/octet-stream', log.read(record.body, Number(number)))
  })

  app.get('/log/:seq/container', async (request, response) => {
    const seq = Number(request.params.seq)
    if (request.query['force'] !== undefined) await log.timestampNow([seq])
    await stream(response, 'application/vnd.etsi.asic-e+zip', log.container(seq))
  })
}
