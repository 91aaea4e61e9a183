// ECDSA signature values: XML has r‖s, everything else DER.
import { readDer, tags } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'

/**
 * r‖s → DER. The halves may be shorter than the field: X-Road strips leading zeros and pads only to the longer half
 * (wire-message §4.2), so the value is split in the middle. Undefined when it cannot be one.
 */
export function rawToDerEcdsa(raw: Uint8Array): Uint8Array | undefined {
  if (raw.length === 0 || raw.length % 2 !== 0 || raw.length > 132) return undefined
  const half = raw.length / 2
  return write.sequence(write.unsigned(raw.subarray(0, half)), write.unsigned(raw.subarray(half)))
}

/** DER → r‖s, each padded to the field's octets. Throws TrustError `malformed_der`. */
export function derToRawEcdsa(der: Uint8Array, fieldBytes: number): Uint8Array {
  const out = Buffer.alloc(fieldBytes * 2)
  for (const [index, part] of readDer(der).parts(tags.sequence, 2, 2, 'ECDSA signature').entries()) {
    const value = part.expect(tags.integer, 'half of an ECDSA signature').unsigned()
    if (value.length > fieldBytes) throw new TrustError('malformed_der', 'An ECDSA signature does not fit its field')
    out.set(value, (index + 1) * fieldBytes - value.length)
  }
  return out
}
