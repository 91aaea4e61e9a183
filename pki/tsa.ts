// The time-stamping authority (RFC 3161). It swears to two things: that a digest existed at a time, and that no serial
// number is used twice. Both must survive a crash, so serial numbers and times are reserved on disk before they are used.

import type { Kysely } from 'kysely'
import { type Clock, turnstile } from '#host'
import type { SignerClient } from '#signer'
import {
  buildTimestampResponse,
  type Certificate,
  type DigestName,
  parseTimestampRequest,
  signatureFor,
  type TimestampRequest,
  TrustError,
  timestampRejection,
} from '#trust'
import { PkiError } from './error.ts'
import { type Authority, authority } from './store/authorities.ts'
import type { PkiTables } from './store/schema.ts'
import type { SerialStore } from './store/serials.ts'

/** Digests worth time-stamping for years. SHA-1 and SHA-224 are refused (badAlg). */
const DIGESTS: readonly DigestName[] = ['SHA-256', 'SHA-384', 'SHA-512', 'SHA3-256', 'SHA3-384', 'SHA3-512']
/** Serial numbers set aside with one write; a crash loses the rest of them, which costs nothing. */
const BLOCK = 1000
/** How far ahead of the clock times are declared with one write; after a crash the TSA refuses for as long at most. Milliseconds. */
const LEASE = 1000
/** What genTime may be off by, as far as the operator's clock is synchronised (RFC 3161 §2.4.2). */
const ACCURACY_SECONDS = 1

export interface TsaContext {
  readonly db: Kysely<PkiTables>
  readonly serials: SerialStore
  readonly signer: SignerClient
  readonly clock: Clock
  readonly policy: string
}

export interface TsaAnswer {
  readonly der: Uint8Array
  readonly granted: boolean
}

export interface TimestampingAuthority {
  /** Answers one TimeStampReq; what cannot be granted gets a rejection (RFC 3161 §2.4.2), never a throw. `cause` is for the log. */
  answer(request: Uint8Array, onFault: (cause: unknown) => void): Promise<TsaAnswer>
  /** Undefined before the ceremony. */
  certificate(): Promise<Certificate | undefined>
  /** At an orderly stop. */
  settle(): Promise<void>
}

export function timestampingAuthority({ db, serials, signer, clock, policy }: TsaContext): TimestampingAuthority {
  const allot = allotment(serials, clock)
  let identity: Authority | undefined

  /** Read once: a TSA's certificate is pinned by global configurations and never renewed behind their back. */
  async function self(): Promise<(Authority & { certificate: Certificate }) | undefined> {
    if (identity?.certificate === undefined) identity = await authority(db, 'tsa')
    const { certificate } = identity ?? {}
    return identity === undefined || certificate === undefined ? undefined : { ...identity, certificate }
  }

  async function answer(bytes: Uint8Array, onFault: (cause: unknown) => void): Promise<TsaAnswer> {
    let request: TimestampRequest
    try {
      request = parseTimestampRequest(bytes)
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      return rejection('badDataFormat', 'not a TimeStampReq')
    }
    if (request.hasExtensions) return rejection('unacceptedExtension', 'no extensions are known here')
    const { digest } = request
    if (digest === undefined || !DIGESTS.includes(digest.name))
      return rejection('badAlg', `only ${DIGESTS.join(', ')} are time-stamped`)
    if (request.imprint.length !== digest.length)
      return rejection('badDataFormat', 'the imprint is not as long as its digest')
    if (request.policy !== undefined && request.policy !== policy)
      return rejection('unacceptedPolicy', `the policy here is ${policy}`)
    try {
      return { der: await grant(request), granted: true }
    } catch (error) {
      onFault(error)
      if (error instanceof PkiError && error.code === 'clock_went_back')
        return rejection('timeNotAvailable', 'the clock cannot be trusted now')
      return rejection('systemFailure', 'cannot sign now')
    }
  }

  async function grant(request: TimestampRequest): Promise<Uint8Array> {
    const tsa = await self()
    if (tsa === undefined) throw new PkiError('not_ready', 'the key ceremony has not been held')
    const { genTime, serialNumber } = await allot.next()
    if (genTime < tsa.certificate.notBefore || genTime > tsa.certificate.notAfter) {
      throw new PkiError('not_ready', "the TSA's certificate is not valid now")
    }
    const algorithm = signatureFor(tsa.certificate.publicKey, 'SHA-512')
    return await buildTimestampResponse(
      {
        request,
        tsa: tsa.certificate,
        policy,
        serialNumber,
        genTime,
        accuracy: ACCURACY_SECONDS,
        algorithm,
      },
      (data) => signer.sign({ key: tsa.keyId, purpose: 'timestamp', algorithm: algorithm.name, data }),
    )
  }

  return {
    answer,
    settle: () => allot.settle(),
    async certificate() {
      return (await self())?.certificate
    },
  }
}

/**
 * Hands out pairs of a time and a serial number. Times never decrease and serial numbers never repeat, over restarts too:
 * before a pair leaves, the store on disk says that numbers up to `end` are spent and times up to `ceiling` may be out.
 * A clock that stands before a time already declared is refused rather than corrected: which of the two is wrong, only
 * the operator knows.
 */
function allotment(serials: SerialStore, clock: Clock) {
  const takeTurns = turnstile()
  let next = 0
  let end = 0
  let ceiling = Number.NEGATIVE_INFINITY
  /** No token may say less. Undefined until the store was asked once. */
  let floor: number | undefined
  let issued = false

  async function take(): Promise<{ genTime: Date; serialNumber: bigint }> {
    const now = clock.now().getTime()
    refuseBefore(now, floor)
    if (next === end || now > ceiling) {
      const reserved = await serials.reserve(next === end ? BLOCK : 0, now + LEASE)
      if (next === end) ({ first: next, end } = reserved)
      // A crash here loses a block and, at worst, makes the next start wait for LEASE.
      floor ??= reserved.ceiling
      ceiling = Math.max(now + LEASE, reserved.ceiling)
      refuseBefore(now, floor)
    }
    floor = now
    issued = true
    return { genTime: new Date(now), serialNumber: BigInt(next++) }
  }

  return {
    next: () => takeTurns(take),
    settle: () => takeTurns(async () => (issued && floor !== undefined ? serials.settle(floor) : undefined)),
  }
}

function refuseBefore(now: number, floor: number | undefined): void {
  if (floor !== undefined && now < floor) {
    const [clock, last] = [new Date(now).toISOString(), new Date(floor).toISOString()]
    throw new PkiError('clock_went_back', `the clock says ${clock}, but time-stamps up to ${last} may have been given`)
  }
}

function rejection(failure: Parameters<typeof timestampRejection>[0], text: string): TsaAnswer {
  return { der: timestampRejection(failure, text), granted: false }
}
