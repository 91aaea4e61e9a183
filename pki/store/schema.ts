// The authorities' store. The CA alone writes it; the OCSP responder and the TSA read.

import type { Generated, Kysely } from 'kysely'
import { type Migration, openStore, openStoreForReading, type Store, type StorePlace } from '#host'

/** Who an authority is: root and issuing CA, the two delegated responders, the TSA. */
export type AuthorityRole = 'root' | 'issuing' | 'ocsp' | 'root-ocsp' | 'tsa'
export type IssuerRole = 'root' | 'issuing'

/** One row per role, written step by step by the ceremony. */
export interface AuthorityTable {
  role: AuthorityRole
  /** The signer's id of the key. */
  key_id: string
  /** DER; null between "key made" and "certificate issued". */
  certificate: Uint8Array | null
}

/** Every certificate that was ever going to be signed, before it was. Never deleted. Times are milliseconds since 1970. */
export interface CertificateTable {
  row: Generated<number>
  /** Hexadecimal, lower case, no leading zeros; unique over both issuers. */
  serial: string
  issuer: IssuerRole
  profile: string
  subject: string
  /** SHA-256 of the SubjectPublicKeyInfo, hexadecimal. */
  key_hash: string
  not_before: number
  not_after: number
  state: 'prepared' | 'issued' | 'revoked' | 'abandoned'
  /** SHA-256 of the TBSCertificate as handed to the signer: the digest in the signer's audit trail. */
  tbs_hash: string
  /** The certificate; null until it is signed. */
  der: Uint8Array | null
  prepared_at: number
  revoked_at: number | null
  reason: string | null
}

/** The newest CRL of each issuer. */
export interface CrlTable {
  issuer: IssuerRole
  number: number
  this_update: number
  next_update: number
  /** How many certificates it lists. */
  entries: number
  der: Uint8Array
}

export interface PkiTables {
  authority: AuthorityTable
  certificate: CertificateTable
  crl: CrlTable
}

const migrations: readonly Migration[] = [
  {
    name: '001-authorities',
    up: async (db: Kysely<unknown>) => {
      await db.schema
        .createTable('authority')
        .addColumn('role', 'text', (c) => c.primaryKey())
        .addColumn('key_id', 'text', (c) => c.notNull())
        .addColumn('certificate', 'blob')
        .execute()
      await db.schema
        .createTable('certificate')
        .addColumn('row', 'integer', (c) => c.primaryKey().autoIncrement())
        .addColumn('serial', 'text', (c) => c.notNull().unique())
        .addColumn('issuer', 'text', (c) => c.notNull())
        .addColumn('profile', 'text', (c) => c.notNull())
        .addColumn('subject', 'text', (c) => c.notNull())
        .addColumn('key_hash', 'text', (c) => c.notNull())
        .addColumn('not_before', 'integer', (c) => c.notNull())
        .addColumn('not_after', 'integer', (c) => c.notNull())
        .addColumn('state', 'text', (c) => c.notNull())
        .addColumn('tbs_hash', 'text', (c) => c.notNull())
        .addColumn('der', 'blob')
        .addColumn('prepared_at', 'integer', (c) => c.notNull())
        .addColumn('revoked_at', 'integer')
        .addColumn('reason', 'text')
        .execute()
      await db.schema.createIndex('certificate_key').on('certificate').column('key_hash').execute()
      await db.schema
        .createTable('crl')
        .addColumn('issuer', 'text', (c) => c.primaryKey())
        .addColumn('number', 'integer', (c) => c.notNull())
        .addColumn('this_update', 'integer', (c) => c.notNull())
        .addColumn('next_update', 'integer', (c) => c.notNull())
        .addColumn('entries', 'integer', (c) => c.notNull())
        .addColumn('der', 'blob', (c) => c.notNull())
        .execute()
    },
  },
]

/** The CA opens the store of the authorities, making it at the first start. */
export function openPkiStore(place: StorePlace): Store<PkiTables> {
  return openStore<PkiTables>(place, migrations)
}

/** The others read it: queries reject with HostError `store_unusable` until the CA has made it. */
export function readPkiStore(place: StorePlace): Store<PkiTables> {
  return openStoreForReading<PkiTables>(place, migrations)
}
