// The control socket of a security server, as cli, demo and consoles see it: types and paths, nothing else.
import type { CertificateState } from './certificates/own-keys.ts'
import type { RunProgress, RunResult, RunSummary } from './reconciliation/index.ts'
import type { TrackerStatus, YearCount } from './tracker/index.ts'
import type { TransparencyStatus } from './transparency/index.ts'

export type { ArchiveStatus } from './archive/index.ts'
export type { SearchAuditEntry } from './auditor/audit.ts'
export type { CertificateState } from './certificates/own-keys.ts'
export type { RunProgress, RunResult, RunSummary } from './reconciliation/index.ts'
export type { TrackerCheckProgress, TrackerCheckReport, TrackerStatus, YearCount } from './tracker/index.ts'
export type { CheckProgress, CheckReport, TransparencyStatus } from './transparency/index.ts'

/** `GET /status` */
export interface SecurityServerStatus {
  readonly server: string
  readonly version: string
  readonly pid: number
  readonly startedAt: string
  readonly healthy: boolean
  readonly checks: HealthChecks
  readonly configuration: {
    readonly lastSuccess?: string
    readonly lastError?: string
    readonly source?: string
    readonly expiresAt?: string
  }
  readonly messageLog: {
    readonly records: number
    readonly untimestamped: number
    readonly lastTimestamp?: string
    readonly failingSince?: string
    readonly lastError?: string
  }
  readonly transparency: TransparencyStatus
  readonly tracker: TrackerStatus
  readonly counters: { readonly since: string; readonly counts: Readonly<Record<string, number>> }
  readonly listening: {
    readonly host: string
    readonly client: number
    readonly clientTls: number
    readonly servers: number
    readonly ocsp: number
    readonly health: number
    /** Where `monitoring.prometheus` is set; its host is its own. */
    readonly metrics?: number
    readonly auditor?: number
    /** Where `transparency.listen` is set; its host is its own. */
    readonly transparency?: number
  }
  readonly database: string
}

/** `detail` says in words what is wrong. Health answers 200 only when all are ok (interfaces: demo status). */
export interface HealthState {
  readonly ok: boolean
  readonly detail?: string
}

export interface HealthChecks extends Readonly<Record<string, HealthState>> {
  readonly keys: HealthState
  readonly ocsp: HealthState
  readonly configuration: HealthState
  readonly log: HealthState
  readonly timestamps: HealthState
  readonly transparency: HealthState
}

/** `POST /apply` with a services document; idempotent. */
export interface ApplyResult {
  readonly changes: readonly string[]
}

/** `GET /services` */
export interface ServiceListing {
  readonly clients: readonly {
    readonly id: string
    readonly connection: string
    readonly services: readonly {
      readonly code: string
      /** Of an operation of a WSDL that has one. */
      readonly version?: string
      readonly type: string
      readonly title?: string
      /** Where its description came from. */
      readonly description?: string
      readonly url: string
      readonly disabled?: string
    }[]
  }[]
}

/** `GET /keys`, and `POST /keys/refresh` after reading keys and OCSP answers anew. */
export interface KeyListing {
  readonly certificates: readonly CertificateState[]
}

/** `GET /log?…`, a search: its parameters are those of docs/auditors.md. */
export interface LogListing {
  /** The newest first, unless `order=oldest`. */
  readonly records: readonly LogEntry[]
  /** Where it goes on: pass it as `cursor`. A page may have no record and go on. Absent where all was seen. */
  readonly next?: string
  /** The last record that was looked at, where it goes on. */
  readonly reached?: { readonly seq: number; readonly at: string }
}

export interface LogEntry {
  readonly seq: number
  readonly at: string
  readonly side: 'consumer' | 'provider'
  readonly direction: 'request' | 'response'
  readonly protocol: 'rest' | 'soap'
  readonly queryId: string
  readonly requestId: string
  readonly client: string
  /** `INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE[/VERSION]`, as a search takes it. */
  readonly service: string
  /** Whose it is on this server: the client, or who provides the service. */
  readonly member: string
  readonly userId?: string
  readonly issue?: string
  readonly representedParty?: string
  readonly bodySize?: number
  readonly timestamped: boolean
  /** In words, where what was logged can no longer be read. */
  readonly damaged?: string
}

/** `GET /log/SEQ`: one record. Nothing of it is judged: that is for its container. */
export interface LogRecordDescription extends LogEntry {
  /** What was signed, without a body, as text. */
  readonly message?: string
  /** The message is kept in its reduced form: bodies of the service are not logged. */
  readonly reduced: boolean
  readonly signature: {
    /** Whether it covers the parts of the message, or several messages, by a hash chain. */
    readonly batch: boolean
    readonly algorithm?: string
    readonly subject?: string
    readonly issuer?: string
    readonly serialNumber?: string
  }
  readonly timestamp?: { readonly at: string; readonly authority?: string }
  readonly body?: {
    readonly size: number
    readonly sha512: string
    readonly kept: boolean
    readonly attachments?: readonly { readonly size: number; readonly sha512: string }[]
  }
}

