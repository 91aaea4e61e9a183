// The data tracker on the control socket.
import type { Application } from 'express'
import { z } from 'zod'
import { writeAnswer } from '#evidence'
import { type ClientId, idKey, ProtocolError, parseClientId } from '#protocol'
import type { SearchAudit } from '../auditor/index.ts'
import { controlPaths, type TrackerStatistics } from '../contract.ts'
import { stream } from '../streamed.ts'
import type { DataTracker } from './index.ts'

const client = z.string().transform((text, context): ClientId => {
  try {
    return parseClientId(text)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    context.addIssue(error.message)
    return z.NEVER
  }
})
const answerSchema = z.strictObject({
  provider: client,
  person: z.string(),
  map: z.enum(['public', 'secret']),
  upTo: z.number().int().min(0).optional(),
})
const statisticsSchema = z.strictObject({ provider: client })

export function trackerRoutes(app: Application, tracker: DataTracker, audit: SearchAudit): void {
  app.post(controlPaths.trackerState, async (_request, response) => {
    await tracker.stateNow()
    response.json(tracker.status())
  })

  // What it says of a person is recorded before it is given, as searches of the log are.
  app.post(controlPaths.trackerAnswer, async (request, response) => {
    const wanted = answerSchema.parse(request.body)
    const answer = await tracker.answer(wanted)
    const asked = new URLSearchParams({ provider: idKey(wanted.provider), person: wanted.person, map: wanted.map })
    await audit.note({
      ...{ who: 'operator', op: 'tracker', asked: asked.toString(), outcome: 'ok' },
      found: answer.uses.length + answer.pending.length,
    })
    response.json(writeAnswer(answer))
  })

  app.get(controlPaths.trackerStatistics, async (request, response) => {
    const { provider } = statisticsSchema.parse(request.query)
    response.json({ counts: await tracker.counts(provider) } satisfies TrackerStatistics)
  })

  app.post(controlPaths.trackerCheck, async (_request, response) => {
    await stream(response, 'application/x-ndjson', lines(tracker.check()))
  })

  app.post(controlPaths.trackerNewKey, async (_request, response) => {
    await tracker.renew()
    response.json(tracker.status())
  })
}

async function* lines(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\n`)
}
