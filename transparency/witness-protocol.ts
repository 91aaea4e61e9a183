// Bodies of the witness protocol (C2SP tlog-witness v1): a log asks for a cosignature of its checkpoint, or of a part of its tree.
import { TransparencyError } from './error.ts'
import { HASH_BYTES, type Hash } from './hash.ts'
import { formatNote, MAXIMUM_NOTE_BYTES, type Note, parseNote } from './note.ts'
import { isTreeSize, parseDecimal } from './numbers.ts'
import { decodeText, formatHash, MAXIMUM_PROOF_HASHES, parseHash, parseHashes } from './text.ts'
import type { TreeRange } from './tree.ts'

/** Octets of a request body: a note, and before it at most 63 hashes and two lines. */
export const MAXIMUM_REQUEST_BYTES = MAXIMUM_NOTE_BYTES + 4096
/** `Content-Type` of the answer to a request whose old size is not the witness's: {@link formatSize}. */
export const SIZE_TYPE = 'text/x.tlog.size'

const refuse = (why: string) => new TransparencyError('malformed_request', `The request is malformed: ${why}`)

/** `POST <submission prefix>/add-checkpoint`. */
export interface AddCheckpointRequest {
  /** Size of the tree that the witness cosigned last. */
  readonly oldSize: number
  /** From there to the checkpoint; empty from 0. */
  readonly proof: readonly Hash[]
  /** The signed checkpoint; not verified yet, and its text may be none. */
  readonly note: Note
}

/** Reads a body of a stranger. Throws `malformed_request`, `malformed_note` (answer 400). */
export function parseAddCheckpoint(body: Uint8Array): AddCheckpointRequest {
  const { lines, note } = splitRequest(body)
  const [first = '', ...hashes] = lines
  const oldSize = first.startsWith('old ') ? parseDecimal(first.slice(4)) : undefined
  if (oldSize === undefined) throw refuse('the first line is no old size')
  return { oldSize, proof: parseHashes(hashes, 'malformed_request'), note }
}

/** Throws `malformed_request` for what could not be read. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpointRequest): Buffer {
  if (!isTreeSize(oldSize)) throw refuse(`${oldSize} is no tree size`)
  return joinRequest([`old ${oldSize}`, ...proofLines(proof)], note)
}

/** `POST <submission prefix>/sign-subtree`. */
export interface SignSubtreeRequest {
  readonly range: TreeRange
  readonly hash: Hash
  /** That the range is part of the checkpoint's tree: `subtreeProof`. */
  readonly proof: readonly Hash[]
  /** A checkpoint that the witness itself cosigned. */
  readonly note: Note
}

/** Reads a body of a stranger; whether the range is a subtree is judged with its proof. Throws `malformed_request`, `malformed_note` (answer 400). */
export function parseSignSubtree(body: Uint8Array): SignSubtreeRequest {
  const { lines, note } = splitRequest(body)
  const [first = '', second = '', ...hashes] = lines
  const [, from = '', to = ''] = /^subtree ([0-9]+) ([0-9]+)$/.exec(first) ?? []
  const [start, end, hash] = [parseDecimal(from), parseDecimal(to), parseHash(second)]
  if (start === undefined || end === undefined) throw refuse('the first line is no range')
  if (hash === undefined) throw refuse('the second line is no hash')
  return { range: { start, end }, hash, proof: parseHashes(hashes, 'malformed_request'), note }
}

/** Throws `malformed_request` for what could not be read. */
export function formatSignSubtree({ range, hash, proof, note }: SignSubtreeRequest): Buffer {
  const { start, end } = range
  if (!isTreeSize(start) || !isTreeSize(end)) throw refuse(`[${start}, ${end}) is no range of leaves`)
  return joinRequest([`subtree ${start} ${end}`, ...proofLines([hash]), ...proofLines(proof)], note)
}

/** Body of an answer 409: the size that the witness cosigned last. */
export function formatSize(size: number): string {
  return `${size}\n`
}

/** Reads the answer 409 of a witness. Throws `malformed_request`. */
export function parseSize(body: Uint8Array): number {
  const text = decodeText(body, 32, 'malformed_request')
  const size = text.endsWith('\n') ? parseDecimal(text.slice(0, -1)) : undefined
  if (size === undefined) throw refuse('the answer is no tree size')
  return size
}

/** The lines before the first empty one, and the note after it. */
function splitRequest(body: Uint8Array): { lines: string[]; note: Note } {
  const empty = Buffer.from(body.buffer, body.byteOffset, body.length).indexOf('\n\n')
  if (body.length > MAXIMUM_REQUEST_BYTES || empty < 0) throw refuse('no empty line stands before the checkpoint')
  const lines = decodeText(body.subarray(0, empty), 4096, 'malformed_request').split('\n', MAXIMUM_PROOF_HASHES + 3)
  return { lines, note: parseNote(body.subarray(empty + 2)) }
}

function joinRequest(lines: readonly string[], note: Note): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), formatNote(note)])
}

function proofLines(proof: readonly Hash[]): string[] {
  if (proof.length > MAXIMUM_PROOF_HASHES || proof.some(({ length }) => length !== HASH_BYTES))
    throw refuse(`${proof.length} hashes are no proof`)
  return proof.map(formatHash)
}
