// RFC 6962 §2.1 and draft-ietf-plants-merkle-tree-certs §4.4 as they are written: recursive, slow, over all leaves. What the room's own walk is held to.
import { createHash } from 'node:crypto'
import type { HashReader } from '#transparency'

const sha256 = (...parts: readonly Uint8Array[]) => {
  const state = createHash('sha256')
  for (const part of parts) state.update(part)
  return state.digest()
}

/** An entry that no other leaf has. */
export const entryOf = (index: number): Buffer => Buffer.from(`entry ${index}`)
export const naiveLeaf = (entry: Uint8Array): Buffer => sha256(Uint8Array.of(0), entry)

/** A tree of leaf hashes, each MTH computed once. */
export class NaiveTree {
  readonly leaves: readonly Uint8Array[]
  readonly #known = new Map<string, Buffer>()

  constructor(leaves: readonly Uint8Array[]) {
    this.leaves = leaves
  }

  static of(size: number): NaiveTree {
    return new NaiveTree(Array.from({ length: size }, (_, index) => naiveLeaf(entryOf(index))))
  }

  /** MTH(D[start:end]). */
  root(start: number, end: number): Buffer {
    const key = `${start} ${end}`
    let hash = this.#known.get(key)
    if (hash === undefined) {
      if (start === end) hash = sha256()
      else if (end - start === 1) hash = Buffer.from(this.leaves[start] as Uint8Array)
      else {
        const k = largestPowerBelow(end - start)
        hash = sha256(Uint8Array.of(1), this.root(start, start + k), this.root(start + k, end))
      }
      this.#known.set(key, hash)
    }
    return hash
  }

  /** PATH(m, D_n) of RFC 6962 §2.1.1, over D[from:to]. */
  path(index: number, from: number, to: number): Buffer[] {
    if (to - from === 1) return []
    const k = largestPowerBelow(to - from)
    return index - from < k
      ? [...this.path(index, from, from + k), this.root(from + k, to)]
      : [...this.path(index, from + k, to), this.root(from, from + k)]
  }

  /** PROOF(m, D_n) of RFC 6962 §2.1.2. */
  consistency(oldSize: number, size: number): Buffer[] {
    return this.#subproof(oldSize, 0, size, true)
  }

  #subproof(m: number, from: number, to: number, whole: boolean): Buffer[] {
    const n = to - from
    if (m === n) return whole ? [] : [this.root(from, to)]
    const k = largestPowerBelow(n)
    return m <= k
      ? [...this.#subproof(m, from, from + k, whole), this.root(from + k, to)]
      : [...this.#subproof(m - k, from + k, to, false), this.root(from, from + k)]
  }

  /** SUBTREE_PROOF of draft-ietf-plants-merkle-tree-certs §4.4.1. */
  subtree(start: number, end: number, size: number): Buffer[] {
    return this.#subtree(start, end, 0, size, true)
  }

  #subtree(start: number, end: number, from: number, to: number, whole: boolean): Buffer[] {
    if (start === from && end === to) return whole ? [] : [this.root(from, to)]
    const middle = from + largestPowerBelow(to - from)
    if (end <= middle) return [...this.#subtree(start, end, from, middle, whole), this.root(middle, to)]
    if (middle <= start) return [...this.#subtree(start, end, middle, to, whole), this.root(from, middle)]
    return [...this.#subtree(middle, end, middle, to, false), this.root(from, middle)]
  }

  /** Reads complete subtrees as any store would. */
  get reader(): HashReader {
    return (nodes) =>
      nodes.map(({ level, index }) => {
        const [start, end] = [index * 2 ** level, (index + 1) * 2 ** level]
        if (end > this.leaves.length) throw new Error(`no complete subtree [${start}, ${end})`)
        return this.root(start, end)
      })
  }
}

function largestPowerBelow(n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}
