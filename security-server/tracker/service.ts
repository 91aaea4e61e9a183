// The tracker as a service: what its OpenAPI description promises, for information systems that have a right to it.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { MAX_PAGE_USES, type TrackerAnswer, writeAnswer } from '#evidence'
import { type ClientId, clientOf, decodeServicePath, idKey, type ServiceId } from '#protocol'
import type { OwnRestAnswer } from '../provider/own-answer.ts'
import { HistoryError } from '../transparency/index.ts'
import type { AnswerWanted } from './answers.ts'
import { DataTrackerError } from './error.ts'
import type { YearCount } from './uses.ts'

export interface TrackerQuestion {
  readonly method: string
  readonly service: ServiceId
  /** Raw. */
  readonly servicePath: string
  readonly query: string | undefined
}

export interface TrackerSource {
  answer(wanted: AnswerWanted): Promise<TrackerAnswer>
  counts(provider: ClientId): Promise<readonly YearCount[]>
}

const number = z.coerce.number().int().min(0)
const pageSchema = z.strictObject({
  limit: number.min(1).max(MAX_PAGE_USES).default(100),
  upTo: number.optional(),
})
const nothing = z.strictObject({})

/** What is wrong is an answer too. Throws what is not the question's or the tracker's. */
export async function answerQuestion(source: TrackerSource, question: TrackerQuestion): Promise<OwnRestAnswer> {
  try {
    return json(200, 'OK', await answered(source, question))
  } catch (error) {
    if (!(error instanceof DataTrackerError || error instanceof HistoryError)) throw error
    const { code, message } = error
    const [status, reason] = code === 'invalid_question' ? [400, 'Bad Request'] : [503, 'Service Unavailable']
    return json(status, reason, { error: { code, message } })
  }
}

/** Of every provider's tracker. */
export async function trackerDescription(): Promise<Buffer> {
  return await readFile(join(import.meta.dirname, 'openapi.yaml'))
}

async function answered(source: TrackerSource, question: TrackerQuestion): Promise<object> {
  const provider = clientOf(question.service)
  const [first, person, last, ...more] = decodeServicePath(question.servicePath)
  if (question.method === 'GET' && more.length === 0) {
    if (first === 'persons' && person !== undefined && last === 'uses') {
      const { limit, upTo } = parameters(pageSchema, question.query)
      return writeAnswer(await source.answer({ provider, person, map: 'public', limit, upTo }))
    }
    if (first === 'statistics' && person === undefined) {
      parameters(nothing, question.query)
      return { provider: idKey(provider), counts: await source.counts(provider) }
    }
  }
  throw new DataTrackerError('invalid_question', 'Ask for /persons/{code}/uses or /statistics')
}

function parameters<T>(schema: z.ZodType<T>, query: string | undefined): T {
  const given = new URLSearchParams(query ?? '')
  const read = schema.safeParse(Object.fromEntries(given))
  const twice = new Set(given.keys()).size < given.size
  if (read.success && !twice) return read.data
  const wrong = read.error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')
  throw new DataTrackerError('invalid_question', wrong ?? 'A parameter is there twice')
}

function json(status: number, reason: string, value: object): OwnRestAnswer {
  const body = Buffer.from(JSON.stringify(value))
  return {
    status,
    reason,
    rawHeaders: ['content-type', 'application/json', 'cache-control', 'no-store'],
    body: Readable.from([body], { objectMode: false }),
  }
}
