// Proofs that are read without a log (C2SP tlog-proof): a leaf's place, its way to the root, and the signed checkpoint of that root.
import { decodeBase64, encodeBase64 } from '#trust'
import { TransparencyError } from './error.ts'
import type { Hash } from './hash.ts'
import { type JudgedCheckpoint, judgeCheckpoint } from './judge-checkpoint.ts'
import { verifyInclusion } from './merkle.ts'
import { formatNote, MAXIMUM_NOTE_BYTES, type Note, parseNote } from './note.ts'
import { isTreeSize, parseDecimal } from './numbers.ts'
import type { Policy } from './policy.ts'
import { decodeText, formatHash, MAXIMUM_PROOF_HASHES, parseHashes } from './text.ts'

export interface LogProof {
  /** Of the leaf, from 0. */
  readonly index: number
  /** The application's; nobody signed it. What it says must lead to the leaf. */
  readonly extra?: Uint8Array
  readonly proof: readonly Hash[]
  /** The checkpoint with its signatures, as the log and its witnesses made it. */
  readonly note: Note
}

const HEADER = 'c2sp.org/tlog-proof@v1'
export const MAXIMUM_EXTRA_BYTES = 128 * 1024
/** Before the checkpoint: the extra data in base64, 63 hashes, two lines. */
const MAXIMUM_HEAD_BYTES = (MAXIMUM_EXTRA_BYTES / 3 + 1) * 4 + 4096
export const MAXIMUM_LOG_PROOF_BYTES = MAXIMUM_HEAD_BYTES + MAXIMUM_NOTE_BYTES

const refuse = (why: string) => new TransparencyError('malformed_proof', `The proof is malformed: ${why}`)

/** Reads a `.tlog-proof` file. Throws `malformed_proof`, `malformed_note`. */
export function parseLogProof(bytes: Uint8Array): LogProof {
  const empty = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf('\n\n')
  if (bytes.length > MAXIMUM_LOG_PROOF_BYTES || empty < 0) throw refuse('no empty line stands before the checkpoint')
  const head = decodeText(bytes.subarray(0, empty), MAXIMUM_HEAD_BYTES, 'malformed_proof')
  const [header, ...lines] = head.split('\n', MAXIMUM_PROOF_HASHES + 4)
  if (header !== HEADER) throw refuse('it does not begin as one')
  const extra = lines[0]?.startsWith('extra ') ? decodeBase64(lines.shift()?.slice(6) ?? '') : null
  if (extra === undefined || extra?.length === 0) throw refuse('the extra data is no base64')
  const line = lines.shift() ?? ''
  const index = line.startsWith('index ') ? parseDecimal(line.slice(6)) : undefined
  if (index === undefined) throw refuse('it has no index')
  const proof = parseHashes(lines, 'malformed_proof')
  return { index, proof, note: parseNote(bytes.subarray(empty + 2)), ...(extra === null ? {} : { extra }) }
}

/** The file, which {@link parseLogProof} reads. Throws `malformed_proof`, `malformed_note`. */
export function formatLogProof({ index, extra, proof, note }: LogProof): Buffer {
  if (!isTreeSize(index)) throw refuse(`${index} is no index`)
  if (extra !== undefined && (extra.length === 0 || extra.length > MAXIMUM_EXTRA_BYTES))
    throw refuse(`${extra.length} octets are no extra data`)
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`extra ${encodeBase64(extra)}`]),
    `index ${index}`,
    ...parseHashes(proof.map(formatHash), 'malformed_proof').map(formatHash),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`), formatNote(note)])
}

/**
 * Whether the leaf is in a log of the policy, in the order of tlog-proof: the checkpoint's signatures, then the way to its root. What it gives
 * says whether the checkpoint is witnessed; before, only the log itself vouches for it. `leaf` is the hash that the application computed.
 * `exclude`: see {@link judgeCheckpoint}. Throws `invalid_proof`, and what that throws.
 */
export function judgeLogProof(
  { index, proof, note }: LogProof,
  leaf: Hash,
  policy: Policy,
  exclude: ReadonlySet<string> = new Set(),
): JudgedCheckpoint {
  const judged = judgeCheckpoint(note, policy, exclude)
  const { size, root } = judged.checkpoint
  if (!verifyInclusion({ index, leaf, size, root, proof }))
    throw new TransparencyError('invalid_proof', `The proof does not lead from leaf ${index} to the root of ${size}`)
  return judged
}
