// PEM (RFC 7468), strict enough that a certificate in it can be trusted to be what is between the lines.
import { decodeBase64, encodeBase64 } from './base64.ts'
import { TrustError } from './error.ts'

const MAX_CHARACTERS = 4 * 1024 * 1024

export function pem(label: string, der: Uint8Array): string {
  const lines = encodeBase64(der).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** All blocks of the label (any label when absent), in order; text around them is ignored. Throws TrustError `malformed_pem`. */
export function unpem(text: string, label?: string): readonly Uint8Array[] {
  if (text.length > MAX_CHARACTERS) throw new TrustError('malformed_pem', 'The PEM text is too long')
  const blocks: Uint8Array[] = []
  for (const [, begin = '', body = '', end = ''] of text.matchAll(
    /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END ([A-Z0-9 ]+)-----/g,
  )) {
    if (begin !== end) throw new TrustError('malformed_pem', `A PEM block begins as ${begin} and ends as ${end}`)
    if (label !== undefined && begin !== label) continue
    const bytes = decodeBase64(body, { whitespace: true })
    if (bytes === undefined || bytes.length === 0)
      throw new TrustError('malformed_pem', `A PEM block ${begin} is not base64`)
    blocks.push(bytes)
  }
  return blocks
}
