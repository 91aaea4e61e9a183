// From a verifier key to what judges its signatures.
import { type KeyObject, notePublicKey, TrustError, verifyNoteSignature } from '#trust'
import { parseCheckpoint } from './checkpoint.ts'
import { checkpointMessage, cosignatureMessage, parseTimestamped, subtreeMessage } from './cosignature.ts'
import { attempt, TransparencyError } from './error.ts'
import type { Hash } from './hash.ts'
import { KEY_TYPES, type VerifierKey } from './key.ts'
import type { NoteSignature, NoteVerifier } from './note.ts'
import type { TreeRange } from './tree.ts'

const verifiers = new WeakMap<VerifierKey, NoteVerifier>()

/** What judges the signatures of a key, which is read once. Throws `malformed_key`. */
export function noteVerifier(key: VerifierKey): NoteVerifier {
  const verifier = verifiers.get(key) ?? makeVerifier(key)
  verifiers.set(key, verifier)
  return verifier
}

function makeVerifier(key: VerifierKey): NoteVerifier {
  const publicKey = read(key)
  const { name, id, type } = key
  switch (type) {
    case 'note':
      return { name, id, verify: (text, signature) => verifyNoteSignature(publicKey, Buffer.from(text), signature) }
    case 'cosignature':
      return { name, id, verify: (text, bytes) => verifyCosignature(publicKey, text, bytes) }
    case 'subtree':
      return { name, id, verify: (text, bytes) => verifyTreeCosignature(publicKey, name, text, bytes) }
  }
}

/** When a cosigner said it: seconds since 1970, 0 where it says nothing of the time. Only of a signature that was verified. Throws `malformed_key` for a key that puts no time on its signatures. */
export function cosignatureTime(key: VerifierKey, line: NoteSignature): number {
  const read = key.type === 'note' ? undefined : parseTimestamped(KEY_TYPES[key.type].algorithm, line.signature)
  if (read === undefined) throw new TransparencyError('malformed_key', `${key.name} puts no time on its signatures`)
  return read.timestamp
}

/** Whether the signature is the key's over a part of a log's tree (tlog-witness, sign-subtree). Only keys of type `subtree` say such things. */
export function verifySubtreeCosignature(
  key: VerifierKey,
  { origin, range, hash }: { readonly origin: string; readonly range: TreeRange; readonly hash: Hash },
  line: NoteSignature,
): boolean {
  if (key.type !== 'subtree' || line.name !== key.name || line.id !== key.id) return false
  const stamped = parseTimestamped('ml-dsa-44', line.signature)
  if (stamped === undefined) return false
  const { timestamp, signature } = stamped
  // A part that does not begin at leaf 0 has no time: what says one is no statement at all.
  const message = attempt(() => subtreeMessage({ cosigner: key.name, timestamp, origin, range, hash }))
  return !(message instanceof TransparencyError) && verifyNoteSignature(read(key), message, signature)
}

function verifyCosignature(publicKey: KeyObject, text: string, bytes: Uint8Array): boolean {
  const stamped = parseTimestamped('ed25519', bytes)
  // What is no checkpoint has no cosignatures, whatever the key signed.
  if (stamped === undefined || attempt(() => parseCheckpoint(text)) instanceof TransparencyError) return false
  return verifyNoteSignature(publicKey, cosignatureMessage(stamped.timestamp, text), stamped.signature)
}

function verifyTreeCosignature(publicKey: KeyObject, name: string, text: string, bytes: Uint8Array): boolean {
  const stamped = parseTimestamped('ml-dsa-44', bytes)
  if (stamped === undefined) return false
  const message = attempt(() => checkpointMessage(name, stamped.timestamp, parseCheckpoint(text)))
  return !(message instanceof TransparencyError) && verifyNoteSignature(publicKey, message, stamped.signature)
}

function read(key: VerifierKey): KeyObject {
  try {
    return notePublicKey(KEY_TYPES[key.type].algorithm, key.publicKey)
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    throw new TransparencyError('malformed_key', `The key ${key.name} is none`, { cause: error })
  }
}
