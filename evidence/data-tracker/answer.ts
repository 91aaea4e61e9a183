// What a data tracker answers about a person: a page of uses, newest first, and what proves that none is missing. JSON; octets in base64.
import { type ClientId, decodeClientId, idKey, ProtocolError } from '#protocol'
import { isTreeSize, type MapHead } from '#transparency'
import { decodeBase64, encodeBase64 } from '#trust'
import { TrackerError } from './error.ts'
import { HEAD_BYTES, type Link, linkOf, type Use } from './use.ts'

export type TrackerMap = 'public' | 'secret'

/** A use that is shown, or what is left of one that was erased. */
export type PageUse =
  | { readonly number: number; readonly use: Use }
  | { readonly number: number; readonly erased: Link }

export interface TrackerAnswer {
  readonly provider: ClientId
  readonly person: string
  /** `secret` is for the court alone. */
  readonly map: TrackerMap
  /** Newest first, each one's number one below the one before. */
  readonly uses: readonly PageUse[]
  /** What comes before the last of them: so many uses, and the head of their chain. */
  readonly before: { readonly number: number; readonly head: Uint8Array }
  /** Uses since the statement: no proof has them yet. */
  readonly pending: readonly Use[]
  readonly proof: {
    /** That the key in the map is the person's (RFC 9381). */
    readonly key: Uint8Array
    /** `formatMapProof`. */
    readonly map: Uint8Array
    /** C2SP tlog-proof of the statement's entry; its extra data is salt ‖ statement. */
    readonly log: Uint8Array
    /** Opens the statement's digest; in answers of the secret map. */
    readonly secret?: { readonly salt: Uint8Array; readonly head: MapHead }
  }
}

export const ANSWER_FORMAT = 'saadik data tracker answer v1'
/** Uses on a page, at most. */
export const MAX_PAGE_USES = 1000
const MAX_TEXT = 4096
/** Of the proofs, which have no use to be longer. */
const MAX_PROOF_BYTES = 256 * 1024
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024

/** As it is sent; whatever a reader should see, in words that he can read. */
export function writeAnswer({ provider, person, map, uses, before, pending, proof }: TrackerAnswer): object {
  const { key, log, secret } = proof
  return {
    format: ANSWER_FORMAT,
    provider: idKey(provider),
    person,
    map,
    uses: uses.map((one) =>
      'use' in one
        ? { number: one.number, ...writeUse(one.use) }
        : { number: one.number, erased: true, day: dayText(one.erased.day), digest: encodeBase64(one.erased.digest) },
    ),
    before: { number: before.number, head: encodeBase64(before.head) },
    pending: pending.map(writeUse),
    proof: {
      key: encodeBase64(key),
      map: encodeBase64(proof.map),
      log: Buffer.from(log).toString('utf8'),
      ...(secret && {
        secret: {
          salt: encodeBase64(secret.salt),
          persons: secret.head.count,
          root: encodeBase64(secret.head.root),
        },
      }),
    },
  }
}

/** Reads a stranger's answer. Throws TrackerError. */
export function readAnswer(value: unknown): TrackerAnswer {
  const answer = object(value, ['format', 'provider', 'person', 'map', 'uses', 'before', 'pending', 'proof'])
  if (answer['format'] !== ANSWER_FORMAT) throw malformed('it does not say that it is one')
  const map = answer['map']
  if (map !== 'public' && map !== 'secret') throw malformed('it does not say of which map it is')
  const before = object(answer['before'], ['number', 'head'])
  const proof = object(answer['proof'], ['key', 'map', 'log', 'secret'])
  const secret = proof['secret'] === undefined ? undefined : object(proof['secret'], ['salt', 'persons', 'root'])
  const read: TrackerAnswer = {
    provider: clientIn(text(answer['provider'])),
    person: text(answer['person']),
    map,
    uses: list(answer['uses']).map(readPageUse),
    before: { number: number(before['number']), head: octets(before['head'], HEAD_BYTES) },
    pending: list(answer['pending']).map((one) => readUse(object(one, USE_FIELDS))),
    proof: {
      key: octets(proof['key']),
      map: octets(proof['map']),
      log: Buffer.from(text(proof['log'], MAX_PROOF_BYTES)),
      ...(secret && {
        secret: {
          salt: octets(secret['salt'], HEAD_BYTES),
          head: { count: number(secret['persons']), root: octets(secret['root'], HEAD_BYTES) },
        },
      }),
    },
  }
  const first = read.before.number + read.uses.length
  if (read.uses.some((one, at) => one.number !== first - at)) throw malformed('its uses are not in their order')
  return read
}

