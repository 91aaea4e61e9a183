// A bounded memory of what was worked out once: parsed certificates, verdicts. What is used stays, what floods in pushes out what is not.

/** Octets in one generation. Keys are mostly the bytes themselves, so this bounds what a peer that sends ever new certificates can make us hold. */
const MAX_OCTETS = 8 * 1024 * 1024

interface Entry<V> {
  readonly value: V
  readonly octets: number
}

/**
 * Two generations: a hit in the older one moves up, a full younger one becomes the older one and the rest is forgotten. Look-ups
 * cost one or two map reads, with no order to maintain; what is in use survives a flood of what is not.
 */
export class Cache<V> {
  readonly #limit: number
  #young = new Map<string, Entry<V>>()
  #old = new Map<string, Entry<V>>()
  #octets = 0

  /** `limit`: entries of one generation; at most twice as many are held. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young.value
    const old = this.#old.get(key)
    return old === undefined ? undefined : this.set(key, old.value, old.octets)
  }

  /** Gives the value back. `octets`: what the entry is taken to hold, where the key does not say it. */
  set(key: string, value: V, octets = key.length): V {
    if (this.#young.size >= this.#limit || this.#octets + octets > MAX_OCTETS) {
      this.#old = this.#young
      this.#young = new Map()
      this.#octets = 0
    }
    this.#young.set(key, { value, octets })
    this.#octets += octets
    return value
  }

  /** Entries held now. */
  get size(): number {
    return this.#young.size + this.#old.size
  }
}

/** A copy in memory of its own: what is kept must not change with the caller's buffer, nor keep a larger one (or Node's pool of 64 KiB) alive. */
export function ownCopy(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

/** The bytes themselves as a map key: exact, and cheaper than a digest at these sizes. */
export function bytesKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}
