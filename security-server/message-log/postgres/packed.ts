// Bytes of many rows as one value, which a statement cuts apart: an array of them would go over the wire as text, twice as long.

/** Where each lies, for `substring(… FROM place + 1 FOR length)`; null for none. */
export interface Packed {
  readonly bytes: Buffer
  readonly places: readonly (number | null)[]
  readonly lengths: readonly (number | null)[]
}

export function pack(parts: readonly (Uint8Array | null)[]): Packed {
  const bytes = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0))
  const places: (number | null)[] = []
  let place = 0
  for (const part of parts) {
    places.push(part === null ? null : place)
    if (part === null) continue
    bytes.set(part, place)
    place += part.length
  }
  return { bytes, places, lengths: parts.map((part) => part?.length ?? null) }
}
