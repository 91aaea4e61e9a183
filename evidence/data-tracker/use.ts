// One use of a person's data, and the chain that binds all of them in their order: who is shown the head cannot be shown fewer.
//
//   use    = at, client, service, operation, basis, user, record       each behind its length (u32; 0xFFFFFFFF: absent), at as u64
//   digest = SHA-256('saadik data tracker use v1' ‖ 0 ‖ use)
//   head   = SHA-256('saadik data tracker chain v1' ‖ 0 ‖ head before ‖ day, u32 ‖ digest)      the first goes on from 32 zeros
//
// Of a use that was erased day and digest are left, so that the chain still holds. `record` is what the server's log has committed to of the
// message, with a salt that nobody can guess: so nobody can try out what a digest stands for.
import { digest } from '#trust'
import { TrackerError } from './error.ts'

export interface Use {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Who asked, as `idKey` writes it. */
  readonly client: string
  /** What was asked, as `idKey` writes it. */
  readonly service: string
  /** Which of the service's operations, where the register says it. */
  readonly operation?: string
  /** The legal basis, as who asked said. */
  readonly basis?: string
  /** Who sat before the information system, where the register tells it. */
  readonly user?: string
  /** Commitment of the message's record in the log (log-record.ts); 32 octets. */
  readonly record: Uint8Array
}

/** What the chain is made of. */
export interface Link {
  /** Days since 1970-01-01, UTC. */
  readonly day: number
  readonly digest: Uint8Array
}

export const CHAIN_START: Uint8Array = new Uint8Array(32)
export const HEAD_BYTES = 32

const DAY_MS = 86_400_000
const ABSENT = 0xffffffff

export function linkOf(use: Use): Link {
  return { day: Math.floor(use.at / DAY_MS), digest: digest('SHA-256', tagged('use'), encodeUse(use)) }
}

/** The head behind a link. */
export function chained(head: Uint8Array, { day, digest: use }: Link): Uint8Array {
  const number = Buffer.alloc(4)
  number.writeUInt32BE(day)
  return digest('SHA-256', tagged('chain'), head, number, use)
}

/** What the map has for a person. */
export function mapValue(count: number, head: Uint8Array): Uint8Array {
  const number = Buffer.alloc(8)
  number.writeBigUInt64BE(BigInt(count))
  return Buffer.concat([number, head])
}

function encodeUse({ at, client, service, operation, basis, user, record }: Use): Uint8Array {
  if (record.length !== HEAD_BYTES) throw new TrackerError(`A record's commitment has ${HEAD_BYTES} octets`)
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(at))
  const texts = [client, service, operation, basis, user].map((text) => (text === undefined ? text : Buffer.from(text)))
  const fields = [time, ...texts, record].flatMap((field) => [u32(field?.length ?? ABSENT), field ?? Buffer.alloc(0)])
  return Buffer.concat(fields)
}

function tagged(what: 'use' | 'chain'): Buffer {
  return Buffer.from(`saadik data tracker ${what} v1\0`)
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
