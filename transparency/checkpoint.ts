// Checkpoints (C2SP tlog-checkpoint v1): the head of a log's tree as the text of a note.
import { TransparencyError } from './error.ts'
import { HASH_BYTES, type Hash } from './hash.ts'
import { isTreeSize, parseDecimal } from './numbers.ts'
import { formatHash, MAXIMUM_NAME_BYTES, parseHash } from './text.ts'

export interface Checkpoint {
  /** Which log this is of, for all time. */
  readonly origin: string
  /** Leaves. */
  readonly size: number
  readonly root: Hash
  /** Opaque lines after the root. ML-DSA-44 signatures do not cover them, and our logs have none. */
  readonly extensions?: readonly string[]
}

const refuse = (why: string) => new TransparencyError('malformed_checkpoint', `The checkpoint is malformed: ${why}`)

/** Reads the text of a note, which `openNote` has verified or will. Throws `malformed_checkpoint`. */
export function parseCheckpoint(text: string): Required<Checkpoint> {
  if (!text.endsWith('\n')) throw refuse('its last line does not end')
  const [origin = '', sizeLine = '', rootLine = '', ...extensions] = text.slice(0, -1).split('\n')
  const size = parseDecimal(sizeLine)
  const root = parseHash(rootLine)
  if (size === undefined) throw refuse('the second line is no tree size')
  if (root === undefined) throw refuse('the third line is no root')
  const checkpoint = { origin, size, root, extensions }
  check(checkpoint)
  return checkpoint
}

/** The note text, to be signed. Throws `malformed_checkpoint`. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  check(checkpoint)
  const { origin, size, root, extensions = [] } = checkpoint
  return [origin, `${size}`, formatHash(root), ...extensions, ''].join('\n')
}

function check({ origin, size, root, extensions = [] }: Checkpoint): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that a note must not have
  const isLine = (line: string) => line !== '' && line.isWellFormed() && !/[\u0000-\u001f]/.test(line)
  if (!isLine(origin) || Buffer.byteLength(origin) > MAXIMUM_NAME_BYTES) throw refuse('the first line is no origin')
  if (!extensions.every(isLine)) throw refuse('an extension line is empty or has control characters')
  if (!isTreeSize(size)) throw refuse(`${size} is no tree size`)
  if (root.length !== HASH_BYTES) throw refuse('the root is no hash')
}
