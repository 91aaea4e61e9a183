// The writer's thread with a disk that fails, once, as the file `fault` beside the database says.
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { openForWriting } from '../../../security-server/message-log/schema.ts'
import { Store } from '../../../security-server/message-log/store.ts'
import { writerOperations } from '../../../security-server/message-log/writer-operations.ts'
import { answerCalls } from '../../../security-server/threads/answer-calls.ts'

export type Fault =
  | 'insert-full'
  | 'insert-io'
  /** The segment to be entered could not be opened: too many files. */
  | 'insert-no-file'
  | 'commit-full-lost'
  | 'commit-full-kept'
  | 'commit-io-lost'
  | 'commit-io-kept'
  | 'dies-before-commit'
  | 'dies-after-commit'

export interface FaultPlan {
  readonly fault: Fault
  /** Groups of records that are still committed before it. */
  readonly after: number
}

const FULL = 13
const IO = 10

function fail(errcode: number): never {
  throw Object.assign(new Error(errcode === FULL ? 'database or disk is full' : 'disk I/O error'), { errcode })
}

/** Fails only in transactions that append records; time-stamps and state go through. */
function faulty(db: DatabaseSync, { fault, after }: FaultPlan): DatabaseSync {
  let left = after
  let appending = false
  const due = (name: string): boolean => appending && left === 0 && fault === name
  const done = (): void => {
    left = -1
  }
  const exec = (sql: string): void => {
    if (sql === 'COMMIT' && appending) {
      if (due('dies-before-commit')) process.exit(7)
      if (due('commit-full-lost') || due('commit-io-lost')) {
        done()
        fail(fault === 'commit-full-lost' ? FULL : IO)
      }
      db.exec(sql)
      if (due('dies-after-commit')) process.exit(7)
      if (due('commit-full-kept') || due('commit-io-kept')) {
        done()
        fail(fault === 'commit-full-kept' ? FULL : IO)
      }
      if (left > 0) left -= 1
      return
    }
    db.exec(sql)
  }
  const prepare = (sql: string): unknown => {
    const statement = db.prepare(sql)
    if (!sql.startsWith('INSERT INTO records')) return statement
    return {
      run(...values: never[]) {
        appending = true
        if (due('insert-no-file')) {
          done()
          throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open' })
        }
        if (due('insert-full') || due('insert-io')) {
          const code = fault === 'insert-full' ? FULL : IO
          done()
          fail(code)
        }
        return statement.run(...values)
      },
    }
  }
  return new Proxy(db, {
    get(target, name) {
      if (name === 'exec')
        return (sql: string) => {
          if (sql === 'BEGIN IMMEDIATE') appending = false
          exec(sql)
        }
      if (name === 'prepare') return prepare
      const value = Reflect.get(target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

answerCalls(
  writerOperations(({ file, mayCreate }) => {
    const plan = JSON.parse(readFileSync(join(dirname(file), 'fault'), 'utf8')) as FaultPlan
    return new Store(faulty(openForWriting(file, mayCreate), plan))
  }),
)
