// What the writer's thread can be asked to do.
import { Follower } from './follower.ts'
import { KeyRing } from './key-ring.ts'
import type { StateKey, Store, StoreFacts, TimestampLink, TimestampRow } from './store.ts'

export interface LogFile {
  readonly file: string
  /** The folder of segments; it is there. */
  readonly segments: string
  /** See openForWriting. */
  readonly mayCreate: boolean
  /** Of the keys by which records are read, the newest last. */
  readonly secrets: readonly Uint8Array[]
}

export type WriterOperations = {
  /** First of all. Enters what the last run did not, whatever it was doing when it ended. */
  open(log: LogFile): StoreFacts
  /** A key that new records are encrypted with from now on. */
  addKey(secret: Uint8Array): void
  /** Enters the records up to this one, which are durable, into the index. */
  index(upTo: number): void
  /** Makes a run of the index of terms, where one can be made. Returns whether there may be another. */
  makeRun(argument: undefined): boolean
  saveTimestamp(input: { readonly timestamp: TimestampRow; readonly links: readonly TimestampLink[] }): number
  linkTimestamp(input: { readonly timestamp: number; readonly links: readonly TimestampLink[] }): void
  setState(input: { readonly key: StateKey; readonly value: number | null }): void
  /** The steps of removal.ts, in their order. */
  giveUp(upTo: number): number
  forget(limit: number): number
  forgetTimestamps(argument: undefined): void
  forgetRun(argument: undefined): boolean
  forgetSegments(argument: undefined): void
  /** Last of all. */
  close(argument: undefined): void
}

export function writerOperations(openStore: (log: LogFile) => Store): WriterOperations {
  let opened: { readonly store: Store; readonly follower: Follower; readonly keys: KeyRing } | undefined
  const parts = () => {
    if (opened === undefined) throw new TypeError('The writer has not opened the log')
    return opened
  }
  return {
    open: (log) => {
      const store = openStore(log)
      const keys = new KeyRing(log.secrets)
      const follower = new Follower(store, log.segments, keys)
      opened = { store, follower, keys }
      return store.begin(follower.recover())
    },
    addKey: (secret) => void parts().keys.add(secret),
    index: (upTo) => parts().follower.index(upTo),
    makeRun: () => parts().store.makeRun(),
    saveTimestamp: (input) => parts().store.saveTimestamp(input),
    linkTimestamp: (input) => parts().store.linkTimestamp(input),
    setState: (input) => parts().store.setState(input),
    giveUp: (upTo) => parts().store.giveUp(upTo),
    forget: (limit) => parts().store.forget(limit),
    forgetTimestamps: () => parts().store.forgetTimestamps(),
    forgetRun: () => parts().store.forgetRun(),
    forgetSegments: () => parts().follower.forgetSegments(parts().store.removedTo()),
    close: () => {
      parts().follower.close()
      parts().store.close()
    },
  }
}
