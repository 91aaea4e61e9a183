// A register on SQLite, restored from a mirror into a file of its own.
import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { SqliteTarget } from '../register/sqlite-target.ts'
import { type Opening, openEntries } from './opening.ts'

/** Changes in one transaction. */
const COMMIT_CHANGES = 5_000

export interface Restored {
  /** Entries that were opened. */
  readonly changes: number
  /** Entries that nobody can open any more. */
  readonly erased: readonly number[]
  /** Where the source was when it wrote the last of them. */
  readonly position: string | undefined
  /** When it did. */
  readonly asOf: Date | undefined
}

/**
 * Makes `file` anew. When it rejects the file is gone: half a register is none.
 *
 * @param progress Called now and then with the entries done.
 */
export async function restoreSqlite(
  opening: Opening,
  file: string,
  progress: (entries: number) => void = () => {},
): Promise<Restored> {
  const db = new DatabaseSync(file)
  try {
    // Nothing of it counts before the end, and then it is written through at once.
    db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF')
    const target = new SqliteTarget(db)
    const erased: number[] = []
    let [changes, position, asOf]: [number, string | undefined, Date | undefined] = [0, undefined, undefined]
    db.exec('BEGIN')
    for await (const entry of openEntries(opening)) {
      if (entry.kind === 'erased') erased.push(entry.index)
      if (entry.kind !== 'change') continue
      target.apply(entry.change)
      ;({ position, at: asOf } = entry.change)
      changes += 1
      if (changes % COMMIT_CHANGES === 0) {
        db.exec('COMMIT; BEGIN')
        progress(changes)
      }
    }
    target.finish()
    db.exec('COMMIT; PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL')
    db.close()
    return { changes, erased, position, asOf }
  } catch (error) {
    db.close()
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(`${file}${suffix}`, { force: true })
    throw error
  }
}
