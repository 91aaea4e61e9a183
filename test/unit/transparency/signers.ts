// Keys of logs and witnesses as tests need them; in the house such keys live in the signer alone.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  type Checkpoint,
  checkpointMessage,
  cosignatureMessage,
  formatCheckpoint,
  formatNote,
  formatTimestamped,
  KEY_TYPES,
  type KeyType,
  type NoteSignature,
  type SubtreeStatement,
  subtreeMessage,
  type VerifierKey,
  verifierKey,
} from '#transparency'

export interface NoteSigner {
  readonly key: VerifierKey
  readonly privateKey: KeyObject
  /** A signature line on the checkpoint. */
  sign(checkpoint: Checkpoint, time?: number): NoteSignature
  /** A signature line on a part of the tree; ML-DSA-44 keys only. */
  signSubtree(statement: Omit<SubtreeStatement, 'cosigner'>): NoteSignature
}

export function noteSigner(type: KeyType, name: string): NoteSigner {
  const { publicKey, privateKey } = generateKeyPairSync(KEY_TYPES[type].algorithm as 'ed25519')
  const key = verifierKey(type, name, publicKey.export({ format: 'raw-public' }))
  const line = (signature: Uint8Array) => ({ name, id: key.id, signature })
  const made = (message: Buffer) => sign(null, message, privateKey)
  return {
    key,
    privateKey,
    sign: (checkpoint, time = 1_764_000_000) => {
      const text = formatCheckpoint(checkpoint)
      if (type === 'note') return line(made(Buffer.from(text)))
      const message =
        type === 'cosignature' ? cosignatureMessage(time, text) : checkpointMessage(name, time, checkpoint)
      return line(formatTimestamped(time, made(message)))
    },
    signSubtree: (statement) =>
      line(formatTimestamped(statement.timestamp, made(subtreeMessage({ cosigner: name, ...statement })))),
  }
}

/** A signed checkpoint as it lies on a disk. */
export function signedBy(checkpoint: Checkpoint, ...signers: readonly NoteSigner[]): Buffer {
  return formatNote({ text: formatCheckpoint(checkpoint), signatures: signers.map((each) => each.sign(checkpoint)) })
}
