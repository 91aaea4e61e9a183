// What a database needs before it can be captured, done once by its superuser, and again after an upgrade of ours: what changed meanwhile is told then.
import { readFileSync } from 'node:fs'
import type { Client } from 'pg'
import { quoteName } from './ddl/quote.ts'

const STEPS = ['state', 'described', 'unsupported', 'follow', 'begin'] as const

/**
 * Makes schema, functions, publication and event triggers, gives every table the replica identity that it needs, and lets `agent` read and replicate. Every step is
 * a transaction of its own; whatever was interrupted is done by doing it again.
 *
 * @param admin A superuser's connection to the register's database.
 * @param agent The role of the agent, which exists.
 * @returns How many tables tell their whole rows with every change, because they have long values or no key.
 * @throws What PostgreSQL says: `feature_not_supported` where the database has what cannot be captured exactly, each thing by name.
 */
export async function preparePostgres(admin: Client, agent: string): Promise<{ readonly whole: number }> {
  const steps = STEPS.map((step) => readFileSync(new URL(`./server/${step}.sql`, import.meta.url), 'utf8'))
  await transaction(admin, async () => {
    for (const sql of steps) await admin.query(sql)
    const role = quoteName(agent)
    await admin.query(`
      ALTER ROLE ${role} REPLICATION BYPASSRLS;
      GRANT pg_read_all_data, pg_read_all_stats TO ${role};
      GRANT USAGE ON SCHEMA saadik TO ${role}`)
  })
  // One by one: each waits for whoever uses the table, and nobody waits for the others meanwhile.
  const { rows } = await admin.query(
    "SELECT o.oid FROM saadik.object o JOIN pg_class c ON c.oid = o.oid WHERE o.kind = 'table' AND c.relkind = 'r' AND c.relreplident <> saadik.identity_of(c.oid)",
  )
  for (const { oid } of rows as { oid: string }[]) await admin.query('SELECT saadik.identify($1)', [oid])
  const { rowCount } = await admin.query(
    "SELECT FROM saadik.object o JOIN pg_class c ON c.oid = o.oid WHERE o.kind = 'table' AND c.relreplident = 'f'",
  )
  return { whole: rowCount ?? 0 }
}

async function transaction(admin: Client, work: () => Promise<void>): Promise<void> {
  await admin.query('BEGIN')
  try {
    await work()
    await admin.query('COMMIT')
  } catch (error) {
    await admin.query('ROLLBACK')
    throw error
  }
}
