// A mirror opened: every entry up to a place where the register was whole, in order, proved to be what home signed.
import { type Change, ContinuityError, open, parseLeaf, unwrap } from '#continuity'
import { Frontier, leafHash, parseCheckpoint, parseNote } from '#transparency'
import { equalBytes } from '#trust'
import type { Mirror } from '../abroad/mirror.ts'
import { EmbassyError } from '../error.ts'

/** Leaves that are read at once. */
const PAGE = 1024

export type OpenedEntry =
  | { readonly kind: 'change'; readonly index: number; readonly change: Change }
  /** A change that no key opens any more. */
  | { readonly kind: 'erased'; readonly index: number }
  /** Of a decree or an order to erase: nothing for the register. */
  | { readonly kind: 'other'; readonly index: number }

export interface Opening {
  readonly mirror: Mirror
  readonly instance: string
  /** The opening key of a ceremony, `AGE-SECRET-KEY-PQ-1…`. */
  readonly identity: string
  /** The tree to open at, as home signed it or a decree names it; the newest that was receipted when absent. */
  readonly at?: Head
}

export interface Head {
  readonly size: number
  readonly root: Uint8Array
}

/** The tree to open at, and where the last whole transaction in it ends. Throws `gap` for one that this mirror does not have. */
export async function boundaryOf({ mirror, at }: Opening): Promise<Head & { readonly end: number }> {
  const { size, root } = at ?? newest(mirror)
  if (size > mirror.size) throw new EmbassyError('gap', `${mirror.origin} has ${mirror.size} entries here, not ${size}`)
  return { size, root, end: await mirror.store.boundary(size) }
}

function newest({ receipt, origin }: Mirror): Head {
  if (receipt === undefined) throw new EmbassyError('gap', `Nothing of ${origin} was receipted yet`)
  return parseCheckpoint(parseNote(receipt).text)
}

/**
 * Opens one entry after another. When it ends all leaves were seen to make the checkpoint's root, so whoever applied the changes keeps them only then.
 *
 * @throws {EmbassyError} `store_damaged` naming the first entry that is not what home signed; {ContinuityError} `wrong_key` where the key is not the one
 *   that this was sealed to
 */
export async function* openEntries(opening: Opening): AsyncGenerator<OpenedEntry> {
  const { mirror, instance, identity } = opening
  const { origin, tree, store } = mirror
  const { size, root, end } = await boundaryOf(opening)
  const frontier = new Frontier()
  let batch: { readonly wrapped: Uint8Array; readonly key: Uint8Array } | undefined
  for (let first = 0; first < size; first += PAGE) {
    const leaves = await tree.entries(first, Math.min(PAGE, size - first))
    for (const [at, bytes] of leaves.entries()) {
      const index = first + at
      frontier.append(leafHash(bytes))
      if (index >= end) continue
      const leaf = parseLeaf(bytes)
      if (leaf.kind !== 'change') {
        yield { kind: 'other', index }
        continue
      }
      const slot = await store.slot(index)
      if (slot === undefined) {
        yield { kind: 'erased', index }
        continue
      }
      const { wrapped } = await store.batchOf(index)
      if (batch === undefined || !equalBytes(batch.wrapped, wrapped))
        batch = { wrapped, key: await unwrap(wrapped, identity) }
      const place = { instance, origin, index, transaction: leaf.transaction, keyId: leaf.keyId }
      yield { kind: 'change', index, change: opened({ slot, blob: await store.content(index) }, place, batch.key) }
    }
  }
  if (!equalBytes(frontier.root(), root))
    throw new EmbassyError(
      'store_damaged',
      `The leaves of ${origin} do not make the tree that home signed with ${size} of them`,
    )
}

function opened(entry: Parameters<typeof open>[0], place: Parameters<typeof open>[1], key: Uint8Array): Change {
  try {
    return open(entry, place, key)
  } catch (cause) {
    if (!(cause instanceof ContinuityError && cause.code === 'misbound')) throw cause
    throw new EmbassyError('store_damaged', cause.message, { cause })
  }
}
