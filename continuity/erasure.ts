// The order to erase: which entries of an epoch no key will ever open again. A document in clear beside its leaf (kind 2), so that every embassy can carry
// it out; it says which entries, not whose.
import { isTreeSize } from '#transparency'
import { ContinuityError } from './error.ts'

const FIRST_LINE = 'saadik erasure v1'
export const MAXIMUM_ERASED = 100_000

export interface Erasure {
  readonly origin: string
  /** Indexes of changes that lie before the order itself, ascending. */
  readonly entries: readonly number[]
  /** Why, as the law names it; no name and no case of a person. */
  readonly basis: string
}

export function formatErasure({ origin, entries, basis }: Erasure): Buffer {
  const bytes = Buffer.from([FIRST_LINE, origin, basis, ...entries, ''].join('\n'))
  parseErasure(bytes)
  return bytes
}

/** Throws `malformed_entry`. */
export function parseErasure(bytes: Uint8Array): Erasure {
  if (bytes.length > MAXIMUM_ERASED * 17 + 2048) throw refuse('it is too long')
  const text = Buffer.from(bytes).toString('utf8')
  const [firstLine, origin = '', basis = '', ...lines] = text.slice(0, -1).split('\n')
  if (firstLine !== FIRST_LINE || !text.endsWith('\n') || origin === '' || basis === '')
    throw refuse('it is incomplete')
  if (lines.length === 0 || lines.length > MAXIMUM_ERASED) throw refuse(`it names ${lines.length} entries`)
  const entries = lines.map(Number)
  const inOrder = entries.every(
    (entry, at) => isTreeSize(entry) && `${entry}` === lines[at] && entry > (entries[at - 1] ?? -1),
  )
  if (!inOrder) throw refuse('its entries do not ascend')
  return { origin, entries, basis }
}

const refuse = (why: string) => new ContinuityError('malformed_entry', `The order to erase is malformed: ${why}`)
