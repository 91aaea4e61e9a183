import { type Certificate, type DigestName, digest, digestNamed, encodeBase64, type SignatureAlgorithm } from '#trust'
import { malformed } from './elements.ts'
import type { ConfigurationVersion } from './shared-parameters.ts'

export interface DirectoryInput {
  readonly version: ConfigurationVersion
  /** Written in whole seconds. */
  readonly expiresAt: Date
  readonly parts: readonly {
    readonly contentIdentifier: string
    readonly instance: string
    /** Absolute path on the server that gives out the directory: `/V6/<time>/shared-params.xml`. */
    readonly location: string
    readonly bytes: Uint8Array
  }[]
  /** Of the signing key; its hash tells clients which of the listed keys signed. */
  readonly certificate: Certificate
  readonly algorithm: SignatureAlgorithm
  /** Of the parts and of the certificate; default SHA-512. */
  readonly digest?: DigestName
}

const CRLF = '\r\n'

/**
 * A signed directory, byte for byte in the form of the reference's central server (wire-conf §2.3). `sign` gets the signed bytes
 * and returns the signature; ECDSA's as DER.
 */
export async function writeSignedDirectory(
  input: DirectoryInput,
  sign: (signed: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const hash = digestNamed(input.digest ?? 'SHA-512')
  if (hash === undefined || hash.name === 'SHA-1') throw new TypeError('this digest does not vouch for parts')
  const entries = input.parts.map(({ contentIdentifier, instance, location, bytes }) => {
    if (/[\r\n;]/.test(`${contentIdentifier}${instance}${location}`))
      throw malformed('a header value with a line break')
    return [
      'Content-type: application/octet-stream',
      'Content-transfer-encoding: base64',
      `Content-identifier: ${contentIdentifier}; instance='${instance}'`,
      `Content-location: ${location}`,
      `Hash-algorithm-id: ${hash.uri}`,
      '',
      encodeBase64(digest(hash.name, bytes)),
    ].join(CRLF)
  })
  const head = [
    `Expire-date: ${input.expiresAt.toISOString().replace(/\.\d+Z$/, 'Z')}`,
    `Version: ${input.version}`,
    '',
  ].join(CRLF)
  const inner = boundaryFor('inner', [head, ...entries])
  const signed = Buffer.from(multipart(inner, [head, ...entries]), 'utf8')
  const signature = await sign(signed)
  const outer = boundaryFor('outer', [inner])
  const signedPart = Buffer.concat([
    Buffer.from(`Content-Type: multipart/mixed; charset=UTF-8; boundary=${inner}${CRLF}${CRLF}`),
    signed,
  ])
  const signaturePart = [
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: base64',
    `Signature-Algorithm-Id: ${input.algorithm.uri}`,
    `Verification-certificate-hash: ${encodeBase64(digest(hash.name, input.certificate.der))}; hash-algorithm-id="${hash.uri}"`,
    '',
    encodeBase64(signature),
  ].join(CRLF)
  return Buffer.concat([
    Buffer.from(`Content-Type: multipart/related; charset=UTF-8; boundary=${outer}${CRLF}${CRLF}--${outer}${CRLF}`),
    signedPart,
    Buffer.from(`${CRLF}--${outer}${CRLF}${signaturePart}${CRLF}--${outer}--${CRLF}`),
  ])
}

/** Ends with the line break after the closing delimiter, which is signed too. */
function multipart(boundary: string, parts: readonly string[]): string {
  return `${parts.map((part) => `--${boundary}${CRLF}${part}${CRLF}`).join('')}--${boundary}--${CRLF}`
}

/** 20 characters that depend on what is delimited: the same directory has the same bytes, and nothing random is needed here. */
function boundaryFor(level: string, content: readonly string[]): string {
  return Buffer.from(digest('SHA-256', Buffer.from([level, ...content].join('\0'), 'utf8')))
    .toString('hex')
    .slice(0, 20)
}
