// The schema of a database in which a register is made again.
import type { Client } from 'pg'
import { quoteName } from './ddl/quote.ts'

/** Stands there while a register is made; whoever finds it afterwards has half a register. */
export const UNFINISHED = 'saadik_unfinished'

/** What is in a database that should be empty; nothing where it is. */
export async function contentOf(db: Client): Promise<string | undefined> {
  const { rows } = await db.query(
    `SELECT string_agg(what, ', ') AS what FROM (
       SELECT 'schema ' || nspname AS what FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'public')
       UNION ALL SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
       UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = to_regnamespace('public')
       UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = to_regnamespace('public') AND typtype <> 'b'
       UNION ALL SELECT 'routine ' || proname FROM pg_proc WHERE pronamespace = to_regnamespace('public')
       LIMIT 10) found`,
  )
  return (rows[0] as { what: string | null } | undefined)?.what ?? undefined
}

/** Takes away everything that a register has: another picture of it begins, or none will be. */
export async function clear(db: Client): Promise<void> {
  if ((await contentOf(db)) === undefined) return
  const { rows } = await db.query(
    `SELECT 'EXTENSION' AS kind, extname AS name FROM pg_extension WHERE extname <> 'plpgsql'
     UNION ALL SELECT 'SCHEMA', nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', '${UNFINISHED}')`,
  )
  for (const { kind, name } of rows as { kind: string; name: string }[])
    await db.query(`DROP ${kind} IF EXISTS ${quoteName(name)} CASCADE`)
  // As a new database has it.
  await db.query('CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC')
}

/** Triggers and rules that fire although session_replication_role is `replica`: still, until {@link HeldStill.release}. */
export class HeldStill {
  readonly #db: Client
  #held: { readonly catalog: string; readonly oid: string; readonly state: string }[] = []

  constructor(db: Client) {
    this.#db = db
  }

  async hold(table: string): Promise<void> {
    const { rows } = await this.#db.query(
      `SELECT 'pg_trigger' AS catalog, oid::text AS oid, tgname AS name, tgenabled AS state FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgenabled IN ('A', 'R')
       UNION ALL SELECT 'pg_rewrite', oid::text, rulename, ev_enabled FROM pg_rewrite WHERE ev_class = $1::regclass AND rulename <> '_RETURN' AND ev_enabled IN ('A', 'R')`,
      [table],
    )
    for (const { catalog = '', oid = '', name = '', state = '' } of rows as Record<string, string>[]) {
      await this.#db.query(
        `ALTER TABLE ONLY ${table} DISABLE ${catalog === 'pg_trigger' ? 'TRIGGER' : 'RULE'} ${quoteName(name)}`,
      )
      this.#held.push({ catalog, oid, state })
    }
  }

  /** As they were, whatever they are called by now. */
  async release(): Promise<void> {
    const held = this.#held
    this.#held = []
    for (const { catalog, oid, state } of held) {
      const [kind, name, table] =
        catalog === 'pg_trigger' ? ['TRIGGER', 'tgname', 'tgrelid'] : ['RULE', 'rulename', 'ev_class']
      const { rows } = await this.#db.query(
        `SELECT ${name} AS name, ${table}::regclass::text AS relation FROM ${catalog} WHERE oid = $1`,
        [oid],
      )
      for (const { name: is = '', relation } of rows as Record<string, string>[])
        await this.#db.query(
          `ALTER TABLE ONLY ${relation} ENABLE ${state === 'A' ? 'ALWAYS' : 'REPLICA'} ${kind} ${quoteName(is)}`,
        )
    }
  }
}
