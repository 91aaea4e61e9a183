// The shape of RFC 6962's tree: which complete subtrees a range of leaves is made of. Sizes and indexes are safe integers (below 2^53).
import { TransparencyError } from './error.ts'
import { EMPTY_ROOT, HASH_BYTES, type Hash, nodeHash } from './hash.ts'
import { isTreeSize } from './numbers.ts'

/** A complete subtree: 2^level leaves from index · 2^level on. It never changes as the tree grows. */
export interface TreeNode {
  readonly level: number
  readonly index: number
}

/** Leaves from `start` up to, without, `end`. */
export interface TreeRange {
  readonly start: number
  readonly end: number
}

/** Reads the hashes of complete subtrees, in the order asked; all that a proof needs is asked at once. */
export type HashReader = (nodes: readonly TreeNode[]) => readonly Hash[] | Promise<readonly Hash[]>

/** The largest level whose subtrees have no more than that many leaves. Bit operations of JavaScript end at 32 bits. */
export function floorLevel(leaves: number): number {
  return leaves < 2 ** 32 ? 31 - Math.clz32(leaves) : 63 - Math.clz32(leaves / 2 ** 32)
}

/** The largest power of two below the number of leaves, which is 2 or more: where RFC 6962 §2.1 splits a tree. */
export function splitPoint(leaves: number): number {
  return 2 ** floorLevel(leaves - 1)
}

/** Whether the leaves form a tree of their own that can be proved part of the whole (draft-ietf-plants-merkle-tree-certs §4.1); an empty one is none here. */
export function isSubtree({ start, end }: TreeRange): boolean {
  if (!isTreeSize(start) || !isTreeSize(end) || start >= end) return false
  const leaves = end - start
  return start % (leaves === 1 ? 1 : 2 * splitPoint(leaves)) === 0
}

/** The complete subtrees that a subtree is made of, largest first, from left to right. For `start` 0: the peaks of a tree. */
export function completeNodes({ start, end }: TreeRange): TreeNode[] {
  const nodes: TreeNode[] = []
  for (let at = start; at < end; ) {
    const level = floorLevel(end - at)
    nodes.push({ level, index: at / 2 ** level })
    at += 2 ** level
  }
  return nodes
}

/** The fewest complete subtrees that any range is made of, from left to right: what hides its leaves. */
export function coveringNodes({ start, end }: TreeRange): TreeNode[] {
  const nodes: TreeNode[] = []
  for (let at = start; at < end; ) {
    let level = floorLevel(end - at)
    while (at % 2 ** level !== 0) level -= 1
    nodes.push({ level, index: at / 2 ** level })
    at += 2 ** level
  }
  return nodes
}

/** Hash of a subtree from those of its complete subtrees, as {@link completeNodes} orders them. */
export function joinHashes(hashes: readonly Hash[]): Hash {
  return hashes.length === 0 ? EMPTY_ROOT : hashes.reduceRight((right, left) => nodeHash(left, right))
}

/** Hashes of subtrees, read with one question. Throws `out_of_range` where the reader gives no hash for each node. */
export async function rangeHashes(ranges: readonly TreeRange[], read: HashReader): Promise<Hash[]> {
  const parts = ranges.map(completeNodes)
  const nodes = parts.flat()
  const hashes = nodes.length === 0 ? [] : await read(nodes)
  if (hashes.length !== nodes.length || hashes.some((hash) => hash.length !== HASH_BYTES))
    throw new TransparencyError('out_of_range', `${nodes.length} hashes were asked for, not all of them came`)
  let at = 0
  return parts.map((part) => {
    at += part.length
    return joinHashes(hashes.slice(at - part.length, at))
  })
}
