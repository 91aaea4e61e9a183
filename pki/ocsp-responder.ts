// The OCSP responder (RFC 6960): the register's word on a serial number, signed by a responder that the asked CA delegated.
// It holds no state of its own but a short memory of signed answers, which a change of status overrides at once.

import type { Kysely } from 'kysely'
import type { Clock } from '#host'
import type { SignerClient } from '#signer'
import {
  buildOcspResponse,
  type Certificate,
  certIdMatches,
  type OcspRequest,
  ocspErrorResponse,
  parseOcspRequest,
  type OcspAnswer as SingleAnswer,
  TrustError,
} from '#trust'
import { REVOCATION_REASONS } from './contract.ts'
import { authorityAlgorithm } from './issue.ts'
import { authority } from './store/authorities.ts'
import { type Standing, standing } from './store/certificates.ts'
import type { AuthorityRole, IssuerRole, PkiTables } from './store/schema.ts'

/** X-Road asks about one certificate at a time; `openssl ocsp` about a handful. */
const MAX_QUESTIONS = 32
const CACHE_ENTRIES = 4096
/** How long a responder's certificate is used before the store is asked whether it was renewed. */
const IDENTITY_MILLISECONDS = 10_000

export interface OcspContext {
  readonly db: Kysely<PkiTables>
  readonly signer: SignerClient
  readonly clock: Clock
  readonly nextUpdateSeconds: number
  readonly cacheSeconds: number
}

export interface OcspAnswer {
  readonly der: Uint8Array
  /** Seconds an HTTP cache may keep it; 0 for errors and answers with a nonce. */
  readonly maxAge: number
  readonly outcome: 'signed' | 'repeated' | 'refused'
}

export interface OcspResponder {
  /** Answers one DER request; a request that cannot be answered gets an error response (RFC 6960 §2.3), never a throw. `cause` is for the log. */
  answer(request: Uint8Array, onFault: (cause: unknown) => void): Promise<OcspAnswer>
  /** The certificate of the responder for what the issuing CA issued; undefined before the ceremony. */
  certificate(): Promise<Certificate | undefined>
}

/** A CA and the responder it delegated. */
interface Delegation {
  readonly issuer: { readonly role: IssuerRole; readonly certificate: Certificate }
  readonly responder: { readonly keyId: string; readonly certificate: Certificate }
}

const DELEGATIONS: readonly { readonly issuer: IssuerRole; readonly responder: AuthorityRole }[] = [
  { issuer: 'issuing', responder: 'ocsp' },
  { issuer: 'root', responder: 'root-ocsp' },
]

