// What a server's own administrator can do to its log while it stands still: he has every file, and our own programs.
import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { layOut } from '../../security-server/message-log/frame.ts'
import { Journal } from '../../security-server/message-log/journal.ts'
import { KeyRing } from '../../security-server/message-log/key-ring.ts'
import { Pass, WINDOW_BYTES } from '../../security-server/message-log/pass.ts'
import { openForWriting } from '../../security-server/message-log/schema.ts'
import { Segments, segmentsIn } from '../../security-server/message-log/segments.ts'
import { type RecordRow, Store } from '../../security-server/message-log/store.ts'
import { writerOperations } from '../../security-server/message-log/writer-operations.ts'

const EMPTY = { seq: 0, segment: 1, offset: 0 }

/** Every record as it lies in the segments, salt and all. @param directory The server's. */
export function recordsOf(directory: string): RecordRow[] {
  const folder = join(directory, 'message-log', 'segments')
  const segments = new Segments(folder, new KeyRing())
  const pass = new Pass(segments, EMPTY, { window: Buffer.alloc(WINDOW_BYTES), present: segmentsIn(folder) })
  const rows = [...pass.until(Number.MAX_SAFE_INTEGER)].map(
    ({ seq: _seq, segment: _segment, offset: _offset, ...row }) => structuredClone(row),
  )
  segments.close()
  return rows
}

/** The log written anew: these records, numbered from 1, with checks and an index that fit them. */
export async function writeLog(directory: string, rows: readonly RecordRow[]): Promise<void> {
  const home = join(directory, 'message-log')
  const segments = join(home, 'segments')
  for (const name of ['segments', 'log.db', 'log.db-wal', 'log.db-shm'])
    rmSync(join(home, name), { recursive: true, force: true })
  mkdirSync(segments)
  const journal = new Journal({ directory: segments, tail: EMPTY, onDeath: () => undefined })
  for (const row of rows) await journal.append([layOut(row)])
  await journal.close()
  const writer = writerOperations(({ file, mayCreate }) => new Store(openForWriting(file, mayCreate)))
  writer.open({ file: join(home, 'log.db'), segments, mayCreate: true, secrets: [] })
  writer.close(undefined)
}

/** Changes what a record says, and nothing else that could tell. */
export function edited(row: RecordRow | undefined): RecordRow {
  if (row === undefined) throw new Error('there is no such record')
  return { ...row, head: Buffer.concat([row.head, Buffer.from('X-Road-Issue: another\r\n')]) }
}

/** A copy of folders as they are now, to be put back later. */
export function copyOf(from: string, to: string, ...names: readonly string[]): () => void {
  for (const name of names) cpSync(join(from, name), join(to, name), { recursive: true })
  return () => {
    for (const name of names) {
      rmSync(join(from, name), { recursive: true, force: true })
      cpSync(join(to, name), join(from, name), { recursive: true })
    }
  }
}
