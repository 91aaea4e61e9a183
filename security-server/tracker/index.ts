// The data tracker: who asked what about a person, told with proofs that nothing is left out. Door of this folder.
import type { TrackerAnswer } from '#evidence'
import type { Clock, Log, StorePlace } from '#host'
import type { ClientId, ServerId, ServiceId } from '#protocol'
import type { ExchangeFacts, MessageLog, TrackedFacts } from '../message-log/index.ts'
import type { OwnRestAnswer } from '../provider/own-answer.ts'
import type { ServiceSnapshot, TrackerRules } from '../services/index.ts'
import type { Transparency } from '../transparency/index.ts'
import type { AnswerWanted } from './answers.ts'
import type { TrackerCheckProgress, TrackerCheckReport } from './check.ts'
import type { TrackedRequest } from './extract.ts'
import type { TrackerQuestion } from './service.ts'
import type { TrackerSettings } from './settings.ts'
import { openTracking } from './tracking.ts'
import type { YearCount } from './uses.ts'

export type { AnswerWanted } from './answers.ts'
export type { TrackerCheckProgress, TrackerCheckReport } from './check.ts'
export { type DataTrackerCode, DataTrackerError } from './error.ts'
export type { TrackedRequest } from './extract.ts'
export { type TrackerQuestion, trackerDescription } from './service.ts'
export { type TrackerSettings, trackerSchema } from './settings.ts'
export type { YearCount } from './uses.ts'
export { wholeBody } from './whole-body.ts'

/** A request that is about to be logged. */
export interface RequestToLog {
  readonly about: ExchangeFacts
  readonly requestId: string
  /** Of its service; undefined where nobody is told of its requests. */
  readonly rules: TrackerRules | undefined
  readonly request: TrackedRequest
}

export interface DataTracker {
  /**
   * Has a request logged, with whom it is about. What cannot be found out does not keep it from the log.
   *
   * @param append Puts it into the log; rejects as this does then.
   */
  logged(request: RequestToLog, append: (tracked: TrackedFacts | undefined) => Promise<number>): Promise<number>
  /** Whether a service is the tracker of its provider. */
  isTracker(service: ServiceId): boolean
  /** Answers an information system that has a right to it; what is wrong is an answer too. */
  answerRest(question: TrackerQuestion): Promise<OwnRestAnswer>
  /** Rejects with DataTrackerError, HistoryError. */
  answer(wanted: AnswerWanted): Promise<TrackerAnswer>
  counts(provider: ClientId): Promise<readonly YearCount[]>
  /** States at once, and resolves when it is in the log. Rejects with DataTrackerError, HistoryError. */
  stateNow(): Promise<void>
  /** Reads the log again and compares; the report comes last. */
  check(): AsyncGenerator<TrackerCheckProgress | TrackerCheckReport>
  /** Begins anew, with another key, from what the log still holds. */
  renew(): Promise<void>
  status(): TrackerStatus
  close(): Promise<void>
}

export interface TrackerStatus {
  /** Whether requests of any service are told of. */
  readonly tracking: boolean
  /** Records up to this one have been looked at; absent where nothing ever was tracked. */
  readonly records?: number
  /** The newest statement that the log has. */
  readonly statement?: {
    readonly number: number
    readonly at: string
    readonly records: number
    readonly persons: number
    readonly entry: number
    /** Uses before this time are erased. */
    readonly erasedBefore?: string
  }
  /** Requests since the start. `nobody`: no person was found where one should stand; `unreadable`: it could not be looked into. */
  readonly requests: { readonly tracked: number; readonly nobody: number; readonly unreadable: number }
  /** Records that were removed, or are damaged, before they could be read. */
  readonly lost: number
  /** Why nothing is stated or answered now. */
  readonly lastError?: { readonly code: string; readonly message: string }
}

export interface TrackerOptions {
  /** The server's; key and maps lie in `tracker` of it. */
  readonly directory: string
  readonly place: StorePlace
  readonly server: ServerId
  readonly messageLog: MessageLog
  readonly transparency: Transparency
  readonly snapshot: () => ServiceSnapshot
  readonly settings: TrackerSettings
  readonly clock: Clock
  readonly log: Log
}

/** Resolves at once: what is not there yet, or cannot be had, is told by `status`. */
export function openDataTracker(options: TrackerOptions): Promise<DataTracker> {
  return openTracking(options)
}
