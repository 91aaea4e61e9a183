// The message log: what was said, by whom, signed and time-stamped, and kept. Door of this folder.
import type { GlobalConfiguration } from '#global-configuration'
import type { Clock, Log, StoreSettings } from '#host'
import type { KeysSource } from './keys-file.ts'
import type { LogKeys } from './log-keys.ts'
import type { RecordTimestamp } from './log-store.ts'
import { openLog } from './open-log.ts'
import type { BodyReference, FoundRecord, Keeping, LogRecord, RecordEvidence, StoredRecord } from './record.ts'
import type { SearchPage, SearchQuery } from './search/query.ts'
import type { BodySpool } from './spool.ts'

export { answerAsic } from './asic.ts'
export { type Commitments, type LogPlace, openCommitments } from './commitments.ts'
export { LogError, type LogErrorCode } from './error.ts'
export { heldFrom } from './held-from.ts'
export { logKeyRoutes } from './key-routes.ts'
export { describeRecord, listingOf } from './listing.ts'
export type { LogKeyState, LogKeys } from './log-keys.ts'
export { logRoutes } from './log-routes.ts'
export type {
  BodyPart,
  BodyReference,
  ExchangeFacts,
  FoundRecord,
  Keeping,
  LogDirection,
  LogRecord,
  LogSide,
  RecordEvidence,
  StoredRecord,
  TrackedFacts,
} from './record.ts'
export { readParameters } from './search/parameters.ts'
export type { SearchedRecord, SearchPage, SearchQuery } from './search/query.ts'
export type { BodySpool } from './spool.ts'
export { obtainTimestamp } from './tsa.ts'
export { answerVerificationConf, verificationFiles } from './verification-conf.ts'

/** An HTTP answer whose body has not begun to be made. */
export interface EvidenceAnswer {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: AsyncIterable<Uint8Array>
}

export interface MessageLog {
  /** A place for one body on its way, which is kept if nothing else is said. Whoever takes it ends it with `finish` or `discard`. */
  spool(keeping?: Keeping): BodySpool
  /**
   * The bytes of a body, of a fresh reference or a stored record's. A stored one is compared with its digest as it is read.
   *
   * @param number Of the attachment that is wanted, from 1, where there are several.
   */
  read(body: BodyReference, number?: number): AsyncIterable<Uint8Array>
  /** Gives up a finished body that no record references. Does nothing for one that a record does, so it is always safe. */
  drop(body: BodyReference): Promise<void>
  /**
   * Durable when it resolves, with the record's sequence number. May be called concurrently; concurrent records share a
   * commit. When it rejects, the message must not happen; whether a record remained is then unknown (a crash at that
   * moment leaves the same), and the log itself keeps or sweeps the body accordingly. Never retried here.
   */
  append(record: LogRecord): Promise<number>
  /**
   * A page of the records that are as the query says. Rejects with LogError `invalid_query`, or `text_search_forbidden` where a text is sought
   * and the settings do not allow it. A record that is damaged fails no page: it is named in it.
   */
  search(query: SearchQuery): Promise<SearchPage>
  get(seq: number): Promise<StoredRecord | undefined>
  /** A page of the log in ascending order, after a sequence number; from the index alone. */
  list(query: { after: number; limit: number }): Promise<readonly FoundRecord[]>
  /** The ASiC-E container of a record. Fails at the first chunk where it cannot be made, e.g. LogError `timestamp_missing`. */
  container(seq: number): AsyncIterable<Uint8Array>
  /**
   * Salt and encoding of a record, from which its entry in a transparent log follows (`recordEntry` of `#evidence`). Undefined where there
   * is no such record. Rejects with LogError `record_damaged` where what lies on the disk is not what the log has committed to.
   */
  evidenceOf(seq: number): Promise<RecordEvidence | undefined>
  /** The time-stamp of a record, and what leads from it to the record's signature; undefined while it has none. */
  timestampOf(seq: number): Promise<RecordTimestamp | undefined>
  /** Time-stamps those that have no time-stamp, at once. */
  timestampNow(seqs: readonly number[]): Promise<void>
  /**
   * Removes the records up to this one for good, with their bodies and salts: only for who has proved that they are kept elsewhere
   * (`archive/cleaning.ts`). The last record, and what has no time-stamp yet, stay. Resolves when they are gone; nobody reads them from the
   * beginning on, and what a crash leaves of them the next start removes.
   */
  removeUpTo(seq: number): Promise<void>
  /** By which records are encrypted, where they are. */
  readonly keys: LogKeys
  status(): LogStatus
  close(): Promise<void>
}

export interface LogStatus {
  readonly records: number
  /** Records up to this one were removed; 0 for none. */
  readonly removedTo: number
  readonly untimestamped: number
  /** Time in the newest time-stamp. */
  readonly lastTimestamp?: string
  /** Since when no time-stamp could be had; survives a restart. */
  readonly failingSince?: string
  readonly lastError?: string
  /** Why `append` would refuse now, in words; absent when it would take a record. */
  readonly refusing?: string
}

export interface MessageLogSettings {
  /** `immediate`: append waits for the record's own time-stamp. */
  readonly timestamping: 'batch' | 'immediate'
  /** Overrides the global configuration's interval; ≥ 1 s. */
  readonly timestampIntervalSeconds?: number | undefined
  /** How long time-stamping may fail before messages are refused; 0 never refuses. Default 14,400 s. */
  readonly acceptableFailureSeconds?: number | undefined
  /** Whether searches may look into messages and their bodies; absent: they may not. */
  readonly textSearch?: boolean | undefined
  /** Longer bodies are logged by size and digest only; absent keeps all. */
  readonly maxLoggedBodyBytes?: number | undefined
  /** Where the keys are by which messages and bodies are encrypted; absent: they are not. */
  readonly encryption?: KeysSource | undefined
}

export interface MessageLogOptions {
  /** Holds segments, index and bodies. Trusted: who can write here owns this server's evidence until it is time-stamped. */
  readonly directory: string
  /** A PostgreSQL that holds them instead, and is trusted the same. */
  readonly store?: StoreSettings | undefined
  readonly configuration: () => GlobalConfiguration | undefined
  /** Why somebody beside the log wants no record taken now; undefined lets it. Asked for each record. */
  readonly refusal?: () => string | undefined
  readonly settings: MessageLogSettings
  readonly clock: Clock
  readonly log: Log
}

/** Opens the log, recovers from whatever the last run left, and starts time-stamping. Throws LogError. */
export function openMessageLog(options: MessageLogOptions): Promise<MessageLog> {
  return openLog(options)
}
