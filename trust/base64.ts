// Canonical base64 only (RFC 4648 §3.5): two texts must never mean the same bytes in signed evidence.

const ALPHABET = /^[A-Za-z0-9+/]*={0,2}$/

/**
 * Decodes; undefined when the text is not canonical: wrong padding, stray characters, non-zero trailing bits.
 * `whitespace` allows XML white space between characters, as signers break long values (wire-message §4.1).
 */
export function decodeBase64(text: string, options: { whitespace?: boolean } = {}): Uint8Array | undefined {
  const compact = options.whitespace ? text.replace(/[ \t\r\n]+/g, '') : text
  if (compact.length % 4 !== 0 || !ALPHABET.test(compact)) return undefined
  const bytes = Buffer.from(compact, 'base64')
  if (!compact.endsWith('=')) return bytes
  // Trailing bits that are not zero decode to the same bytes as zero ones; only encoding the last group again tells.
  const last = compact.slice(-4)
  return Buffer.from(last, 'base64').toString('base64') === last ? bytes : undefined
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}
