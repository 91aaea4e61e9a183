// What the writer's thread can be asked to do.
import type { RecordRow, StateKey, Store, StoreFacts, TimestampLink, TimestampRow } from './store.ts'

export interface LogFile {
  readonly file: string
  /** See openForWriting. */
  readonly mayCreate: boolean
}

export type WriterOperations = {
  /** First of all. */
  open(log: LogFile): StoreFacts
  append(rows: readonly RecordRow[]): number
  saveTimestamp(input: { readonly timestamp: TimestampRow; readonly links: readonly TimestampLink[] }): number
  linkTimestamp(input: { readonly timestamp: number; readonly links: readonly TimestampLink[] }): void
  setState(input: { readonly key: StateKey; readonly value: number | null }): void
  /** Last of all. */
  close(argument: undefined): void
}

export function writerOperations(openStore: (log: LogFile) => Store): WriterOperations {
  let opened: Store | undefined
  const store = (): Store => {
    if (opened === undefined) throw new TypeError('The writer has not opened the log')
    return opened
  }
  return {
    open: (log) => {
      opened = openStore(log)
      return opened.begin()
    },
    append: (rows) => store().append(rows),
    saveTimestamp: (input) => store().saveTimestamp(input),
    linkTimestamp: (input) => store().linkTimestamp(input),
    setState: (input) => store().setState(input),
    close: () => store().close(),
  }
}
