// How a checkpoint is signed: read, compared with what the key signed before, remembered, and only then signed.
import { type Clock, turnstile } from '#host'
import {
  type Checkpoint,
  checkpointMessage,
  cosignatureMessage,
  EMPTY_ROOT,
  formatCheckpoint,
  formatSignatureLines,
  formatTimestamped,
  formatVerifierKey,
  type KeyType,
  parseCheckpoint,
  type VerifierKey,
  verifierKey,
  verifyConsistency,
} from '#transparency'
import { decodeBase64, encodeBase64, equalBytes } from '#trust'
import type { KeyAlgorithm, NoteIdentity, NoteUse } from './contract.ts'
import { SignerError } from './error.ts'
import { isNoteUse } from './policy.ts'
import type { SignedHeads } from './signed-heads.ts'
import type { Token, TokenKey } from './tokens/token.ts'

export interface CheckpointInput {
  readonly checkpoint: Uint8Array
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
}

export interface CheckpointSigner {
  /** The signature line. @throws {SignerError} `policy`, `log_rolled_back`, `log_forked`, `log_conflict`, `log_foreign`, `store_failed`, `locked` */
  sign(key: TokenKey, input: CheckpointInput): Promise<string>
}

export function checkpointSigner(token: Token, heads: SignedHeads, clock: Clock): CheckpointSigner {
  const turns = new Map<string, ReturnType<typeof turnstile>>()

  async function sign(key: TokenKey, input: CheckpointInput): Promise<string> {
    const identity = noteKey(key)
    const { text, checkpoint } = read(input.checkpoint)
    checkOrigin(token, key, checkpoint)
    judge(heads, key.id, checkpoint, input)
    // With a key that cannot sign nothing is remembered either.
    if (!token.unlocked) throw new SignerError('locked', 'the signer is locked; give it its PIN (saadik keys unlock)')
    const { origin, size, root } = checkpoint
    // A crash before this leaves the old head, and nobody has the new signature. One after it leaves the new head: the same tree may be
    // signed again, and no other.
    if (heads.head(key.id, origin)?.size !== size)
      await heads.remember(key.id, { origin, size, root: encodeBase64(root) })
    const signature = signatureOf(token, key, identity, text, checkpoint, clock)
    return formatSignatureLines([{ name: identity.name, id: identity.id, signature }])
  }

  return {
    // One after another: what was compared must be what is replaced.
    sign(key, input) {
      const takeTurns = turns.get(key.id) ?? turnstile()
      turns.set(key.id, takeTurns)
      return takeTurns(() => sign(key, input))
    },
  }
}

function read(bytes: Uint8Array): { text: string; checkpoint: Checkpoint } {
  const text = Buffer.from(bytes).toString('utf8')
  try {
    const checkpoint = parseCheckpoint(text)
    // What is signed is what was read, to the byte.
    if (!equalBytes(Buffer.from(formatCheckpoint(checkpoint)), bytes))
      throw new RangeError('it is not as it is written')
    return { text, checkpoint }
  } catch (cause) {
    throw new SignerError('policy', `these bytes are no checkpoint: ${(cause as Error).message}`, { cause })
  }
}

/** A log's key signs its own log and nothing beside; a witness's or mirror's signs other people's logs only. */
function checkOrigin(token: Token, key: TokenKey, { origin, extensions = [] }: Checkpoint): void {
  if (key.use === 'log') {
    if (origin !== key.name) throw new SignerError('log_foreign', `the key of ${key.name} does not sign for ${origin}`)
    if (extensions.length > 0) throw new SignerError('policy', 'our own checkpoints have no extension lines')
  } else if (token.keys().some((own) => own.use === 'log' && own.name === origin))
    throw new SignerError('log_foreign', `${origin} is a log of this signer: nobody is a witness of his own`)
}

function judge(heads: SignedHeads, key: string, { origin, size, root }: Checkpoint, input: CheckpointInput): void {
  const last = heads.head(key, origin)
  const oldSize = last?.size ?? 0
  const oldRoot = last === undefined ? EMPTY_ROOT : (decodeBase64(last.root) ?? EMPTY_ROOT)
  if (size < oldSize)
    throw new SignerError('log_rolled_back', `a tree of ${size} leaves; one of ${oldSize} was signed already`)
  if (size === oldSize) {
    if (!equalBytes(root, oldRoot))
      throw new SignerError('log_forked', `another tree of ${size} leaves was signed already`)
    // The same again needs no proof; one that is given must begin there all the same.
    if (input.oldSize !== oldSize || input.proof.length > 0) throw conflict(oldSize)
    return
  }
  if (input.oldSize !== oldSize) throw conflict(oldSize)
  if (!verifyConsistency({ oldSize, oldRoot, size, root, proof: input.proof }))
    throw new SignerError('log_forked', `the tree of ${size} leaves does not contain that of ${oldSize}`)
}

function conflict(size: number): SignerError {
  return new SignerError('log_conflict', `the tree that was signed last has ${size} leaves: prove from there`)
}

function signatureOf(
  token: Token,
  key: TokenKey,
  { type, name }: VerifierKey,
  text: string,
  checkpoint: Checkpoint,
  clock: Clock,
): Uint8Array {
  const seconds = Math.floor(clock.now().getTime() / 1000)
  switch (type) {
    case 'note':
      return token.signNote(key.id, Buffer.from(text))
    case 'cosignature':
      return formatTimestamped(seconds, token.signNote(key.id, cosignatureMessage(seconds, text)))
    case 'subtree':
      return formatTimestamped(seconds, token.signNote(key.id, checkpointMessage(name, seconds, checkpoint)))
  }
}

/** How the key signs. Of a log with Ed25519 plainly; a cosigner puts its time beside; ML-DSA-44 has one form for both (tlog-cosignature). */
function typeOf(use: NoteUse, algorithm: KeyAlgorithm): KeyType {
  if (algorithm === 'ML-DSA-44') return 'subtree'
  return use === 'log' ? 'note' : 'cosignature'
}

/** @throws {SignerError} `policy` for a key that is not for notes */
function noteKey({ use, name, algorithm, spki }: TokenKey): VerifierKey {
  if (!isNoteUse(use) || name === undefined) throw new SignerError('policy', `a key for ${use} signs no checkpoints`)
  // The raw key ends the SubjectPublicKeyInfo of both algorithms (RFC 8410 §4, RFC 9881 §4).
  const raw = algorithm === 'ML-DSA-44' ? spki.subarray(-1312) : spki.subarray(-32)
  return verifierKey(typeOf(use, algorithm), name, raw)
}

/** What others know a key by; undefined for one that is not for notes. */
export function noteIdentity(key: TokenKey): NoteIdentity | undefined {
  if (!isNoteUse(key.use)) return undefined
  const known = noteKey(key)
  return { name: known.name, verifierKey: formatVerifierKey(known) }
}
