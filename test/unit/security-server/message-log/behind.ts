// What lies under a log, and what an administrator changes there behind its back: files in its folder, or rows of its tables.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { filesWith } from '../../../federation/canary.ts'
import { askStore, engine, placeIn } from '../../../stores.ts'

/** Runs SQL on the log's database: `sqlite` on this machine's, `postgres` on a PostgreSQL. */
export async function askLog(
  directory: string,
  { sqlite, postgres }: { readonly sqlite: string; readonly postgres: string },
): Promise<readonly Record<string, unknown>[]> {
  if (engine === 'postgres') return await askStore(placeIn(directory, 'message-log'), postgres)
  const db = new DatabaseSync(join(directory, 'log.db'))
  try {
    return db.prepare(sqlite).all()
  } finally {
    db.close()
  }
}

/** Of long bodies, recorded or not. */
export async function bodyNames(directory: string): Promise<string[]> {
  if (engine === 'postgres') return (await rows(directory, 'SELECT file FROM log_body')).map(({ file }) => String(file))
  return readdirSync(join(directory, 'bodies'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
}

export async function bodyBytes(directory: string, file: string): Promise<Buffer> {
  if (engine === 'sqlite') return readFileSync(pathOf(directory, file))
  const chunks = await rows(directory, `SELECT bytes FROM log_body_chunk WHERE file = '${file}' ORDER BY number`)
  return Buffer.concat(chunks.map(({ bytes }) => bytes as Uint8Array))
}

/** Puts other bytes in the place of a body; undefined takes it away. */
export async function changeBody(directory: string, file: string, bytes: Buffer | undefined): Promise<void> {
  if (engine === 'sqlite') {
    if (bytes === undefined) rmSync(pathOf(directory, file))
    else writeFileSync(pathOf(directory, file), bytes)
    return
  }
  await rows(directory, `DELETE FROM log_body_chunk WHERE file = '${file}'`)
  if (bytes === undefined) return void (await rows(directory, `DELETE FROM log_body WHERE file = '${file}'`))
  const size = 256 * 1024
  for (let start = 0; start < bytes.length; start += size)
    await rows(
      directory,
      `INSERT INTO log_body_chunk VALUES ('${file}', ${start / size}, '\\x${bytes.subarray(start, start + size).toString('hex')}')`,
    )
}

/** Replaces a text, by one as long, where it stands first in each record. */
export async function changeRecords(directory: string, from: string, to: string): Promise<void> {
  if (engine === 'sqlite') {
    const segment = join(directory, 'segments', '0000000000000001')
    const bytes = readFileSync(segment)
    for (let at = bytes.indexOf(from); at !== -1; at = bytes.indexOf(from, at + 1)) bytes.set(Buffer.from(to), at)
    writeFileSync(segment, bytes)
    return
  }
  const [was, is] = [from, to].map((text) => `'\\x${Buffer.from(text).toString('hex')}'::bytea`)
  await rows(directory, 'ALTER TABLE log_record DISABLE TRIGGER USER')
  await rows(
    directory,
    `UPDATE log_record SET frame = overlay(frame PLACING ${is} FROM position(${was} IN frame)) WHERE position(${was} IN frame) > 0`,
  )
  await rows(directory, 'ALTER TABLE log_record ENABLE TRIGGER USER')
}

/** All that the log has written of records and bodies. */
export async function everythingOf(directory: string): Promise<Buffer> {
  if (engine === 'sqlite') return Buffer.concat((await filesWith(directory, '')).map((file) => readFileSync(file)))
  const found = await rows(
    directory,
    `SELECT frame AS bytes, log_record.*::text AS text FROM log_record UNION ALL SELECT bytes, '' FROM log_body_chunk`,
  )
  return Buffer.concat(found.flatMap(({ bytes, text }) => [bytes as Uint8Array, Buffer.from(String(text))]))
}

/** Whether a text stands in whatever the log has written of records and bodies. */
export async function hasWritten(directory: string, text: string): Promise<boolean> {
  return (await everythingOf(directory)).includes(text)
}

function rows(directory: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  return askStore(placeIn(directory, 'message-log'), sql)
}

function pathOf(directory: string, file: string): string {
  return join(directory, 'bodies', file.slice(0, 2), file)
}
