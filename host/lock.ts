// One process at a time. Node has no file locks of its own; SQLite's are the operating system's (fcntl), taken at once or
// not at all, and given back by the kernel however the holder ends. So there is never a stale lock to judge.
import { DatabaseSync } from 'node:sqlite'
import { HostError } from './error.ts'

const SQLITE_BUSY = 5

export interface Lock {
  /** May be called again. */
  release(): void
}

/**
 * Takes the lock that `file` stands for; the file is made when it is missing and stays, empty. `holder` says in the refusal who
 * is meant: "the signer of /var/lib/…".
 *
 * @throws {HostError} `already_running`
 */
export function takeLock(file: string, holder: string): Lock {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if ((cause as { errcode?: number }).errcode !== SQLITE_BUSY) throw cause
    throw new HostError('already_running', `${holder} runs already (lock ${file})`, { cause })
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}