export function ocspResponder({ db, signer, clock, nextUpdateSeconds, cacheSeconds }: OcspContext): OcspResponder {
  const memory = new Map<string, { readonly der: Uint8Array; readonly until: number }>()
  let delegations: readonly Delegation[] = []
  let readAt = Number.NEGATIVE_INFINITY

  /** Both CAs with their responders; empty until the ceremony has made all four: half a picture would call the rest unknown. */
  async function authorities(): Promise<readonly Delegation[]> {
    const now = clock.now().getTime()
    if (delegations.length === 0 || Math.abs(now - readAt) > IDENTITY_MILLISECONDS) {
      const found = await Promise.all(DELEGATIONS.map(({ issuer, responder }) => delegation(db, issuer, responder)))
      delegations = found.every((each) => each !== undefined) ? found : []
      readAt = now
    }
    return delegations
  }

  async function answer(request: Uint8Array, onFault: (cause: unknown) => void): Promise<OcspAnswer> {
    let asked: OcspRequest
    try {
      asked = parseOcspRequest(request)
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      return refusal('malformedRequest')
    }
    if (asked.certIds.length === 0 || asked.certIds.length > MAX_QUESTIONS) return refusal('malformedRequest')
    try {
      return await respond(asked)
    } catch (error) {
      // Signer locked or away, store unreadable: later may be better. Never an answer that was not looked up.
      onFault(error)
      return refusal('tryLater')
    }
  }

  async function respond({ certIds, nonce }: OcspRequest): Promise<OcspAnswer> {
    const known = await authorities()
    const speaker = known.find(({ issuer }) => certIds.some((id) => certIdMatches(id, issuer.certificate))) ?? known[0]
    if (speaker === undefined) return refusal('tryLater')
    const { issuer, responder } = speaker

    // A serial number of another issuer is unknown to this one's responder: it has no authority to say more.
    const standings = await Promise.all(
      certIds.map((id) =>
        certIdMatches(id, issuer.certificate)
          ? standing(db, issuer.role, id.serialNumber)
          : ({ state: 'unknown' } as const),
      ),
    )
    const now = clock.now()
    const key = nonce === undefined ? memoryKey(responder.certificate, certIds, standings) : undefined
    const remembered = key === undefined ? undefined : memory.get(key)
    if (
      remembered !== undefined &&
      now.getTime() < remembered.until &&
      now.getTime() >= remembered.until - cacheSeconds * 1000
    ) {
      return { der: remembered.der, maxAge: Math.floor((remembered.until - now.getTime()) / 1000), outcome: 'repeated' }
    }

    const algorithm = authorityAlgorithm(responder.certificate.publicKey)
    const nextUpdate = nextUpdateSeconds > 0 ? { nextUpdate: new Date(now.getTime() + nextUpdateSeconds * 1000) } : {}
    const der = await buildOcspResponse(
      {
        responder: responder.certificate,
        producedAt: now,
        answers: certIds.map((id, index) => ({
          certId: id.raw,
          ...status(standings[index] ?? { state: 'unknown' }),
          thisUpdate: now,
          ...nextUpdate,
        })),
        ...(nonce === undefined ? {} : { nonce }),
        includeCertificates: [responder.certificate],
        algorithm,
      },
      (data) => signer.sign({ key: responder.keyId, purpose: 'ocsp', algorithm: algorithm.name, data }),
    )
    if (key !== undefined && cacheSeconds > 0) remember(key, der, now.getTime() + cacheSeconds * 1000)
    return { der, maxAge: key === undefined ? 0 : cacheSeconds, outcome: 'signed' }
  }

  /** Oldest out first: a Map keeps the order of insertion. */
  function remember(key: string, der: Uint8Array, until: number): void {
    memory.delete(key)
    memory.set(key, { der, until })
    const [oldest] = memory.keys()
    if (memory.size > CACHE_ENTRIES && oldest !== undefined) memory.delete(oldest)
  }

  return {
    answer,
    async certificate() {
      return (await authorities()).find(({ issuer }) => issuer.role === 'issuing')?.responder.certificate
    },
  }
}

async function delegation(
  db: Kysely<PkiTables>,
  issuer: IssuerRole,
  responder: AuthorityRole,
): Promise<Delegation | undefined> {
  const [ca, delegate] = await Promise.all([authority(db, issuer), authority(db, responder)])
  if (ca?.certificate === undefined || delegate?.certificate === undefined) return undefined
  return {
    issuer: { role: issuer, certificate: ca.certificate },
    responder: { keyId: delegate.keyId, certificate: delegate.certificate },
  }
}

/** What is asked and what is true now: an answer is repeated only while both are the same. */
function memoryKey(responder: Certificate, certIds: OcspRequest['certIds'], standings: readonly Standing[]): string {
  const parts = certIds.map((id, index) => `${Buffer.from(id.raw).toString('base64')}=${standings[index]?.state}`)
  return [responder.sha256, ...parts].join('|')
}

/** RFC 5280 §5.3.1: the reason `unspecified` is better left out. */
function status(standing: Standing): Pick<SingleAnswer, 'status' | 'revokedAt' | 'reason'> {
  if (standing.state !== 'revoked') return { status: standing.state }
  const reason = REVOCATION_REASONS[standing.reason]
  return { status: 'revoked', revokedAt: standing.at, ...(reason === 0 ? {} : { reason }) }
}

function refusal(kind: Parameters<typeof ocspErrorResponse>[0]): OcspAnswer {
  return { der: ocspErrorResponse(kind), maxAge: 0, outcome: 'refused' }
}
