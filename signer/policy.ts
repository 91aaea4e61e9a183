// What each key may sign. If this changes, docs/policy.md changes first.
//
// A key has one use, chosen when it was made; a signature has one purpose; this table says which go together. Beyond the table the
// bytes themselves must be of the kind that the purpose names (kinds.ts): whoever holds the socket's token cannot have the CA's key
// sign a message, nor a member's key sign a certificate, an OCSP answer or a TLS handshake.
import { isKeyName } from '#transparency'
import type { SignatureAlgorithm } from '#trust'
import { type KeyAlgorithm, type KeyUse, NOTE_USES, type NoteUse, type Purpose } from './contract.ts'
import { SignerError } from './error.ts'
import {
  isCertificate,
  isConfiguration,
  isManagementRequest,
  isOcspResponse,
  isRevocationList,
  isSignedInfo,
  isTimestampAttributes,
} from './kinds.ts'
import { isNoteAlgorithm } from './tokens/algorithms.ts'

const ALLOWED: Readonly<Record<KeyUse, readonly Purpose[]>> = {
  message: ['message', 'management'],
  authentication: ['management'],
  configuration: ['configuration'],
  certificate: ['certificate', 'crl'],
  ocsp: ['ocsp'],
  timestamp: ['timestamp'],
  // Checkpoints only, which are judged by what the key signed before (checkpoints.ts).
  log: [],
  mirror: [],
  witness: [],
}

/** Whether the bytes are of the kind; `algorithm` for kinds that name it inside. */
type Kind = (data: Uint8Array, algorithm: SignatureAlgorithm) => boolean

const KINDS: Readonly<Record<Purpose, Kind>> = {
  message: isSignedInfo,
  configuration: isConfiguration,
  certificate: isCertificate,
  crl: isRevocationList,
  ocsp: isOcspResponse,
  timestamp: isTimestampAttributes,
  management: isManagementRequest,
}

export function isPurpose(text: unknown): text is Purpose {
  return typeof text === 'string' && Object.hasOwn(KINDS, text)
}

/** @throws {SignerError} `policy` */
export function checkPolicy(use: KeyUse, purpose: Purpose, algorithm: SignatureAlgorithm, data: Uint8Array): void {
  if (!ALLOWED[use].includes(purpose)) throw new SignerError('policy', `a key for ${use} does not sign for ${purpose}`)
  if (!KINDS[purpose](data, algorithm))
    throw new SignerError('policy', `these bytes are not what is signed for ${purpose}`)
}

export function isNoteUse(use: KeyUse): use is NoteUse {
  return NOTE_USES.some((each) => each === use)
}

/**
 * Keys for notes are of their own algorithms and have a name; all others have neither.
 *
 * @throws {SignerError} `policy`
 */
export function checkNewKey(use: KeyUse, algorithm: KeyAlgorithm, name: string | undefined): void {
  if (isNoteUse(use) !== isNoteAlgorithm(algorithm))
    throw new SignerError('policy', `a key for ${use} is not made with ${algorithm}`)
  if (isNoteUse(use) !== (name !== undefined))
    throw new SignerError('policy', `a key for ${use} has ${name === undefined ? 'a name' : 'no name'}`)
  if (name !== undefined && !isKeyName(name)) throw new SignerError('policy', 'this cannot be the name of a key')
}

/** @throws {SignerError} `policy` */
export function checkTlsRelease(use: KeyUse): void {
  if (use !== 'authentication') throw new SignerError('policy', `a key for ${use} never leaves the signer`)
}
