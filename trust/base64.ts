// Canonical base64 only (RFC 4648 §3.5): two texts must never mean the same bytes in signed evidence.

/**
 * Decodes; undefined when the text is not canonical: wrong padding, stray characters, non-zero trailing bits.
 * `whitespace` allows XML white space between characters, as signers break long values (wire-message §4.1).
 */
export function decodeBase64(text: string, options: { whitespace?: boolean } = {}): Uint8Array | undefined {
  const compact = options.whitespace ? text.replace(/[ \t\r\n]+/g, '') : text
  const bytes = Buffer.from(compact, 'base64')
  // Canonical is what encoding gives: this refuses everything else, whatever Node's decoder passes over.
  return encodeBase64(bytes) === compact ? bytes : undefined
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}