/** What of a use the chain is made of. */
export function linkIn(one: PageUse): Link {
  return 'use' in one ? linkOf(one.use) : one.erased
}

const USE_FIELDS = ['number', 'at', 'client', 'service', 'operation', 'basis', 'user', 'record'] as const

function writeUse({ at, client, service, operation, basis, user, record }: Use): object {
  return {
    at: new Date(at).toISOString(),
    ...{ client, service },
    ...(operation === undefined ? {} : { operation }),
    ...(basis === undefined ? {} : { basis }),
    ...(user === undefined ? {} : { user }),
    record: encodeBase64(record),
  }
}

function readPageUse(value: unknown): PageUse {
  if (typeof value === 'object' && value !== null && 'erased' in value) {
    const erased = object(value, ['number', 'erased', 'day', 'digest'])
    const day = dayOf(text(erased['day']))
    return { number: number(erased['number']), erased: { day, digest: octets(erased['digest'], HEAD_BYTES) } }
  }
  const use = object(value, USE_FIELDS)
  return { number: number(use['number']), use: readUse(use) }
}

function readUse(use: Readonly<Record<string, unknown>>): Use {
  const time = text(use['at'])
  const at = Date.parse(time)
  if (Number.isNaN(at) || at < 0 || new Date(at).toISOString() !== time) throw malformed('a time is none')
  const optional = (name: 'operation' | 'basis' | 'user') =>
    use[name] === undefined ? {} : { [name]: text(use[name]) }
  return {
    at,
    client: text(use['client']),
    service: text(use['service']),
    ...optional('operation'),
    ...optional('basis'),
    ...optional('user'),
    record: octets(use['record'], HEAD_BYTES),
  }
}

const DAY_MS = 86_400_000

function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}

function dayOf(text: string): number {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at) || at < 0 || dayText(at / DAY_MS) !== text) throw malformed('a day is none')
  return at / DAY_MS
}

function object(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed('an object is none')
  const unknown = Object.keys(value).find((name) => !names.includes(name))
  if (unknown !== undefined) throw malformed(`it has '${unknown.slice(0, 40)}', which is not of the format`)
  return value as Readonly<Record<string, unknown>>
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value) || value.length > MAX_PAGE_USES) throw malformed('a list is none, or too long')
  return value
}

function text(value: unknown, most = MAX_TEXT): string {
  if (typeof value !== 'string' || value.length > most || !value.isWellFormed()) throw malformed('a text is none')
  return value
}

function number(value: unknown): number {
  if (typeof value !== 'number' || !isTreeSize(value)) throw malformed('a number is none')
  return value
}

function octets(value: unknown, length?: number): Uint8Array {
  const bytes = decodeBase64(text(value, MAX_PROOF_BYTES))
  if (bytes === undefined || (length !== undefined && bytes.length !== length)) throw malformed('octets are none')
  return bytes
}

function clientIn(key: string): ClientId {
  try {
    return decodeClientId(key)
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw malformed(cause.message, cause)
  }
}

function malformed(why: string, cause?: unknown): TrackerError {
  return new TrackerError(`This is no answer of a data tracker: ${why}`, { cause })
}
