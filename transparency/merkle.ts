// Proofs of RFC 6962 §2.1. Inclusion of a leaf and consistency with an earlier tree are two cases of one thing: that some leaves are
// part of a tree (draft-ietf-plants-merkle-tree-certs §4.4, used by tlog-witness's sign-subtree and by tlog-mirror). One walk makes and judges all.
import { equalBytes } from '#trust'
import { TransparencyError } from './error.ts'
import { EMPTY_ROOT, HASH_BYTES, type Hash, nodeHash } from './hash.ts'
import { isTreeSize } from './numbers.ts'
import { type HashReader, isSubtree, rangeHashes, splitPoint, type TreeRange } from './tree.ts'

/** One level of the way from the root down to the subtree: the half that is left behind, and where it stands. */
interface Step {
  readonly sibling: TreeRange
  /** `inside`: left, and itself part of the subtree, whose hash it therefore makes too. */
  readonly side: 'left' | 'right' | 'inside'
}

/** The way down, root first; `last` is where it ends, `whole` tells that this is the subtree itself, whose hash the verifier has. */
function walk(subtree: TreeRange, size: number): { steps: Step[]; last: TreeRange; whole: boolean } {
  const steps: Step[] = []
  let { start } = subtree
  let [from, to] = [0, size]
  while (start !== from || subtree.end !== to) {
    const middle = from + splitPoint(to - from)
    if (subtree.end <= middle) {
      steps.push({ sibling: { start: middle, end: to }, side: 'right' })
      to = middle
    } else {
      const inside = start < middle
      steps.push({ sibling: { start: from, end: middle }, side: inside ? 'inside' : 'left' })
      from = middle
      if (inside) start = middle
    }
  }
  return { steps, last: { start: from, end: to }, whole: start === subtree.start }
}

/** That the subtree is part of the tree of `size` leaves, from the deepest hash up. Throws `out_of_range`. */
export async function subtreeProof(subtree: TreeRange, size: number, read: HashReader): Promise<Hash[]> {
  if (!isTreeSize(size) || subtree.end > size || !isSubtree(subtree))
    throw new TransparencyError('out_of_range', `[${subtree.start}, ${subtree.end}) is no subtree of ${size} leaves`)
  const { steps, last, whole } = walk(subtree, size)
  const ranges = steps.map(({ sibling }) => sibling).reverse()
  return rangeHashes(whole ? ranges : [last, ...ranges], read)
}

/** That the leaf at `index` is in the tree of `size` leaves (RFC 6962 §2.1.1). Throws `out_of_range`. */
export function inclusionProof(index: number, size: number, read: HashReader): Promise<Hash[]> {
  return subtreeProof({ start: index, end: index + 1 }, size, read)
}

/** That the first `oldSize` leaves of the tree are those of the earlier tree (RFC 6962 §2.1.2); empty from size 0. Throws `out_of_range`. */
export async function consistencyProof(oldSize: number, size: number, read: HashReader): Promise<Hash[]> {
  if (oldSize === 0 && isTreeSize(size)) return []
  return subtreeProof({ start: 0, end: oldSize }, size, read)
}

/** The root of a tree. Throws `out_of_range`. */
export async function treeRoot(size: number, read: HashReader): Promise<Hash> {
  if (!isTreeSize(size)) throw new TransparencyError('out_of_range', `${size} is no tree size`)
  const [root = EMPTY_ROOT] = await rangeHashes([{ start: 0, end: size }], read)
  return root
}

export interface SubtreeClaim {
  readonly subtree: TreeRange
  readonly hash: Hash
  readonly size: number
  readonly root: Hash
  readonly proof: readonly Hash[]
}

/** Whether the proof leads from the subtree's hash to the root. Everything may be a stranger's; false for whatever does not hold. */
export function verifySubtree({ subtree, hash, size, root, proof }: SubtreeClaim): boolean {
  if (!isTreeSize(size) || !isSubtree(subtree) || subtree.end > size) return false
  if ([hash, root, ...proof].some(({ length }) => length !== HASH_BYTES)) return false
  const { steps, whole } = walk(subtree, size)
  if (proof.length !== steps.length + (whole ? 0 : 1)) return false
  const rest = whole ? proof : proof.slice(1)
  // Both are made of the same hashes: what is inside the subtree makes its hash and the root's.
  let part = whole ? hash : (proof[0] ?? EMPTY_ROOT)
  let all = part
  for (const [index, { side }] of steps.reverse().entries()) {
    const sibling = rest[index] ?? EMPTY_ROOT
    if (side === 'inside') part = nodeHash(sibling, part)
    all = side === 'right' ? nodeHash(all, sibling) : nodeHash(sibling, all)
  }
  return equalBytes(part, hash) && equalBytes(all, root)
}

export interface InclusionClaim {
  readonly index: number
  readonly leaf: Hash
  readonly size: number
  readonly root: Hash
  readonly proof: readonly Hash[]
}

/** Whether the leaf's hash stands at that index of the tree. */
export function verifyInclusion({ index, leaf, size, root, proof }: InclusionClaim): boolean {
  return verifySubtree({ subtree: { start: index, end: index + 1 }, hash: leaf, size, root, proof })
}

export interface ConsistencyClaim {
  readonly oldSize: number
  readonly oldRoot: Hash
  readonly size: number
  readonly root: Hash
  readonly proof: readonly Hash[]
}

/** Whether the later tree only adds to the earlier one. From size 0, whose root is that of the empty tree, the proof is empty (tlog-witness). */
export function verifyConsistency({ oldSize, oldRoot, size, root, proof }: ConsistencyClaim): boolean {
  if (oldSize !== 0) return verifySubtree({ subtree: { start: 0, end: oldSize }, hash: oldRoot, size, root, proof })
  if (!isTreeSize(size) || proof.length !== 0 || root.length !== HASH_BYTES) return false
  return equalBytes(oldRoot, EMPTY_ROOT) && (size > 0 || equalBytes(root, EMPTY_ROOT))
}
