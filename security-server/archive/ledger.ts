// What has been archived, and up to where: a small store of this server. Without it the next archive of a group would not know where
// the last one ended; the log itself is not touched by it.
import type { Generated, Kysely, Selectable } from 'kysely'
import type { ArchiveEnd } from '#evidence'
import { type Migration, openStore, type Store, type StorePlace } from '#host'

interface Tables {
  /** A stretch of the log, archived in X-Road's order. There is at most one that is not finished, the last. */
  stretch: {
    id: Generated<number>
    /** Records after this one … */
    after_seq: number
    /** … up to this one. */
    to_seq: number
    /** When its newest record was made; ms. */
    newest_at: number
    finished: number
  }
  /** A file, from the moment at which it lies whole in the work folder. */
  file: {
    id: Generated<number>
    stretch: number
    /** '' where all are one group. */
    group_name: string
    name: string
    hash: string
    digest: string
    records: number
    first_at: number
    last_at: number
    made_at: number
    bytes: number
    /** SHA-256 in hex, as `bytes` of the file as it is stored: encrypted, where it is. */
    sha256: string
    /** The file of proofs beside it. */
    proofs_name: string | null
    proofs_bytes: number | null
    proofs_sha256: string | null
    /** When it was read back from its destination, and which that was. */
    proved_at: number | null
    destination: string | null
  }
  /** `last_success`: ms. */
  moment: { name: string; at: number }
}

const MIGRATIONS: readonly Migration[] = [
  {
    name: '001-archive',
    async up(db) {
      await db.schema
        .createTable('stretch')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('after_seq', 'integer', (column) => column.notNull().unique())
        .addColumn('to_seq', 'integer', (column) => column.notNull().unique())
        .addColumn('newest_at', 'integer', (column) => column.notNull())
        .addColumn('finished', 'integer', (column) => column.notNull())
        .execute()
      await db.schema
        .createTable('file')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('stretch', 'integer', (column) => column.notNull().references('stretch.id'))
        .addColumn('group_name', 'text', (column) => column.notNull())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('hash', 'text', (column) => column.notNull())
        .addColumn('digest', 'text', (column) => column.notNull())
        .addColumn('records', 'integer', (column) => column.notNull())
        .addColumn('first_at', 'integer', (column) => column.notNull())
        .addColumn('last_at', 'integer', (column) => column.notNull())
        .addColumn('made_at', 'integer', (column) => column.notNull())
        .addColumn('bytes', 'integer', (column) => column.notNull())
        .addColumn('sha256', 'text', (column) => column.notNull())
        .addColumn('proofs_name', 'text')
        .addColumn('proofs_bytes', 'integer')
        .addColumn('proofs_sha256', 'text')
        .addColumn('proved_at', 'integer')
        .addColumn('destination', 'text')
        .execute()
      await db.schema.createIndex('file_of_group').on('file').columns(['group_name', 'id']).execute()
      await db.schema.createIndex('file_of_stretch').on('file').column('stretch').execute()
      await db.schema
        .createTable('moment')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('at', 'integer', (column) => column.notNull())
        .execute()
    },
  },
]

/** A stretch of the log: records after one number up to another. */
export interface Stretch {
  readonly id: number
  readonly after: number
  readonly to: number
}

/** A file as it lies somewhere: what must come back when it is read. */
export interface StoredFile {
  readonly name: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

export interface ArchiveFile extends StoredFile {
  readonly id: number
  readonly stretch: number
  readonly group: string
  readonly hash: string
  readonly digest: string
  readonly records: number
  readonly firstAt: Date
  readonly lastAt: Date
  readonly madeAt: Date
  readonly proofs?: StoredFile
  readonly provedAt?: Date
  readonly destination?: string
}

export type NewArchiveFile = Omit<ArchiveFile, 'id' | 'provedAt' | 'destination'>
export type Moment = 'last_success'

export class Ledger {
  readonly #store: Store<Tables>
  readonly #db: Kysely<Tables>

  /** Opened by `ready`. Queries reject with HostError. */
  constructor(place: StorePlace) {
    this.#store = openStore<Tables>(place, MIGRATIONS)
    this.#db = this.#store.db
  }

