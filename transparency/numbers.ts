// Numbers that are written in one way only. None is above 2^53 − 1, where JavaScript stops counting.

/** Whether a number, maybe a stranger's, can be the number of leaves of a tree, an index, or a time in seconds. */
export function isTreeSize(size: number): boolean {
  return Number.isSafeInteger(size) && size >= 0
}

/** ASCII decimal without leading zeros; undefined for anything else. */
export function parseDecimal(text: string): number | undefined {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return undefined
  const value = Number(text)
  return isTreeSize(value) ? value : undefined
}

/** Two octets, big-endian; `value` is below 2^16. */
export function writeUint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

/** Eight octets, big-endian; `value` is one of {@link isTreeSize}. */
export function writeUint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** The first eight octets; undefined where they say more than can be counted. */
export function readUint64(bytes: Uint8Array): number | undefined {
  const value = Number(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).readBigUInt64BE())
  return isTreeSize(value) ? value : undefined
}
