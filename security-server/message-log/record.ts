// What a record is, before and after it is logged.
import type { ClientId, ServiceId } from '#protocol'

/** Bodies up to this many bytes lie in their record; longer ones in files of their own. */
export const INLINE_LIMIT = 64 * 1024

/** One of several attachments. */
export interface BodyPart {
  readonly size: number
  /** SHA-512. */
  readonly digest: Uint8Array
}

/**
 * What becomes of a body. `passed-on`: it may lie on the disk until it has been delivered, readable for this process alone. `digest`: it is
 * passed on elsewhere, and never lies there.
 */
export type Keeping = 'kept' | 'passed-on' | 'digest'

/** A body that was spooled whole, and where it lies. Made by `BodySpool.finish` and by the log; never by hand. */
export interface BodyReference {
  readonly size: number
  /** SHA-512 of all `size` bytes, also when they are not kept; where there are `parts`, of their digests one after another. */
  readonly digest: Uint8Array
  /** The attachments of a SOAP message, which lie one after another, where there are several. */
  readonly parts?: readonly BodyPart[]
  /** The bytes themselves, of a small body that was just spooled. */
  readonly inline?: Uint8Array
  /** Id of the file that holds it. */
  readonly file?: string
  /** Of a stored record: where they are in no file, the bytes lie in the record of this sequence number. */
  readonly stored?: number
  /** Which key it is encrypted with, in its file. */
  readonly sealedBy?: string
  /**
   * The log keeps size and digest only, as soon as the body has been passed on: it is longer than `maxLoggedBodyBytes`, or was not spooled to
   * be kept.
   */
  readonly truncated?: boolean
}

export type LogSide = 'consumer' | 'provider'
export type LogDirection = 'request' | 'response'

/** What an exchange is about, as its request says: the same for the request and the response. */
export interface ExchangeFacts {
  readonly protocol: 'rest' | 'soap'
  readonly client: ClientId
  readonly service: ServiceId
  /** Whoever sits before the information system, as it says. */
  readonly userId?: string
  /** The case, application or document that is the reason. */
  readonly issue?: string
  /** On whose behalf the client asks: `class/code` or `code`, each part percent-encoded. */
  readonly representedParty?: string
}

/** What the index knows of a message, and searches find it by. */
export interface RecordFacts extends ExchangeFacts {
  readonly at: Date
  readonly side: LogSide
  readonly direction: LogDirection
  readonly queryId: string
  readonly requestId: string
}

/** Whom a request is about, as its service's description for the data tracker finds it (tracker/): logged with it, so that nothing of it can be lost. */
export interface TrackedFacts {
  /** Codes of persons. */
  readonly persons: readonly string[]
  /** Which of the service's operations it was, where that is more than the service's name. */
  readonly operation?: string
  /** The legal basis, as whoever asks says. */
  readonly basis?: string
  /** Who sits before the information system, where persons are told of that. */
  readonly user?: string
  /** The law keeps it secret from the person. */
  readonly secret?: true
}

/** One signed message, as it went over the wire. */
export interface LogRecord extends RecordFacts {
  /** The SOAP message or the REST head, byte for byte what was signed; its reduced form where bodies of the service are not kept. */
  readonly head: Uint8Array
  /** SHA-512 of what was signed, where `head` is the reduced form. */
  readonly headDigest?: Uint8Array
  /** The signature document. */
  readonly signature: Uint8Array
  /** Present, both, where the signature is a batch signature (wire-message §5). */
  readonly chain?: Uint8Array
  readonly chainResult?: Uint8Array
  readonly body?: BodyReference
  readonly tracked?: TrackedFacts
}

/** What is known of a message since it was logged. */
interface Logged {
  /** Dense from 1: a gap would be a lost record, so there can be none. */
  readonly seq: number
  /** Whose it is here: the client on the consumer's server, the provider on the provider's, in both directions (wire-message §9.2). */
  readonly member: ClientId
  readonly timestamped: boolean
}

export interface StoredRecord extends LogRecord, Logged {}

/** A record as the index has it, without what was signed. */
export interface FoundRecord extends RecordFacts, Logged {
  /** Of the body, all attachments together. */
  readonly bodySize?: number
}

/** What the log's leaf of a record is made of: `commitmentOf` and `decodeRecord` of `#evidence` read it. Shown to whoever asks for proof of the record. */
export interface RecordEvidence {
  readonly salt: Uint8Array
  /** As `encodeRecord` of `#evidence` wrote it. */
  readonly record: Uint8Array
}
