// A register on PostgreSQL, restored from a mirror into an empty database.
import { connectDriver, type DatabaseSettings } from '#host'
import { EmbassyError } from '../error.ts'
import { VALUE_SESSION } from '../register/postgres/session.ts'
import { PostgresTarget } from '../register/postgres/target.ts'
import { clear, contentOf, UNFINISHED } from '../register/postgres/target-schema.ts'
import { type Opening, openEntries } from './opening.ts'
import type { Restored } from './restore-sqlite.ts'

/** Entries between two reports. */
const REPORT_ENTRIES = 5_000

const SESSION = {
  ...VALUE_SESSION,
  // A function's body may name what is made behind it.
  check_function_bodies: 'off',
  default_transaction_isolation: 'read\\ committed',
  default_transaction_read_only: 'off',
  // Nothing of it counts before the last commit.
  synchronous_commit: 'on',
}

export interface RestoredPostgres extends Restored {
  /** Statements of foreign keys that do not hold any more, because the row they refer to was erased. They are there NOT VALID, where PostgreSQL has that. */
  readonly unproved: readonly string[]
}

/**
 * Makes everything in a database that has nothing yet. When it rejects the database is as empty as before; where the process ended, the schema
 * `saadik_unfinished` says that what is there is half a register.
 *
 * @param settings As who may set `session_replication_role`: triggers and foreign keys must not act while rows come.
 * @param progress Called now and then with the entries done.
 * @throws {EmbassyError} `target_unfit` where the database is not empty, or the user may not
 */
export async function restorePostgres(
  opening: Opening,
  settings: DatabaseSettings,
  progress: (entries: number) => void = () => {},
): Promise<RestoredPostgres> {
  const db = await connectDriver(settings, { applicationName: 'saadik restore', session: SESSION })
  let begun = false
  try {
    await requireFit(db)
    begun = true
    const target = await PostgresTarget.begin(db)
    const erased: number[] = []
    let [changes, position, asOf]: [number, string | undefined, Date | undefined] = [0, undefined, undefined]
    for await (const entry of openEntries(opening)) {
      if (entry.kind === 'erased') {
        erased.push(entry.index)
        target.erased()
      }
      if (entry.kind !== 'change') continue
      await target.apply(entry.change)
      ;({ position, at: asOf } = entry.change)
      changes += 1
      if (changes % REPORT_ENTRIES === 0) progress(changes)
    }
    return { changes, erased, position, asOf, unproved: await target.finish() }
  } catch (error) {
    if (begun) await undone(db)
    throw error
  } finally {
    await db.end().catch(() => undefined)
  }
}

type Database = Awaited<ReturnType<typeof connectDriver>>

async function requireFit(db: Database): Promise<void> {
  const { rows } = await db.query('SELECT getdatabaseencoding() AS encoding')
  const { encoding } = rows[0] as { encoding: string }
  const content = await contentOf(db)
  const why =
    encoding !== 'UTF8'
      ? `its encoding is ${encoding}, not UTF8`
      : content?.includes(UNFINISHED)
        ? 'a restore into it was not finished: drop it and make another'
        : content === undefined
          ? await forbidden(db)
          : `it is not empty: it has ${content}`
  if (why !== undefined) throw new EmbassyError('target_unfit', `The database cannot be restored into: ${why}`)
}

async function forbidden(db: Database): Promise<string | undefined> {
  try {
    await db.query('SET session_replication_role = replica; RESET session_replication_role')
    return undefined
  } catch {
    return 'triggers and foreign keys cannot be kept still: it takes a superuser, or SET ON PARAMETER session_replication_role'
  }
}

/** What was committed on the way is taken away again. A connection that broke leaves `saadik_unfinished`, or nothing. */
async function undone(db: Database): Promise<void> {
  try {
    await db.query('ROLLBACK')
    await clear(db)
    await db.query(`DROP SCHEMA IF EXISTS ${UNFINISHED}`)
  } catch {
    // The error before says more.
  }
}
