// One time-stamp for many records: a binary tree over the hashes of their files, and for each record the lists that lead from its own to
// the root (RFC 4998 §4.2). Hashes of a list are sorted, joined and hashed; a lone one stands for itself.
import { type DigestName, digest } from '#trust'
import type { HashList } from './record.ts'

/** What the hashes of one list are together. Twice the same file is one hash: the list is a set. */
export function listHash(name: DigestName, hashes: HashList): Uint8Array {
  const [only, ...more] = hashes
  if (only === undefined) throw new TypeError('a list without hashes')
  return more.length === 0 ? only : digest(name, ...[...hashes].sort(Buffer.compare))
}

/** Without repetitions, sorted. */
export function hashSet(hashes: readonly Uint8Array[]): HashList {
  return [...hashes]
    .sort(Buffer.compare)
    .filter((hash, at, all) => at === 0 || Buffer.compare(hash, all[at - 1] ?? hash) !== 0)
}

/** The root that the lists lead to (RFC 4998 §4.3, step 3); undefined without a list. */
export function rootOf(name: DigestName, tree: readonly HashList[]): Uint8Array | undefined {
  let carried: Uint8Array | undefined
  for (const list of tree) carried = listHash(name, carried === undefined ? list : [...list, carried])
  return carried
}

export interface HashTree {
  readonly root: Uint8Array
  /** For each leaf its reduced tree; empty for a lone hash, which is the root itself. */
  readonly reduced: readonly (readonly HashList[])[]
}

/**
 * A pair of a level is joined, one that is left over goes up as it is. The same leaf twice is one: its hash must not meet itself in a list.
 *
 * @param leaves The hashes of each record; at least one record, and one hash in each.
 */
export function buildTree(name: DigestName, leaves: readonly HashList[]): HashTree {
  const ways = new Map<string, Way>()
  const wayOf = leaves.map((leaf) => {
    const own = hashSet(leaf)
    const hash = listHash(name, own)
    const key = Buffer.from(hash).toString('hex')
    const way = ways.get(key) ?? { own, hash, lists: own.length > 1 ? [own] : [] }
    ways.set(key, way)
    return way
  })
  let level: readonly Node[] = [...ways.values()].map((way) => ({ hash: way.hash, under: [way] }))
  while (level.length > 1) level = levelAbove(name, level)
  const [top] = level
  if (top === undefined) throw new TypeError('a tree without leaves')
  return { root: top.hash, reduced: wayOf.map(({ lists }) => lists) }
}

interface Way {
  readonly own: HashList
  readonly hash: Uint8Array
  readonly lists: HashList[]
}

interface Node {
  readonly hash: Uint8Array
  readonly under: readonly Way[]
}

function levelAbove(name: DigestName, level: readonly Node[]): readonly Node[] {
  const above: Node[] = []
  for (let at = 0; at < level.length; at += 2) {
    const [left, right] = [level[at], level[at + 1]]
    if (left === undefined) break
    if (right !== undefined) {
      for (const way of left.under) climb(way, right.hash)
      for (const way of right.under) climb(way, left.hash)
    }
    above.push(
      right === undefined
        ? left
        : { hash: listHash(name, [left.hash, right.hash]), under: [...left.under, ...right.under] },
    )
  }
  return above
}

/** A lone hash shares its first list with its neighbour: a list of one would be read in two ways. */
function climb({ own, lists }: Way, sibling: Uint8Array): void {
  lists.push(lists.length === 0 ? hashSet([...own, sibling]) : [sibling])
}
