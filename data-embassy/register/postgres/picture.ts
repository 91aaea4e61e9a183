// A whole picture of a register on PostgreSQL, from the snapshot at which its replication slot begins: the statements that make it, every row, where its
// sequences stand. What comes after it comes from the slot, nothing twice and nothing between.
import type { Client } from 'pg'
import { connectDriver, type DatabaseSettings, type PostgresConnection } from '#host'
import { EmbassyError } from '../../error.ts'
import type { Captured } from '../source.ts'
import { CopyChannel } from './copy-channel.ts'
import { readCopyRow } from './copy-text.ts'
import { type Described, type RegisterObject, readObject } from './ddl/objects.ts'
import { qualified, quoteName } from './ddl/quote.ts'
import { schemaStatements } from './ddl/statements.ts'
import { toldSequence } from './decoder.ts'
import { nameOf } from './names.ts'
import { inPieces } from './pieces.ts'
import { type Position, readLsn, writePosition } from './position.ts'
import { keyOf, textValue } from './rows.ts'
import type { Sequences } from './sequences.ts'
import { VALUE_SESSION } from './session.ts'
import { findSlot } from './slot.ts'
import type { Told } from './told.ts'

/** Whoever holds a table exclusively holds the picture up; it begins anew after that. */
const LOCK_TIMEOUT = '10s'

export interface PictureOptions {
  readonly settings: DatabaseSettings
  readonly slot: string
  readonly control: PostgresConnection
  readonly sequences: Sequences
  readonly signal: AbortSignal
}

/**
 * Makes the slot anew and gives the picture; returns where it stands. Changes of the schema and TRUNCATE wait until it is read, everything else goes on.
 *
 * @throws {EmbassyError} `source_unsupported` where another agent reads from the slot
 */
export async function* picture(options: PictureOptions): AsyncGenerator<Captured, Position> {
  const { settings, slot, control, signal } = options
  const left = await findSlot(control, slot)
  if (left?.active)
    throw new EmbassyError('source_unsupported', `Another agent reads from the replication slot ${slot}`)
  // The snapshot lives until this connection says something else.
  const maker = await connectDriver(settings, { applicationName: slot, session: VALUE_SESSION, replication: true })
  const reader = await connectDriver(settings, {
    applicationName: `${slot} picture`,
    session: { ...VALUE_SESSION, lock_timeout: LOCK_TIMEOUT },
  })
  const cut = () => {
    for (const client of [maker, reader]) void client.end().catch(() => undefined)
  }
  signal.addEventListener('abort', cut)
  try {
    // Of a picture that was not ended, or of an agent whose log is gone: nothing stands on it.
    if (left !== undefined) await maker.query(`DROP_REPLICATION_SLOT ${quoteName(slot)}`)
    const made = await maker.query(`CREATE_REPLICATION_SLOT ${quoteName(slot)} LOGICAL pgoutput EXPORT_SNAPSHOT`)
    const { consistent_point: point, snapshot_name: snapshot } = made.rows[0] as Record<string, string>
    const lsn = readLsn(point ?? '')
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    await reader.query(`SET TRANSACTION SNAPSHOT '${(snapshot ?? '').replaceAll("'", '')}'`)
    const objects = await stillObjects(reader, control)
    const [within, at] = [writePosition({ lsn, changes: 0, picture: true }), new Date()]
    for await (const told of content(reader, objects, options))
      for (const change of inPieces(told)) yield { change: { ...change, position: within, at }, complete: false }
    await reader.query('COMMIT')
    const end: Position = { lsn, changes: 0, picture: false }
    const tables = objects.filter(({ kind }) => kind === 'table').length
    const last: Told = { operation: 'state', relation: 'database', key: null, row: { tables: `${tables}` } }
    yield { change: { ...last, position: writePosition(end), at }, complete: true }
    return end
  } finally {
    signal.removeEventListener('abort', cut)
    cut()
  }
}

async function* content(
  reader: Client,
  objects: readonly RegisterObject[],
  { control, sequences }: PictureOptions,
): AsyncGenerator<Told> {
  // The first statement of a picture says that whatever was there before is not there any more.
  yield schema('database', null)
  if (!objects.some(({ kind, is }) => kind === 'schema' && is.name === 'public'))
    yield schema('schema public', 'DROP SCHEMA IF EXISTS "public"')
  const { beforeRows, afterRows } = schemaStatements(objects)
  for (const { about, sql } of beforeRows) yield schema(about, sql)
  for (const each of objects) if (each.kind === 'table' && each.is.partitioned === null) yield* rowsOf(reader, each.is)
  for (const { about, sql } of afterRows) yield schema(about, sql)
  // Ahead of the snapshot, where they moved meanwhile: a number that is skipped harms nobody.
  for (const state of await sequences.moved(control)) yield toldSequence(state)
}

/** Every row, and how many there are. */
async function* rowsOf(reader: Client, table: Described<'table'>): AsyncGenerator<Told> {
  const columns = table.columns.filter(({ generated }) => generated === null)
  const relation = nameOf(table)
  const list = columns.map(({ name }) => quoteName(name)).join(', ')
  const channel = reader.query(new CopyChannel(`COPY (SELECT ${list} FROM ONLY ${qualified(table)}) TO STDOUT`))
  let count = 0
  for (;;) {
    await channel.wait()
    const piece = channel.take()
    if (piece === undefined) break
    const values = readCopyRow(piece, columns.length)
    const row = Object.fromEntries(
      columns.map(({ name, typeOid }, at) => [name, textValue(typeOid, values[at] ?? null)]),
    )
    count += 1
    yield { operation: 'insert', relation, key: keyOf(row, table.key), row }
  }
  yield { operation: 'state', relation, key: null, row: { rows: `${count}` } }
}

/** The objects of the snapshot, with every table held still: what a statement changed since then would be told in two minds. */
async function stillObjects(reader: Client, control: PostgresConnection): Promise<RegisterObject[]> {
  const { rows } = await reader.query(
    'SELECT kind, oid::text AS oid, description::text AS description FROM saadik.object',
  )
  const objects = (rows as Record<string, string>[]).map(({ kind = '', oid, description = '' }) =>
    readObject(kind, Number(oid), JSON.parse(description)),
  )
  const tables = objects.flatMap((each) => (each.kind === 'table' ? [qualified(each.is)] : []))
  if (tables.length > 0) await reader.query(`LOCK TABLE ONLY ${tables.join(', ONLY ')} IN ACCESS SHARE MODE`)
  const digest = `SELECT md5(string_agg(kind || ' ' || oid || ' ' || description::text, chr(10) ORDER BY kind, oid)) AS digest FROM saadik.object`
  const [then, now] = [await reader.query(digest), await control.query(digest)]
  // A table that was emptied or written anew since the snapshot looks empty from there.
  const { rows: anew } = await reader.query(
    `SELECT c.oid::regclass::text AS name FROM saadik.object o JOIN pg_class c ON c.oid = o.oid
     WHERE o.kind = 'table' AND c.relkind = 'r' AND c.relfilenode <> pg_relation_filenode(c.oid) LIMIT 1`,
  )
  if ((then.rows[0] as { digest: string }).digest === now.rows[0]?.['digest'] && anew.length === 0) return objects
  throw new SchemaMoved()
}

/** The schema changed between the snapshot and the moment at which it was held still: another picture will do. */
export class SchemaMoved extends Error {
  override readonly name = 'SchemaMoved'

  constructor() {
    super('the schema changed while a picture began')
  }
}

function schema(relation: string, sql: string | null): Told {
  return { operation: 'schema', relation, key: null, row: sql === null ? null : { sql } }
}
