// The register of certificates: what stands here before the signer is asked, and what becomes of it.

import type { Kysely, Selectable } from 'kysely'
import type { Certificate } from '#trust'
import type { CertificateState, RevocationReason } from '../contract.ts'
import { PkiError } from '../error.ts'
import type { CertificateTable, IssuerRole, PkiTables } from './schema.ts'

export type CertificateRow = Selectable<CertificateTable>

/** Serial numbers as the register spells them: hexadecimal, lower case, no leading zeros. */
export function serialText(serial: bigint): string {
  return serial.toString(16)
}

export interface Preparation {
  readonly draft: Certificate
  readonly issuer: IssuerRole
  readonly profile: string
  readonly keyHash: string
  readonly tbsHash: string
  readonly at: Date
}

/**
 * Writes down, durably, that a certificate is about to be signed. A crash after this leaves a `prepared` row, which
 * `abandonPrepared` closes at the next start; the signature, if it was ever made, died with the process.
 * Refuses a key that is already certified for another purpose or holder, or whose compromise was reported.
 */
export async function recordPreparation(
  db: Kysely<PkiTables>,
  { draft, issuer, profile, keyHash, tbsHash, at }: Preparation,
): Promise<void> {
  await db.transaction().execute(async (tx) => {
    const earlier = await tx
      .selectFrom('certificate')
      .select(['profile', 'subject', 'reason', 'serial'])
      .where('key_hash', '=', keyHash)
      .where('state', '!=', 'abandoned')
      .execute()
    for (const other of earlier) {
      if (other.reason === 'keyCompromise') {
        throw new PkiError(
          'key_already_certified',
          `this key was reported compromised (certificate ${other.serial}): make a new one`,
        )
      }
      // One key, one purpose, one holder: a TLS peer must never obtain what can be shown as the institution's seal.
      if (other.profile !== profile || other.subject !== draft.subject.text) {
        const holder = `${other.profile} certificate of ${other.subject}`
        throw new PkiError('key_already_certified', `this key is in the ${holder}: make a new one`)
      }
    }
    await tx
      .insertInto('certificate')
      .values({
        serial: serialText(draft.serialNumber),
        issuer,
        profile,
        subject: draft.subject.text,
        key_hash: keyHash,
        not_before: draft.notBefore.getTime(),
        not_after: draft.notAfter.getTime(),
        state: 'prepared',
        tbs_hash: tbsHash,
        der: null,
        prepared_at: at.getTime(),
        revoked_at: null,
        reason: null,
      })
      .execute()
  })
}

/** Stores the signed certificate, durably; only after this may it leave the process. */
export async function recordIssued(db: Kysely<PkiTables>, certificate: Certificate): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('certificate')
    .set({ state: 'issued', der: certificate.der })
    .where('serial', '=', serialText(certificate.serialNumber))
    .where('state', '=', 'prepared')
    .executeTakeFirstOrThrow()
  if (numUpdatedRows !== 1n) throw new PkiError('token_spent', 'the register no longer expects this certificate')
}

/** At start: closes what a crash left open. Returns how many there were. */
export async function abandonPrepared(db: Kysely<PkiTables>): Promise<number> {
  const { numUpdatedRows } = await db
    .updateTable('certificate')
    .set({ state: 'abandoned' })
    .where('state', '=', 'prepared')
    .executeTakeFirstOrThrow()
  return Number(numUpdatedRows)
}

/** Marks a certificate revoked, durably; a second revocation changes nothing. Returns the row as it stands then. */
export async function recordRevocation(
  db: Kysely<PkiTables>,
  serial: string,
  reason: RevocationReason,
  at: Date,
): Promise<CertificateRow> {
  await db
    .updateTable('certificate')
    .set({ state: 'revoked', reason, revoked_at: at.getTime() })
    .where('serial', '=', serial)
    .where('state', '=', 'issued')
    .execute()
  const row = await db.selectFrom('certificate').selectAll().where('serial', '=', serial).executeTakeFirst()
  if (row?.state !== 'revoked') throw new PkiError('unknown_certificate', `no certificate ${serial} was issued here`)
  return row
}

/** What the OCSP responder may say of a serial number. Anything that never left is as unknown as what never was. */
export type Standing =
  | { readonly state: 'good' | 'unknown' }
  | { readonly state: 'revoked'; readonly at: Date; readonly reason: RevocationReason }

export async function standing(db: Kysely<PkiTables>, issuer: IssuerRole, serial: bigint): Promise<Standing> {
  const row = await db
    .selectFrom('certificate')
    .select(['state', 'revoked_at', 'reason'])
    .where('serial', '=', serialText(serial))
    .where('issuer', '=', issuer)
    .executeTakeFirst()
  if (row?.state === 'issued') return { state: 'good' }
  if (row?.state !== 'revoked') return { state: 'unknown' }
  return { state: 'revoked', at: new Date(row.revoked_at ?? 0), reason: row.reason as RevocationReason }
}

/** Revoked certificates of an issuer, for its CRL. Expired ones stay: evidence is judged long after (RFC 5280 §5: may stay). */
export async function revokedBy(db: Kysely<PkiTables>, issuer: IssuerRole): Promise<readonly CertificateRow[]> {
  return await db
    .selectFrom('certificate')
    .selectAll()
    .where('issuer', '=', issuer)
    .where('state', '=', 'revoked')
    .orderBy('row')
    .execute()
}

/** One page of the register, oldest first. */
export async function page(db: Kysely<PkiTables>, after: number, limit: number): Promise<readonly CertificateRow[]> {
  return await db.selectFrom('certificate').selectAll().where('row', '>', after).orderBy('row').limit(limit).execute()
}

/** How many certificates are in each state. */
export async function counts(db: Kysely<PkiTables>): Promise<ReadonlyMap<CertificateState, number>> {
  const rows = await db
    .selectFrom('certificate')
    .select(['state', (eb) => eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute()
  return new Map(rows.map(({ state, count }) => [state, Number(count)]))
}
