// Who the authorities are, as far as the ceremony got.

import type { Kysely } from 'kysely'
import { type Certificate, parseCertificate } from '#trust'
import type { AuthorityRole, PkiTables } from './schema.ts'

export interface Authority {
  readonly role: AuthorityRole
  readonly keyId: string
  /** Absent between "key made" and "certificate issued". */
  readonly certificate?: Certificate
}

/** One authority, or undefined before its key was made. */
export async function authority(db: Kysely<PkiTables>, role: AuthorityRole): Promise<Authority | undefined> {
  const row = await db.selectFrom('authority').selectAll().where('role', '=', role).executeTakeFirst()
  if (row === undefined) return undefined
  return {
    role,
    keyId: row.key_id,
    ...(row.certificate === null ? {} : { certificate: parseCertificate(row.certificate) }),
  }
}

/** Records a role's key; a role keeps the key it has. */
export async function recordKey(db: Kysely<PkiTables>, role: AuthorityRole, keyId: string): Promise<void> {
  await db
    .insertInto('authority')
    .values({ role, key_id: keyId, certificate: null })
    .onConflict((conflict) => conflict.column('role').doNothing())
    .execute()
}

/** Records a role's certificate, the first or a renewed one. */
export async function recordCertificate(
  db: Kysely<PkiTables>,
  role: AuthorityRole,
  certificate: Certificate,
): Promise<void> {
  await db.updateTable('authority').set({ certificate: certificate.der }).where('role', '=', role).execute()
}
