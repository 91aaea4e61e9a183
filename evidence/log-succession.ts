// How a log begins that goes on where another was lost: its first leaf says so. A version, the SHA-256 of the last checkpoint of the other, and
// the first record that is left (u64).
import { digest } from '#trust'

export const SUCCESSION_ENTRY = 3
const FIRST_AT = 1 + 32

/** @param last The last checkpoint of the log that was lost; empty where nobody has it. */
export function successionEntry(last: Uint8Array, firstRecord: number): Uint8Array {
  const first = Buffer.alloc(8)
  first.writeBigUInt64BE(BigInt(firstRecord))
  return Buffer.concat([Uint8Array.of(SUCCESSION_ENTRY), digest('SHA-256', last), first])
}

/** The first record of a log whose first entry this is; undefined where that is no such entry. */
export function succeedsFrom(entry: Uint8Array): number | undefined {
  if (entry.length !== FIRST_AT + 8 || entry[0] !== SUCCESSION_ENTRY) return undefined
  return Number(Buffer.from(entry).readBigUInt64BE(FIRST_AT))
}
