// The transparent log over the message log: its records as leaves, checkpoints signed, time-stamped and witnessed. Door of this folder.
import type { GlobalConfiguration } from '#global-configuration'
import type { Clock, Log, StoreSettings } from '#host'
import type { ServerId } from '#protocol'
import type { SignerClient } from '#signer'
import type { HashReader } from '#transparency'
import type { PeerStatus, SignedCheckpoint, Site, WatchedStatus } from '#transparent-log'
import type { MessageLog } from '../message-log/index.ts'
import type { CheckProgress, CheckReport } from './check.ts'
import type { HistoryErrorCode } from './error.ts'
import { openHistory } from './history.ts'
import type { KeptCheckpoint } from './kept-checkpoints.ts'
import type { TransparencySettings, WitnessSettings } from './settings.ts'

export { type BundleParts, evidenceBundle } from './bundle.ts'
export type { CheckProgress, CheckReport } from './check.ts'
export { HistoryError, type HistoryErrorCode } from './error.ts'
export type { KeptCheckpoint } from './kept-checkpoints.ts'
export { transparencySchema, witnessSchema } from './settings.ts'

export interface Transparency {
  /** Why no record may be taken now, in words: history is not what was signed, or nobody has sealed the oldest record for too long. */
  refusal(): string | undefined
  status(): TransparencyStatus
  /** What is wrong, for health; undefined when nothing is. */
  trouble(): string | undefined
  /** The last record whose proof can be kept for good: signed and, where there are witnesses, witnessed. */
  provableUpTo(): number
  /**
   * A C2SP tlog-proof of a record, with salt and encoding as its extra data; waits a moment for a record that was only just logged. Rejects with
   * HistoryError `record_not_found`, `not_signed_yet`, `record_changed`, `unavailable`.
   */
  proofOf(seq: number): Promise<Uint8Array>
  /**
   * Adds an entry that is no record (its first byte says what it is; `RECORD_ENTRY` is not for it). Resolves with its index once a signed checkpoint has
   * it: before that a crash may have forgotten it. Rejects with HistoryError `unavailable` when it certainly will not come.
   */
  append(entry: Uint8Array): Promise<number>
  /** The tlog-proof of any entry by its index; as `proofOf`. */
  proofOfEntry(index: number, extra?: Uint8Array): Promise<Uint8Array>
  /** The newest that enough witnesses cosigned, or else that was signed; undefined before the first. */
  checkpoint(): SignedCheckpoint | undefined
  /** The tree of that checkpoint, for proofs over many of its leaves; undefined before the first. It fails once the log is opened anew. */
  view(): TreeView | undefined
  /** A kept one with its time-stamp, or the newest of them. */
  timestamped(size?: number): Promise<KeptCheckpoint | undefined>
  /** From an earlier tree to the newest checkpoint. Rejects with HistoryError `not_signed_yet`, `unavailable`. */
  consistency(
    oldSize: number,
  ): Promise<{ readonly hashes: readonly Uint8Array[]; readonly checkpoint: SignedCheckpoint }>
  /** Reads every record anew and compares; the last value is the report. Earlier checkpoints that somebody else kept are compared too. */
  check(checkpoints: readonly Uint8Array[]): AsyncGenerator<CheckProgress | CheckReport>
  /** What may be read over HTTP: the log itself and, of a witness, its side of the protocol. */
  sites(): Readonly<Record<string, Site>>
  close(): Promise<void>
}

export interface TreeView {
  readonly checkpoint: SignedCheckpoint
  /** Records that are in it: those up to this one. */
  readonly records: number
  /** The leaf of a record, from 0. */
  indexOf(seq: number): number
  /** Hashes of complete subtrees. */
  readonly hashes: HashReader
}

export interface TransparencyStatus {
  readonly origin: string
  /** Verifier keys of the log, to be handed to witnesses and auditors; none before the signer was first reached. */
  readonly keys: readonly string[]
  /** Leaves of the tree, signed or not yet. */
  readonly leaves: number
  readonly signedLeaves: number
  readonly witnessedLeaves?: number
  /** Records that a checkpoint (witnessed, where there are witnesses) has. */
  readonly sealedRecords: number
  /** Time of the oldest record that none has. */
  readonly unsealedSince?: string
  /** How many of the witnesses are enough; 0 where there are none. */
  readonly quorum: number
  readonly witnesses: readonly PeerStatus[]
  readonly timestamped?: { readonly leaves: number; readonly at: string }
  /** What keeps the log from growing now; it is tried again. */
  readonly lastError?: string
  /** History is not what was signed: no record is taken until somebody has looked at it. */
  readonly fault?: { readonly code: HistoryErrorCode; readonly message: string; readonly record?: number }
  /** As a witness of others. */
  readonly witness?: { readonly key: string; readonly logs: readonly WatchedStatus[] }
}

export interface TransparencyOptions {
  /** The server's; the log lies in `transparency` of it. Trusted: who can write there can stop the exchange, not forge history. */
  readonly directory: string
  /** Where the message log is, if not in the directory. */
  readonly store?: StoreSettings | undefined
  readonly server: ServerId
  readonly signer: SignerClient
  readonly messageLog: MessageLog
  readonly configuration: () => GlobalConfiguration | undefined
  readonly settings: TransparencySettings
  /** Records up to this one lie in an archive; undefined where nobody archives. What was removed beyond it is missing. */
  readonly archivedUpTo: () => Promise<number | undefined>
  /** Whose logs are watched, where any are. */
  readonly witness: WitnessSettings | undefined
  readonly clock: Clock
  readonly log: Log
}

/**
 * Opens the log over the message log, compares the two with each other and with what the signer remembers, and follows. What is wrong with history,
 * or cannot be had now, does not make it reject: it refuses records and says why.
 *
 * @throws {HistoryError} `own_witness`
 */
export function openTransparency(options: TransparencyOptions): Promise<Transparency> {
  return openHistory(options)
}
