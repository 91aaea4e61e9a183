// Certificate revocation lists (RFC 5280 §5), one for each issuer: complete, numbered, made anew at each revocation and
// at half of their life. The register is the truth; a CRL is a signed copy of it that can always be made again.

import type { Kysely } from 'kysely'
import type { Clock } from '#host'
import type { SignerClient } from '#signer'
import {
  oids,
  publicKeyFromSpki,
  type SignatureAlgorithm,
  verifySignature,
  write,
  writeSignatureIdentifier,
} from '#trust'
import { REVOCATION_REASONS, type RevocationReason } from './contract.ts'
import { PkiError } from './error.ts'
import { authorityAlgorithm, type Issuer } from './issue.ts'
import { keyIdentifier } from './key-identifier.ts'
import { type CertificateRow, revokedBy } from './store/certificates.ts'
import type { IssuerRole, PkiTables } from './store/schema.ts'

const V2 = 1

export interface Crl {
  readonly number: number
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  /** How many certificates it lists. */
  readonly entries: number
  readonly der: Uint8Array
}

export interface CrlContext {
  readonly db: Kysely<PkiTables>
  readonly signer: SignerClient
  readonly clock: Clock
  /** From thisUpdate to nextUpdate. */
  readonly validSeconds: number
}

/** The newest CRL of an issuer as it was last signed, or undefined. */
export async function currentCrl(db: Kysely<PkiTables>, issuer: IssuerRole): Promise<Crl | undefined> {
  const row = await db.selectFrom('crl').selectAll().where('issuer', '=', issuer).executeTakeFirst()
  if (row === undefined) return undefined
  const { number, entries, der } = row
  return { number, entries, der, thisUpdate: new Date(row.this_update), nextUpdate: new Date(row.next_update) }
}

/** Whether a CRL still says all that the register knows (revocations are only ever added), and will for half of its life. */
function upToDate(crl: Crl, revoked: readonly CertificateRow[], now: Date): boolean {
  const half = (crl.thisUpdate.getTime() + crl.nextUpdate.getTime()) / 2
  return now.getTime() < half && crl.entries === revoked.length
}

/**
 * Gives the issuer's CRL, signing a new one when a revocation is missing from it or half of its life is over. Start-up,
 * schedule and revocation all call this, so a CRL that could not be signed once is made up for by whoever comes next.
 * Callers take turns (ca.ts), so that numbers only grow (RFC 5280 §5.2.3).
 */
export async function ensureCrl(issuer: Issuer, { db, signer, clock, validSeconds }: CrlContext): Promise<Crl> {
  const [known, revoked] = await Promise.all([currentCrl(db, issuer.role), revokedBy(db, issuer.role)])
  const now = clock.now()
  if (known !== undefined && upToDate(known, revoked, now)) return known
  if (issuer.certificate === undefined) throw new PkiError('not_ready', `the ${issuer.role} CA has no certificate yet`)

  const algorithm = authorityAlgorithm(publicKeyFromSpki(issuer.spki))
  const number = (known?.number ?? 0) + 1
  const thisUpdate = new Date(Math.floor(now.getTime() / 1000) * 1000)
  const nextUpdate = new Date(thisUpdate.getTime() + validSeconds * 1000)
  const tbs = tbsCertList({ issuer, algorithm, number, thisUpdate, nextUpdate, revoked })
  const signature = await signer.sign({ key: issuer.keyId, purpose: 'crl', algorithm: algorithm.name, data: tbs })
  if (!verifySignature(algorithm, publicKeyFromSpki(issuer.spki), tbs, signature)) {
    throw new PkiError('signature_mismatch', `the signer's key ${issuer.keyId} is not the ${issuer.role} CA's`)
  }
  const der = write.sequence(tbs, writeSignatureIdentifier(algorithm), write.bits(signature))

  // Durable before anyone sees it: a number is never given to two different lists that left.
  const entries = revoked.length
  const row = { number, this_update: thisUpdate.getTime(), next_update: nextUpdate.getTime(), entries, der }
  await db
    .insertInto('crl')
    .values({ issuer: issuer.role, ...row })
    .onConflict((conflict) => conflict.column('issuer').doUpdateSet(row))
    .execute()
  return { number, thisUpdate, nextUpdate, entries, der }
}

interface CrlFacts {
  readonly issuer: Issuer
  readonly algorithm: SignatureAlgorithm
  readonly number: number
  readonly thisUpdate: Date
  readonly nextUpdate: Date
  readonly revoked: readonly CertificateRow[]
}

/** TBSCertList (RFC 5280 §5.1.2): version 2, revokedCertificates left out when there are none. */
function tbsCertList({ issuer, algorithm, number, thisUpdate, nextUpdate, revoked }: CrlFacts): Uint8Array {
  const { certificate } = issuer
  if (certificate === undefined) throw new TypeError('an issuer without certificate signs no CRL')
  const extensions = write.sequence(
    extension(oids.authorityKeyIdentifier, write.sequence(write.tagged(0, false, keyIdentifier(issuer.spki)))),
    extension(oids.crlNumber, write.integer(number)),
  )
  return write.sequence(
    write.integer(V2),
    writeSignatureIdentifier(algorithm),
    certificate.subject.der,
    write.validity(thisUpdate),
    write.validity(nextUpdate),
    ...(revoked.length > 0 ? [write.sequence(...revoked.map(revokedEntry))] : []),
    write.tagged(0, true, extensions),
  )
}

/** reasonCode is left out for `unspecified` (RFC 5280 §5.3.1: SHOULD be absent rather than 0). */
function revokedEntry(row: CertificateRow): Uint8Array {
  const reason = REVOCATION_REASONS[(row.reason ?? 'unspecified') as RevocationReason]
  return write.sequence(
    write.integer(BigInt(`0x${row.serial}`)),
    write.validity(new Date(row.revoked_at ?? 0)),
    ...(reason === 0 ? [] : [write.sequence(extension(oids.crlReason, write.enumerated(reason)))]),
  )
}

/** None of the extensions of a CRL of ours is critical. */
function extension(oid: string, value: Uint8Array): Uint8Array {
  return write.sequence(write.oid(oid), write.octets(value))
}
