// What the writer's thread can be asked to do.
import { Follower } from './follower.ts'
import type { StateKey, Store, StoreFacts, TimestampLink, TimestampRow } from './store.ts'

export interface LogFile {
  readonly file: string
  /** The folder of segments; it is there. */
  readonly segments: string
  /** See openForWriting. */
  readonly mayCreate: boolean
}

export type WriterOperations = {
  /** First of all. Enters what the last run did not, whatever it was doing when it ended. */
  open(log: LogFile): StoreFacts
  /** Enters the records up to this one, which are durable, into the index. */
  index(upTo: number): void
  saveTimestamp(input: { readonly timestamp: TimestampRow; readonly links: readonly TimestampLink[] }): number
  linkTimestamp(input: { readonly timestamp: number; readonly links: readonly TimestampLink[] }): void
  setState(input: { readonly key: StateKey; readonly value: number | null }): void
  /** Last of all. */
  close(argument: undefined): void
}

export function writerOperations(openStore: (log: LogFile) => Store): WriterOperations {
  let opened: { readonly store: Store; readonly follower: Follower } | undefined
  const parts = () => {
    if (opened === undefined) throw new TypeError('The writer has not opened the log')
    return opened
  }
  return {
    open: (log) => {
      const store = openStore(log)
      const follower = new Follower(store, log.segments)
      opened = { store, follower }
      return store.begin(follower.recover())
    },
    index: (upTo) => parts().follower.index(upTo),
    saveTimestamp: (input) => parts().store.saveTimestamp(input),
    linkTimestamp: (input) => parts().store.linkTimestamp(input),
    setState: (input) => parts().store.setState(input),
    close: () => {
      parts().follower.close()
      parts().store.close()
    },
  }
}
