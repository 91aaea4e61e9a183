// What the signer offers: the types of both halves of its socket. The bytes on the socket are wire.ts.

/**
 * Keys that sign checkpoints of transparent logs (C2SP signed-note): of the log itself; of who keeps a copy of another's; of who
 * only watches another's. They have a name instead of certificates, and a memory: what each signed last.
 */
export const NOTE_USES = ['log', 'mirror', 'witness'] as const
export type NoteUse = (typeof NOTE_USES)[number]

/** What a key is for; chosen when it is made, sealed with it, never changed. */
export const KEY_USES = [
  'message',
  'authentication',
  'configuration',
  'certificate',
  'ocsp',
  'timestamp',
  ...NOTE_USES,
] as const
export type KeyUse = (typeof KEY_USES)[number]

/** What one signature is for. policy.ts says which key may make it and looks whether the bytes are of that kind. */
export type Purpose = 'message' | 'configuration' | 'certificate' | 'crl' | 'ocsp' | 'timestamp' | 'management'

/** Kinds of keys that are made here and may have certificates. */
export const KEY_ALGORITHMS = ['EC-P256', 'EC-P384', 'RSA-2048', 'RSA-3072', 'RSA-4096'] as const
/** Kinds of keys for `NOTE_USES`, and for nothing else. */
export const NOTE_KEY_ALGORITHMS = ['Ed25519', 'ML-DSA-44'] as const
export type KeyAlgorithm = (typeof KEY_ALGORITHMS)[number] | (typeof NOTE_KEY_ALGORITHMS)[number]

export interface KeyInfo {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly use: KeyUse
  readonly algorithm: KeyAlgorithm
  readonly label?: string
  /** Of a key for notes. */
  readonly note?: NoteIdentity
  /** SubjectPublicKeyInfo, DER in base64. */
  readonly spki: string
  /** DER in base64, newest first. */
  readonly certificates: readonly string[]
  /** ISO 8601. */
  readonly createdAt: string
}

/** By what others know a key for notes. */
export interface NoteIdentity {
  /** Name of the key; of a log's key also the log's origin. */
  readonly name: string
  /** What others verify with (signed-note, "Verifier keys"): text without secrets, to be handed to witnesses and auditors. */
  readonly verifierKey: string
}

/** The newest tree of a log that a key signed: it never signs a smaller one, nor one that does not contain it. */
export interface SignedHead {
  readonly origin: string
  readonly size: number
  /** Base64. */
  readonly root: string
}

export interface SignerStatus {
  readonly version: string
  readonly unlocked: boolean
  readonly keys: number
}

/** One line of the audit trail. It names what was done with what outcome; it never has data, a PIN or key material. */
export interface AuditEntry {
  /** From 1, without gaps. */
  readonly seq: number
  readonly at: string
  readonly op: string
  readonly key?: string
  readonly purpose?: string
  /** SHA-256 of the bytes signed, requested or imported; hexadecimal. */
  readonly digest?: string
  /** `ok` or the code of the refusal. */
  readonly outcome: string
}

export interface GenerateInput {
  readonly use: KeyUse
  readonly algorithm: KeyAlgorithm
  readonly label?: string
  /** Of a key for notes, and only of such: its name (no spaces, no plus sign). */
  readonly name?: string
}

export interface ImportKeyInput {
  readonly use: KeyUse
  /** DER or PEM; encrypted with `password` or not. Exactly one of pkcs8 and pkcs12. */
  readonly pkcs8?: Uint8Array
  /** DER. */
  readonly pkcs12?: Uint8Array
  readonly password?: string
  readonly label?: string
}

export interface CsrInput {
  readonly key: string
  /** In this order into the DER. */
  readonly subject: readonly { readonly oid: string; readonly value: string }[]
  readonly dnsName?: string
}

export interface SelfSignInput {
  readonly key: string
  readonly commonName: string
  readonly subjectAlternativeNames?: { readonly dns?: readonly string[]; readonly ip?: readonly string[] }
}

export interface SignInput {
  readonly key: string
  readonly purpose: Purpose
  /** JCA name: SHA512withRSA, SHA512withECDSA, SHA512withRSAandMGF1. */
  readonly algorithm: string
  /** The bytes to be signed, never their digest, so that the policy can read them. */
  readonly data: Uint8Array
}

export interface SignCheckpointInput {
  /** For one of `NOTE_USES`. */
  readonly key: string
  /** The note's text, without signatures (tlog-checkpoint). */
  readonly checkpoint: Uint8Array
  /** Size of the tree that `proof` begins at: the newest that the key signed for this origin, 0 for the first. */
  readonly oldSize: number
  /** Consistency proof from there to the checkpoint (RFC 6962 §2.1.2); empty from 0 and for the same size. */
  readonly proof: readonly Uint8Array[]
}

/**
 * A connection to the signer. Every call may run at the same time as others; answers come in any order. A call that
 * rejects with `signer_unavailable` may have been carried out; signing again is harmless, `generate` again makes a second key.
 */
export interface SignerClient {
  status(): Promise<SignerStatus>
  unlock(pin: string): Promise<void>
  /** Locked or not; it stays so. A wrong `pin` counts as a guess. Durable when it resolves; before that either PIN may be the one. */
  changePin(pin: string, newPin: string): Promise<void>
  /** Durable when it resolves. */
  generate(input: GenerateInput): Promise<KeyInfo>
  /** Durable when it resolves. */
  importKey(input: ImportKeyInput): Promise<KeyInfo>
  /** PKCS#10, DER; key usage by the key's use (wire-conf §5.2). */
  csr(input: CsrInput): Promise<Uint8Array>
  /** A certificate of the key over itself, DER, stored with the key: configuration keys (wire-conf §2.5) and internal TLS keys. */
  selfSign(input: SelfSignInput): Promise<Uint8Array>
  /** Stored with the key that it is about. Durable when it resolves. */
  importCertificate(der: Uint8Array): Promise<KeyInfo>
  keys(): Promise<readonly KeyInfo[]>
  /** RSA: PKCS#1 or PSS block; ECDSA: DER `SEQUENCE {r, s}`. */
  sign(input: SignInput): Promise<Uint8Array>
  /**
   * The signature line of a checkpoint: by a log's key over the note, by a mirror's or a witness's as a cosignature with the signer's
   * time. What is signed is durable in the key's memory before it is signed; the same tree may be signed again. Rejects with
   * `log_rolled_back`, `log_forked`, `log_conflict`, `log_foreign`.
   */
  signCheckpoint(input: SignCheckpointInput): Promise<string>
  /** What a key for notes signed last, of each log; by origin. */
  signedHeads(key: string): Promise<readonly SignedHead[]>
  /** PKCS#8 PEM of an authentication key; once per key and connection, and audited. */
  releaseTlsKey(key: string): Promise<string>
  /** Oldest first; at most `limit` (≤ 1000) after seq `after`. */
  audit(input?: { readonly after?: number; readonly limit?: number }): Promise<readonly AuditEntry[]>
  /** Pending calls reject with `signer_unavailable`. */
  close(): void
}
