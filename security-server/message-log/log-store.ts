// What a log stands on: segments with their index on this machine, or a PostgreSQL. Both are held to the same tests.
import type { BodyFiles } from './body-files.ts'
import type { LogError } from './error.ts'
import type { Layout } from './frame.ts'
import type { KeyRing } from './key-ring.ts'
import type { FoundRecord, RecordEvidence, StoredRecord } from './record.ts'
import type { Round, Selection } from './round.ts'
import type { PreparedQuery, SearchPage } from './search/query.ts'
import type { KeyUse, StateKey, TimestampLink, TimestampRow } from './store.ts'

/** What a store holds when it is opened. */
export interface LogFacts {
  /** The last record; 0 in an empty log. */
  readonly last: number
  readonly untimestamped: number
  readonly lastTimestampAt: number | null
  readonly failingSince: number | null
}

/** The keys by which records are encrypted, of whoever opens a store. */
export interface StoreKeys {
  readonly ring: KeyRing
  /** Of the keys in the ring, the newest last: for threads, each of which has a ring of its own. */
  readonly secrets: readonly Uint8Array[]
  /** Throws LogError `key_missing` where records need keys that are not there. Asked before anything of the log is changed. */
  readonly require: (uses: readonly KeyUse[]) => void
}

/** Where groups of records go. */
export interface GroupWriter {
  /**
   * Appends a group, all or none; returns the number of its first record once all are durable. One group at a time.
   *
   * @throws {LogError} with `mayRemain` where nobody knows; what became of them is then found out before anything else is written.
   */
  append(layouts: readonly Layout[]): Promise<number>
  /**
   * Makes good whatever a write before failed at. Not while a group is being written. Rejects with LogError where that cannot be yet.
   *
   * @returns What the store holds, where it had to find out.
   */
  makeRoom(): Promise<LogFacts | undefined>
}

/** A time-stamp with what leads from one record's signature to it. */
export interface RecordTimestamp {
  readonly token: Uint8Array
  /** Both present where the token covers many records by a hash chain (wire-message §7.3). */
  readonly result?: Uint8Array
  readonly chain?: Uint8Array
}

/** Sees what was durable before it was asked, and nothing that was given up. */
export interface RecordReader {
  search(query: PreparedQuery): Promise<SearchPage>
  list(query: { readonly after: number; readonly limit: number }): Promise<readonly FoundRecord[]>
  get(seq: number): Promise<StoredRecord | undefined>
  /** What the log commits to of a record. Throws LogError `record_damaged` where that is not what lies there. */
  evidence(seq: number): Promise<RecordEvidence | undefined>
  /** The small body that lies in a record. */
  inlineBody(seq: number): Promise<Uint8Array | undefined>
  timestamp(seq: number): Promise<RecordTimestamp | undefined>
  /** What keys are needed for. */
  keyUses(): Promise<readonly KeyUse[]>
}

export interface TimestampStore {
  /** Null where nothing waits. */
  prepare(selection: Selection): Promise<Round | null>
  /**
   * Stores a token with the first of its records; the others follow by `link` in slices, so that a round over thousands of records does not
   * hold up messages. A crash between slices leaves the rest without a time-stamp: the next round takes them again, and both tokens stay.
   */
  save(timestamp: TimestampRow, links: readonly TimestampLink[]): Promise<number>
  link(timestamp: number, links: readonly TimestampLink[]): Promise<void>
}

/** The steps of removal.ts. */
export interface RemovalStore {
  /** Records up to this one were given up; 0 for none. */
  readonly removedTo: number
  giveUp(upTo: number): Promise<void>
  /** Files of bodies of records that were given up, after one, oldest first. */
  givenUpFiles(after: number, limit: number): Promise<readonly { readonly seq: number; readonly file: string }[]>
  /** Deletes records that were given up, the oldest first, at most `limit`. Returns how many. */
  forget(limit: number): Promise<number>
  /** Deletes a part of what only they needed; false where nothing is left of it. */
  forgetRest(): Promise<boolean>
}

/** One process at a time has it open. */
export interface LogStore extends GroupWriter {
  readonly facts: LogFacts
  readonly bodyFiles: BodyFiles
  readonly records: RecordReader
  readonly timestamps: TimestampStore
  readonly removal: RemovalStore
  setState(key: StateKey, value: number | null): Promise<void>
  /** Has the store's threads read with a key. */
  addKey(secret: Uint8Array): Promise<void>
  /** Takes note of records that are durable, up to this one. */
  added(seq: number): void
  /** Why no record may be taken now, though it could be written. */
  refusal(): LogError | undefined
  /** Why nothing is taken any more until this process starts again. */
  readonly broken: string | undefined
  /** What failed beside the appending, and is not made good yet. */
  readonly failure: string | undefined
  /** Tells of such a failure that nobody waited for. */
  onFailure(listener: () => void): void
  /** Resolves when everything can be written again. Rejects with LogError as long as not. */
  probe(): Promise<void>
  /** Once nobody writes any more. Never rejects. */
  close(): Promise<void>
}
