// What a security server states each hour of its data tracker, as an entry of its transparent log: which records it covers, and the roots of its two
// maps. The entry is salted; the public is shown the statement, which says of the secret map only a digest.
//
//   saadik data tracker statement v1
//   server DEMO/GOV/70000001/interior
//   at 1772323200000
//   records 4711                          all records of the log up to this one are in the maps
//   erased 0                              uses before this time are erased
//   key <base64>                          of the pseudonyms (RFC 9381)
//   persons 1234 <base64>                 number of keys and root of the public map
//   secret <base64>                       SHA-256 over a salt, the number of keys (u64) and the root of the secret map
//
//   entry = 2 ‖ SHA-256(salt ‖ statement)
import { type ClientId, decodeServerId, idKey, ProtocolError, type ServerId } from '#protocol'
import { isTreeSize, type MapHead, VRF_KEY_BYTES } from '#transparency'
import { decodeBase64, digest, encodeBase64 } from '#trust'
import { SALT_BYTES } from '../log-record.ts'
import { TrackerError } from './error.ts'

export interface TrackerStatement {
  readonly server: ServerId
  /** Milliseconds since 1970. */
  readonly at: number
  /** The last record of the log that was looked at. */
  readonly records: number
  /** Uses before this time are erased: only their links are left. Milliseconds since 1970, 0 for none. */
  readonly erasedBefore: number
  readonly key: Uint8Array
  readonly persons: MapHead
  readonly secret: Uint8Array
}

/** First octet of the entry; records have another (log-record.ts). */
export const TRACKER_ENTRY = 2

const FORMAT = 'saadik data tracker statement v1'
const MAX_BYTES = 4096

export function formatStatement({ server, at, records, erasedBefore, key, persons, secret }: TrackerStatement): Buffer {
  const lines = [
    FORMAT,
    `server ${idKey(server)}`,
    `at ${at}`,
    `records ${records}`,
    `erased ${erasedBefore}`,
    `key ${encodeBase64(key)}`,
    `persons ${persons.count} ${encodeBase64(persons.root)}`,
    `secret ${encodeBase64(secret)}`,
  ]
  return Buffer.from(lines.map((line) => `${line}\n`).join(''))
}

/** Reads a stranger's. Throws TrackerError. */
export function parseStatement(bytes: Uint8Array): TrackerStatement {
  if (bytes.length > MAX_BYTES) throw malformed('it is too long')
  const lines = Buffer.from(bytes).toString('utf8').split('\n')
  if (lines[0] !== FORMAT) throw malformed('it does not begin as one')
  const field = (index: number, name: string): string => {
    const line = lines[index] ?? ''
    if (!line.startsWith(`${name} `)) throw malformed(`it has no ${name}`)
    return line.slice(name.length + 1)
  }
  const number = (text: string): number => {
    const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
    if (!isTreeSize(value)) throw malformed('a number is none')
    return value
  }
  const octets = (text: string): Uint8Array => {
    const value = decodeBase64(text)
    if (value?.length !== VRF_KEY_BYTES) throw malformed('a digest or key has not 32 octets')
    return value
  }
  const [count = '', root = ''] = field(6, 'persons').split(' ')
  const statement: TrackerStatement = {
    server: serverIn(field(1, 'server')),
    at: number(field(2, 'at')),
    records: number(field(3, 'records')),
    erasedBefore: number(field(4, 'erased')),
    key: octets(field(5, 'key')),
    persons: { count: number(count), root: octets(root) },
    secret: octets(field(7, 'secret')),
  }
  // One statement has one text: nothing may stand behind or between.
  if (!formatStatement(statement).equals(bytes)) throw malformed('it is not as it would be written')
  return statement
}

/** What stands for the secret map. */
export function secretDigest(salt: Uint8Array, { count, root }: MapHead): Uint8Array {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(count))
  return digest('SHA-256', salt, number, root)
}

export function statementEntry(salt: Uint8Array, statement: Uint8Array): Uint8Array {
  if (salt.length !== SALT_BYTES) throw new TypeError(`A salt has ${SALT_BYTES} octets, not ${salt.length}`)
  return Buffer.concat([Uint8Array.of(TRACKER_ENTRY), digest('SHA-256', salt, statement)])
}

/** What the pseudonym of a person is made of: each provider's persons have their own. */
export function pseudonymInput(provider: ClientId, person: string): Uint8Array {
  // Identifiers have no line break.
  return Buffer.from(`${idKey(provider)}\n${person}`)
}

/** The key of a map, from the output of the function. */
export function mapKey(output: Uint8Array): Uint8Array {
  return output.subarray(0, 32)
}

function serverIn(text: string): ServerId {
  try {
    return decodeServerId(text)
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw malformed(cause.message, cause)
  }
}

function malformed(why: string, cause?: unknown): TrackerError {
  return new TrackerError(`This is no statement of a data tracker: ${why}`, { cause })
}
