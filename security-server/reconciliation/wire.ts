// What the two servers say to each other, as the bodies of a REST service that each Saadik security server offers itself (docs/auditors.md):
//
//   POST SERVICE/runs                      what is to be compared, under which checkpoint, half of the key; and the same back
//   POST SERVICE/runs/RUN/list             count and root of the list; 202 while the other one is not ready
//   POST SERVICE/runs/RUN/values/N         a page of values each way, from 0 on; empty behind the last
//   POST SERVICE/runs/RUN/leaves/N         the same of leaves; the first octet says whether more follow
//   POST SERVICE/runs/RUN/outcome          what each has found; 202 while the other one is not ready
//
// Every message is signed by the member that says it, logged and time-stamped by both: nobody can say later that it said something else.
import { z } from 'zod'
import { MAX_MARGIN_MS, MAX_PAGE_BYTES, SECRET_BYTES } from '#evidence'
import { type ClientId, decodeClientId, decodeServerId, ProtocolError, type ServerId } from '#protocol'
import { decodeBase64 } from '#trust'
import { ReconciliationError } from './error.ts'

export const JSON_TYPE = 'application/json'
export const OCTETS_TYPE = 'application/octet-stream'
/** Of what is said in JSON. */
export const MAX_JSON_BYTES = 256 * 1024
/** Of a page with the octet before it. */
export const MAX_BODY_BYTES = MAX_PAGE_BYTES + 1

const MORE = Uint8Array.of(1)
const LAST = Uint8Array.of(0)

export interface LeavesPage {
  readonly more: boolean
  readonly bytes: Uint8Array
}

export function writeLeavesPage({ more, bytes }: LeavesPage): Uint8Array {
  return Buffer.concat([more ? MORE : LAST, bytes])
}

/** Throws ReconciliationError `broken`. */
export function readLeavesPage(body: Uint8Array): LeavesPage {
  const [first] = body
  if (first !== 0 && first !== 1) throw broken('a page of leaves does not say whether more follow')
  return { more: first === 1, bytes: body.subarray(1) }
}

function identified<T>(decode: (text: string) => T) {
  return z
    .string()
    .max(2000)
    .transform((text, context): T => {
      try {
        return decode(text)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        context.addIssue(error.message)
        return z.NEVER
      }
    })
}

function octets(least: number, most: number) {
  return z
    .string()
    .max(Math.ceil(most / 3) * 4)
    .transform((text, context): Uint8Array => {
      const bytes = decodeBase64(text)
      if (bytes !== undefined && bytes.length >= least && bytes.length <= most) return bytes
      context.addIssue('must be base64')
      return z.NEVER
    })
}

const time = z.int().min(0).max(8.64e15)
const half = {
  /** Half of what the run's key is made of. */
  nonce: octets(SECRET_BYTES, SECRET_BYTES),
  /** The note of a checkpoint that was there before. */
  checkpoint: octets(1, 64 * 1024),
  /** The log begins here. */
  heldFrom: time,
}

export const beginSchema = z
  .strictObject({
    run: z.string().regex(/^[\x21-\x7e]{1,100}$/),
    from: time,
    to: time,
    margin: z.int().min(0).max(MAX_MARGIN_MS),
    /** Whose exchanges with whom, as `idKey` writes them: of who asks, and of who is asked. */
    as: identified<ClientId>(decodeClientId),
    with: identified<ClientId>(decodeClientId),
    server: identified<ServerId>(decodeServerId),
    ...half,
  })
  .refine(({ from, to }) => from < to, 'the period has no time in it')

export const begunSchema = z.strictObject(half)
export const listSchema = z.strictObject({ count: z.int().min(0), root: octets(32, 32) })

const count = z.int().min(0)
const text = z.string().max(2000)
const side = z.strictObject({
  party: text,
  server: text,
  messages: count,
  list: text,
  unproven: count,
  checkpoint: z.strictObject({
    origin: text,
    size: count,
    root: text,
    state: z.enum(['witnessed', 'signed', 'not witnessed', 'not judged']),
    witnesses: z.array(z.strictObject({ name: text, at: text })).max(256),
  }),
})
export const outcomeSchema = z.strictObject({
  run: text,
  from: text,
  to: text,
  marginSeconds: z.number().min(0),
  here: side,
  there: z.array(side).max(100),
  notCompared: z.array(text).max(1000),
  agreed: count,
  findings: z.partialRecord(
    z.enum([
      'request_not_accepted',
      'answer_not_delivered',
      'missing',
      'differs',
      'repeated',
      'removed',
      'elsewhere',
      'unfounded',
    ]),
    count,
  ),
  beyond: count,
  inAgreement: z.boolean(),
})

export const refusalSchema = z.object({ error: z.object({ code: text, message: text }) })

/** Throws ReconciliationError `broken`. */
export function readJson<T>(schema: z.ZodType<T>, body: Uint8Array): T {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch (cause) {
    throw broken('it is no JSON', cause)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw broken(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`)
}

export function broken(why: string, cause?: unknown): ReconciliationError {
  return new ReconciliationError('broken', `What the other side says is not of the format: ${why}`, { cause })
}
