// Whether a database is prepared to be captured, and still is: asked at each connection, because who administers it can change all of it.
import type { PostgresConnection } from '#host'
import { EmbassyError } from '../../error.ts'

/** Logical messages and pg_read_all_data came with it. */
const FIRST_VERSION = 140_000
const HOW = 'run data-embassy/prepare-postgres.ts (docs/data-embassy-postgresql.md)'

/** Throws `source_unsupported` with all that is wrong. */
export async function requireReady(control: PostgresConnection): Promise<void> {
  const { rows } = await control.query(`
    SELECT current_setting('server_version_num')::int AS version, current_setting('wal_level') AS wal,
      to_regclass('saadik.object') IS NOT NULL AND to_regclass('saadik.key') IS NOT NULL AND to_regclass('saadik.told') IS NOT NULL AS prepared,
      EXISTS (SELECT FROM pg_publication WHERE pubname = 'saadik' AND puballtables AND pubinsert AND pubupdate AND pubdelete AND pubtruncate) AS published,
      (SELECT count(*) FROM pg_event_trigger WHERE evtname IN ('saadik_after_statement', 'saadik_after_drop', 'saadik_before_rewrite') AND evtenabled = 'A') AS triggers`)
  const { version, wal, prepared, published, triggers } = rows[0] ?? {}
  const wrong = [
    ...(Number(version) < FIRST_VERSION ? [`PostgreSQL ${version} is older than 14`] : []),
    ...(wal === 'logical' ? [] : [`wal_level is ${wal}, it must be logical (and the server started again)`]),
    ...(prepared === true ? [] : [`the database is not prepared: ${HOW}`]),
    ...(prepared !== true || published === true
      ? []
      : [`the publication saadik is gone or not for all tables: ${HOW}`]),
    ...(prepared !== true || triggers === 3 ? [] : [`event triggers are gone or disabled: ${HOW}`]),
  ]
  if (prepared === true) wrong.push(...(await unfit(control)))
  if (wrong.length > 0)
    throw new EmbassyError('source_unsupported', `The database cannot be captured: ${wrong.join('; ')}`)
}

async function unfit(control: PostgresConnection): Promise<string[]> {
  const { rows } = await control.query(`
    SELECT 'it has what cannot be captured exactly: ' || string_agg(what, ', ') AS wrong FROM (SELECT saadik.unsupported() AS what LIMIT 20) u
    UNION ALL SELECT 'replica identities were changed: ' || string_agg(name, ', ') FROM (
      SELECT c.oid::regclass::text AS name FROM pg_class c JOIN saadik.object o ON o.kind = 'table' AND o.oid = c.oid
      WHERE c.relkind = 'r' AND c.relreplident <> saadik.identity_of(c.oid) LIMIT 20) i`)
  return rows.flatMap(({ wrong }) => (wrong === null ? [] : [String(wrong)]))
}
