// Frames as the tables have them.
import { LogError } from '../error.ts'
import { frameLength, isWhole, readFrame } from '../frame.ts'
import type { KeyRing } from '../key-ring.ts'
import type { RecordRow } from '../store.ts'

/** The record of a frame. Throws LogError `record_damaged` where it is not as it was written, `key_missing`. */
export function readStored(seq: number, frame: Uint8Array, keys: KeyRing): RecordRow {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  const damage = damageOf(seq, bytes)
  if (damage !== undefined) throw new LogError('record_damaged', damage)
  try {
    return readFrame(bytes, keys)
  } catch (cause) {
    if (cause instanceof LogError) throw cause
    throw new LogError('record_damaged', `Record ${seq} is not what was logged: ${(cause as Error).message}`, { cause })
  }
}

/** In words, where it is not as it was written. */
export function damageOf(seq: number, frame: Uint8Array): string | undefined {
  const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.length)
  return frameLength(bytes, seq) === bytes.length && isWhole(bytes) ? undefined : `Record ${seq} is not what was logged`
}
