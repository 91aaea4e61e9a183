// Sizes tell: a photo is not an address. What is sealed is padded to a bucket, of which there are few.
import { ContinuityError } from './error.ts'

const SMALLEST = 256

/** The bucket of a plaintext with its end mark: the next power of two from 256 octets. */
export function bucketOf(length: number): number {
  let bucket = SMALLEST
  while (bucket < length + 1) bucket *= 2
  return bucket
}

/** Content, one octet 0x80, zeros up to the bucket (ISO/IEC 7816-4). */
export function pad(content: Uint8Array): Buffer {
  const padded = Buffer.alloc(bucketOf(content.length))
  padded.set(content)
  padded[content.length] = 0x80
  return padded
}

/** Throws `malformed_entry` for what {@link pad} did not make. */
export function unpad(padded: Uint8Array): Uint8Array {
  let end = padded.length - 1
  while (end >= 0 && padded[end] === 0) end -= 1
  if (end < 0 || padded[end] !== 0x80 || bucketOf(end) !== padded.length)
    throw new ContinuityError('malformed_entry', 'What was sealed is not padded to its bucket')
  return padded.subarray(0, end)
}