/** `GET /log/keys`: by which messages are encrypted on the disk, the oldest first; none where they are not. */
export interface LogKeyListing {
  readonly keys: readonly {
    readonly id: string
    readonly createdAt: string
    /** New records are encrypted with it. */
    readonly current: boolean
    /** That it is needed for. */
    readonly records: number
  }[]
}

/** `GET /archive/files[?after=id][&limit=n]`, in the order in which they were made. */
export interface ArchiveListing {
  readonly files: readonly ArchivedFile[]
  /** Present when there are more: pass it as `after`. */
  readonly next?: number
}

export interface ArchivedFile {
  readonly id: number
  readonly name: string
  /** `INSTANCE/CLASS/CODE[/SUBSYSTEM]`, or '' where all are one group. */
  readonly group: string
  readonly records: number
  readonly firstAt: string
  readonly lastAt: string
  /** Where its hash chain ends, in hex: what the next one of the group begins with. */
  readonly digest: string
  readonly hash: string
  readonly bytes: number
  /** Of the file as it is stored. */
  readonly sha256: string
  /** The file of proofs beside it. */
  readonly proofs?: string
  /** When it was read back from its destination; absent until then. */
  readonly provedAt?: string
  readonly destination?: string
}

/** `GET /log/checkpoint[?timestamped=1]`; 404 before the first. */
export interface CheckpointAnswer {
  /** The note, with cosignatures; base64. */
  readonly checkpoint: string
  /** Time-stamp token over it, DER in base64, where a time-stamped one was asked for. */
  readonly token?: string
}

/** `GET /log/consistency?size=n`: from a tree of n leaves to the newest checkpoint. */
export interface ConsistencyAnswer {
  /** Base64 each (RFC 6962 §2.1.2). */
  readonly proof: readonly string[]
  /** The note; base64. */
  readonly checkpoint: string
}

/** `POST /log/check`. The answer is a line of JSON for each CheckProgress, and one for the CheckReport at the end. */
export interface CheckRequest {
  /** Notes that somebody kept; base64. */
  readonly checkpoints: readonly string[]
}

/** `GET /reconciliation`: newest first. */
export interface ReconciliationListing {
  readonly runs: readonly RunSummary[]
}

/** `GET /reconciliation/RUN` */
export interface ReconciliationState extends RunResult {
  /** While it is under way. */
  readonly progress?: RunProgress
}

/** `POST /tracker/answer`: a page of what the tracker says of a person. The answer is as `readAnswer` of `#evidence` reads it. */
export interface TrackerAnswerRequest {
  /** `INSTANCE/CLASS/CODE/SUBSYSTEM` */
  readonly provider: string
  readonly person: string
  /** `secret`: what the person is not told, for the court. */
  readonly map: 'public' | 'secret'
  /** Number of the newest use to show; absent: the newest page. */
  readonly upTo?: number
}

/** `GET /tracker/statistics?provider=…` */
export interface TrackerStatistics {
  readonly counts: readonly YearCount[]
}

/** In the directory of the server: the trail of searches, which `readAuditTrail` of `#host` reads. */
export const AUDIT_FOLDER = 'audit'

export const controlPaths = {
  status: '/status',
  apply: '/apply',
  services: '/services',
  keys: '/keys',
  refreshKeys: '/keys/refresh',
  log: '/log',
  record: (seq: number) => `/log/${seq}`,
  /** The bytes of an attachment, from 1; a REST body is the first. */
  attachment: (seq: number, number: number) => `/log/${seq}/attachment/${number}`,
  /** ASiC-E of one record; `?force=1` time-stamps it first. */
  container: (seq: number) => `/log/${seq}/container`,
  /** C2SP tlog-proof of one record. */
  proof: (seq: number) => `/log/${seq}/proof`,
  /** The container with what proves more about it; `?force=1` as for the container. */
  bundle: (seq: number) => `/log/${seq}/bundle`,
  checkpoint: '/log/checkpoint',
  consistency: '/log/consistency',
  check: '/log/check',
  /** GET, a LogKeyListing; POST makes a new key, and answers with its `id`. */
  logKeys: '/log/keys',
  /** POST `{id}`. */
  logKeyRetire: '/log/keys/retire',
  /** POST begins a comparison with another party's log, and answers with its name. */
  reconciliation: '/reconciliation',
  reconciliationRun: (run: string) => `/reconciliation/${run}`,
  /** `?first=0&limit=1000` */
  reconciliationFindings: (run: string) => `/reconciliation/${run}/findings`,
  /** POST; the answer is a statement. */
  reconciliationStatement: '/reconciliation/statement',
  /** POST; answers with the tracker's status when what it has is stated in the log. */
  trackerState: '/tracker/state',
  /** POST a TrackerAnswerRequest. */
  trackerAnswer: '/tracker/answer',
  trackerStatistics: '/tracker/statistics',
  /** POST. A line of JSON for each TrackerCheckProgress, and one for the TrackerCheckReport at the end. */
  trackerCheck: '/tracker/check',
  /** POST: begins anew. */
  trackerNewKey: '/tracker/new-key',
  verificationConfiguration: '/verificationconf',
  /** GET, an ArchiveStatus. The three answer 404 where the archive is turned off. */
  archive: '/archive',
  /** POST: begins a run, or finds it under way. */
  archiveRun: '/archive/run',
  archiveFiles: '/archive/files',
} as const
