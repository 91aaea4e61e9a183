// Extra fields of ZIP headers (APPNOTE §4.5): Zip64 sizes are read, times and owners passed over, and fields that change the entry's meaning refused.
import { malformedZip } from './zip-input.ts'

const ZIP64 = 0x0001
/** Another name or comment for the entry (0x7075, 0x6375) and encryption (0x0017, 0x9901): some readers obey them, others do not. */
const REFUSED = new Set([0x7075, 0x6375, 0x0017, 0x9901])

/** @returns the values of the Zip64 field, in the order in which they stand in for header fields that are full. */
export function readExtra(extra: Buffer): { zip64: readonly number[] | undefined } {
  let zip64: number[] | undefined
  for (let at = 0; at < extra.length; ) {
    if (at + 4 > extra.length) throw malformedZip('an extra field that is cut off')
    const id = extra.readUInt16LE(at)
    const end = at + 4 + extra.readUInt16LE(at + 2)
    if (end > extra.length) throw malformedZip('an extra field that goes beyond its header')
    if (REFUSED.has(id)) throw malformedZip(`extra field 0x${id.toString(16)} is not accepted`)
    if (id === ZIP64) {
      if (zip64 !== undefined) throw malformedZip('two Zip64 fields')
      zip64 = []
      for (let position = at + 4; position + 8 <= end; position += 8)
        zip64.push(exactly(extra.readBigUInt64LE(position)))
    }
    at = end
  }
  return { zip64 }
}

/** A 64-bit value as a number without loss. */
export function exactly(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformedZip('a size beyond all measure')
  return Number(value)
}
