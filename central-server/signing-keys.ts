// The keys that sign the configuration: one active for each source, others published and waiting (wire-conf §2.5, §10, 10).
//
// A new key is published first and activated later. Servers believe a key because a configuration they hold lists it; once every
// configuration without it has expired, all of them that still work know it, and it may sign.
import type { Kysely } from 'kysely'
import type { Clock, Log } from '#host'
import type { KeyInfo } from '#signer'
import { type Certificate, parseCertificate } from '#trust'
import { SOURCES, type Source } from './contract.ts'
import { CentralServerError } from './error.ts'
import type { CentralTables } from './registry/schema.ts'
import type { ConfigurationSigner } from './signer.ts'

export interface SourceKey {
  readonly id: string
  readonly source: Source
  readonly active: boolean
  readonly certificate: Certificate
  readonly addedAt: Date
  readonly publishedAt?: Date
}

export interface SigningKeys {
  /** Oldest first. */
  list(): Promise<readonly SourceKey[]>
  /** Makes the first key of each source that has none; it is active. @throws {SignerError} */
  ensure(): Promise<readonly SourceKey[]>
  /** Makes another key. @throws {SignerError} */
  add(source: Source): Promise<SourceKey>
  /** When the key can be activated; undefined until it is published. */
  activatableAt(key: SourceKey): Date | undefined
  /** From the next publication on this key signs. @throws {CentralServerError} `unknown_key`, `key_refused` */
  activate(id: string, force: boolean): Promise<SourceKey>
  /** Takes it out of anchors and sources; the signer keeps the key itself. @throws {CentralServerError} `unknown_key`, `key_refused` */
  remove(id: string): Promise<SourceKey>
  /** Notes that these are listed in what is published now. */
  notePublished(keys: readonly SourceKey[], at: Date): Promise<void>
}

export interface SigningKeysParts {
  readonly db: Kysely<CentralTables>
  readonly signer: ConfigurationSigner
  readonly clock: Clock
  readonly log: Log
  readonly algorithm: KeyInfo['algorithm']
  /** Life of a published configuration. */
  readonly expireSeconds: number
}

/** Names of the certificates, as the reference gives them. */
const COMMON_NAMES: Readonly<Record<Source, string>> = {
  internal: 'internalSigningKey',
  external: 'externalSigningKey',
}

export function signingKeys({ db, signer, clock, log, algorithm, expireSeconds }: SigningKeysParts): SigningKeys {
  async function list(): Promise<readonly SourceKey[]> {
    const rows = await db.selectFrom('signing_key').selectAll().orderBy('added_at').orderBy('id').execute()
    return rows.map((row) => ({
      id: row.id,
      source: row.source,
      active: row.active === 1,
      certificate: parseCertificate(row.certificate),
      addedAt: new Date(row.added_at),
      ...(row.published_at !== null && { publishedAt: new Date(row.published_at) }),
    }))
  }

  async function known(id: string): Promise<SourceKey> {
    const key = (await list()).find((each) => each.id === id)
    if (key === undefined) throw new CentralServerError('unknown_key', `There is no signing key ${id}`)
    return key
  }

  /** The key is the signer's from its first moment; a crash before the row leaves a key there that nothing uses. */
  async function make(source: Source, active: boolean): Promise<SourceKey> {
    const { id } = await signer.generate({ use: 'configuration', algorithm, label: `${source} configuration` })
    const certificate = await signer.selfSign({ key: id, commonName: COMMON_NAMES[source] })
    const row = {
      id,
      source,
      certificate,
      active: active ? 1 : 0,
      added_at: clock.now().toISOString(),
      published_at: null,
    }
    await db.insertInto('signing_key').values(row).execute()
    log.info('signing key made', { key: id, source, active })
    return known(id)
  }

  async function ensure(): Promise<readonly SourceKey[]> {
    const keys = await list()
    const missing = SOURCES.filter((source) => !keys.some((key) => key.source === source && key.active))
    for (const source of missing) await make(source, true)
    return missing.length === 0 ? keys : list()
  }
  /** Under way: two callers at once must not make two first keys. */
  let ensuring: Promise<readonly SourceKey[]> | undefined

  const activatableAt = ({ publishedAt }: SourceKey): Date | undefined =>
    publishedAt && new Date(publishedAt.getTime() + expireSeconds * 1000)

  return {
    list,
    activatableAt,
    ensure() {
      ensuring ??= ensure().finally(() => {
        ensuring = undefined
      })
      return ensuring
    },
    add: (source) => make(source, false),
    async activate(id, force) {
      const key = await known(id)
      if (key.active) return key
      const from = activatableAt(key)
      if (!force && (from === undefined || from > clock.now()))
        throw new CentralServerError(
          'key_refused',
          from === undefined
            ? `The key ${id} has not been published yet: nobody would know it`
            : `The key ${id} can be activated at ${from.toISOString()}: until then there are configurations that do not list it`,
        )
      await db.transaction().execute(async (transaction) => {
        await transaction.updateTable('signing_key').set({ active: 0 }).where('source', '=', key.source).execute()
        await transaction.updateTable('signing_key').set({ active: 1 }).where('id', '=', id).execute()
      })
      log.info('signing key activated', { key: id, source: key.source, force })
      return known(id)
    },
    async remove(id) {
      const key = await known(id)
      if (key.active)
        throw new CentralServerError('key_refused', `The key ${id} signs: activate another one before it is deleted`)
      await db.deleteFrom('signing_key').where('id', '=', id).execute()
      log.info('signing key deleted', { key: id, source: key.source })
      return key
    },
    async notePublished(keys, at) {
      const fresh = keys.filter(({ publishedAt }) => publishedAt === undefined).map(({ id }) => id)
      if (fresh.length === 0) return
      await db
        .updateTable('signing_key')
        .set({ published_at: at.toISOString() })
        .where('id', 'in', fresh)
        .where('published_at', 'is', null)
        .execute()
    },
  }
}