  ready(): Promise<void> {
    return this.#store.ready()
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  /** The stretch that is not finished, or the last one. */
  async lastStretch(): Promise<(Stretch & { readonly finished: boolean }) | undefined> {
    const row = await this.#db.selectFrom('stretch').selectAll().orderBy('id', 'desc').limit(1).executeTakeFirst()
    return row && { id: row.id, after: row.after_seq, to: row.to_seq, finished: row.finished === 1 }
  }

  async begin(after: number, to: number, newest: Date): Promise<Stretch> {
    const values = { after_seq: after, to_seq: to, newest_at: newest.getTime(), finished: 0 }
    const { id } = await this.#db.insertInto('stretch').values(values).returning('id').executeTakeFirstOrThrow()
    return { id, after, to }
  }

  /** Records of the stretch that are in files. */
  async done(stretch: Stretch): Promise<number> {
    const { sum } = await this.#db
      .selectFrom('file')
      .where('stretch', '=', stretch.id)
      .select((select) => select.fn.sum('records').as('sum'))
      .executeTakeFirstOrThrow()
    return Number(sum ?? 0)
  }

  /** Where the group's last file ended. */
  async lastOf(group: string): Promise<ArchiveEnd | undefined> {
    const row = await this.#db
      .selectFrom('file')
      .where('group_name', '=', group)
      .select(['digest', 'name'])
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row && { digest: row.digest, file: row.name }
  }

  /** From here on its records are archived, and the next file of the group goes on from it. */
  async add(file: NewArchiveFile): Promise<ArchiveFile> {
    const { stretch, group, name, hash, digest, records, bytes, sha256, proofs } = file
    const { id } = await this.#db
      .insertInto('file')
      .values({
        ...{ stretch, group_name: group, name, hash, digest, records, bytes, sha256 },
        first_at: file.firstAt.getTime(),
        last_at: file.lastAt.getTime(),
        made_at: file.madeAt.getTime(),
        proofs_name: proofs?.name ?? null,
        proofs_bytes: proofs?.bytes ?? null,
        proofs_sha256: proofs?.sha256 ?? null,
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    return { ...file, id }
  }

  /** Files that were made and not yet read back, oldest first. */
  async unproved(): Promise<readonly ArchiveFile[]> {
    return (await this.#db.selectFrom('file').selectAll().where('proved_at', 'is', null).orderBy('id').execute()).map(
      toFile,
    )
  }

  async proved(file: ArchiveFile, at: Date, destination: string): Promise<void> {
    await this.#db.updateTable('file').set({ proved_at: at.getTime(), destination }).where('id', '=', file.id).execute()
  }

  /** Of a file that was never proved and is lost: its records are to be archived again. */
  async forget(file: ArchiveFile): Promise<void> {
    await this.#db.deleteFrom('file').where('id', '=', file.id).where('proved_at', 'is', null).execute()
  }

  async finish(stretch: Stretch): Promise<void> {
    await this.#db.updateTable('stretch').set({ finished: 1 }).where('id', '=', stretch.id).execute()
  }

  /** The last record up to which everything is in files that were read back and nothing is as young as `newest`; 0 for none. */
  async provedUpTo(newest: Date): Promise<number> {
    const first = await this.#db
      .selectFrom('stretch')
      .where((where) =>
        where.or([
          where('finished', '=', 0),
          where('newest_at', '>=', newest.getTime()),
          where('id', 'in', where.selectFrom('file').select('stretch').where('proved_at', 'is', null)),
        ]),
      )
      .select('after_seq')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst()
    return first?.after_seq ?? (await this.lastStretch())?.to ?? 0
  }

  /** A page of files, oldest first, after one. */
  async files(after: number, limit: number): Promise<readonly ArchiveFile[]> {
    const rows = await this.#db
      .selectFrom('file')
      .selectAll()
      .where('id', '>', after)
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(toFile)
  }

  async counts(): Promise<{ readonly files: number; readonly records: number }> {
    const { files, records } = await this.#db
      .selectFrom('file')
      .select((select) => [select.fn.countAll().as('files'), select.fn.sum('records').as('records')])
      .executeTakeFirstOrThrow()
    return { files: Number(files), records: Number(records ?? 0) }
  }

  async moment(name: Moment): Promise<Date | undefined> {
    const row = await this.#db.selectFrom('moment').where('name', '=', name).select('at').executeTakeFirst()
    return row && new Date(row.at)
  }

  async setMoment(name: Moment, at: Date): Promise<void> {
    const row = { name, at: at.getTime() }
    await this.#db
      .insertInto('moment')
      .values(row)
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ at: row.at }))
      .execute()
  }
}

function toFile(row: Selectable<Tables['file']>): ArchiveFile {
  const { proofs_name: proofs, proofs_bytes, proofs_sha256, proved_at, destination } = row
  return {
    id: row.id,
    stretch: row.stretch,
    group: row.group_name,
    name: row.name,
    hash: row.hash,
    digest: row.digest,
    records: row.records,
    firstAt: new Date(row.first_at),
    lastAt: new Date(row.last_at),
    madeAt: new Date(row.made_at),
    bytes: row.bytes,
    sha256: row.sha256,
    ...(proofs !== null && { proofs: { name: proofs, bytes: proofs_bytes ?? 0, sha256: proofs_sha256 ?? '' } }),
    ...(proved_at !== null && { provedAt: new Date(proved_at) }),
    ...(destination !== null && { destination }),
  }
}
