// The signed directory: which parts a configuration has, until when, and who says so (wire-conf §2.3 to §2.5).
import {
  type Certificate,
  type DigestAlgorithm,
  decodeBase64,
  digest,
  digestByUri,
  equalBytes,
  type SignatureAlgorithm,
  signatureByUri,
  verifySignature,
} from '#trust'
import { ProtocolError } from '../error.ts'
import { malformed } from './elements.ts'
import { cut, type Headers, headerValue, type Part, readPart } from './mime.ts'
import { PART_FILES } from './optional-parts.ts'
import { CONFIGURATION_VERSIONS, type ConfigurationVersion } from './shared-parameters.ts'

/** A directory names a handful of parts. */
export const MAX_DIRECTORY_BYTES = 1 << 20

/** One file of the configuration. */
export interface DirectoryPart {
  /** `SHARED-PARAMETERS`, …; parts that nobody identifies may stand there too. */
  readonly contentIdentifier?: string
  /** Which instance it is about; always there for shared and private parameters. */
  readonly instance?: string
  /** URI reference, resolved against the URL of the directory. */
  readonly location: string
  readonly digest: DigestAlgorithm
  readonly hash: Uint8Array
  /** Overrides the name under which a client stores it. attacker-controlled until the signature is verified, and odd even then */
  readonly fileName?: string
}

/** A directory before anybody vouches for it: only what finds the key. */
export interface UnverifiedDirectory {
  /** The bytes that were signed, a view on the input. */
  readonly signed: Uint8Array
  readonly boundary: string
  readonly signature: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly certificateDigest: DigestAlgorithm
  readonly certificateHash: Uint8Array
}

export interface SignedDirectory {
  readonly version: ConfigurationVersion
  readonly expiresAt: Date
  readonly parts: readonly DirectoryPart[]
  /** Whose key signed it. */
  readonly certificate: Certificate
}

/**
 * Finds the signed bytes and the signature. Nothing inside the signed bytes is looked at.
 *
 * @throws ProtocolError `malformed_configuration`; `invalid_configuration_signature` where there is no signature to verify
 */
export function parseSignedDirectory(bytes: Uint8Array): UnverifiedDirectory {
  if (bytes.length > MAX_DIRECTORY_BYTES) throw malformed(`a directory over ${MAX_DIRECTORY_BYTES} bytes is not read`)
  const envelope = readPart(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  const { parts, closed } = cut(envelope.body, multipartBoundary(envelope.headers, 'multipart/related'))
  const [first, second] = parts.map(readPart)
  if (!closed || first === undefined || second === undefined || parts.length !== 2)
    throw malformed('a directory has two parts, the signed data and its signature')
  const { headers } = second
  expectEncoding(headers)
  const uri = required(headers, 'signature-algorithm-id')
  const algorithm = signatureByUri(uri)
  if (algorithm === undefined) throw unverifiable(`the signature algorithm ${uri} is not accepted`)
  const named = headerValue(required(headers, 'verification-certificate-hash'))
  const hashUri = named.parameters.get('hash-algorithm-id')
  if (hashUri === undefined) throw malformed('Verification-certificate-hash does not name its algorithm')
  const certificateDigest = digestByUri(hashUri)
  if (certificateDigest === undefined || certificateDigest.use === 'time-stamps')
    throw malformed(`the digest ${hashUri} is not known`)
  const certificateHash = decodeBase64(named.value)
  if (certificateHash === undefined) throw malformed('Verification-certificate-hash is not base64')
  const signature = decodeBase64(second.body.toString('latin1'), { whitespace: true })
  if (signature === undefined || signature.length === 0) throw unverifiable('the directory has no signature')
  return {
    signed: first.body,
    boundary: multipartBoundary(first.headers, 'multipart/mixed'),
    signature,
    algorithm,
    certificateDigest,
    certificateHash,
  }
}

/**
 * A directory that one of `certificates` signed and that has not expired at `at`. Of the certificates only the public key
 * counts, not their validity or issuer (wire-conf §2.5).
 *
 * @throws ProtocolError `malformed_configuration`, `unknown_configuration_signer`, `invalid_configuration_signature`,
 * `expired_configuration`
 */
export function verifySignedDirectory(
  bytes: Uint8Array,
  certificates: readonly Certificate[],
  at: Date,
): SignedDirectory {
  const directory = parseSignedDirectory(bytes)
  const { certificateDigest, certificateHash, algorithm, signed, signature } = directory
  const certificate = certificates.find(({ der }) => equalBytes(digest(certificateDigest.name, der), certificateHash))
  if (certificate === undefined)
    throw new ProtocolError(
      'unknown_configuration_signer',
      `The configuration is signed by a key that is not listed (${certificateDigest.name} of its certificate: ${Buffer.from(certificateHash).toString('hex')})`,
    )
  if (!verifySignature(algorithm, certificate.publicKey, signed, signature))
    throw unverifiable('the signature is not that of the key it names')
  return readSigned(directory, certificate, at)
}

/** What is inside, now that it is known who said it. */
function readSigned({ signed, boundary }: UnverifiedDirectory, certificate: Certificate, at: Date): SignedDirectory {
  const body = Buffer.from(signed.buffer, signed.byteOffset, signed.byteLength)
  const { parts, start } = cut(body, boundary)
  // The boundary is announced outside of the signed bytes: one that does not begin them would be somebody else's reading.
  if (start < 0 || body.toString('latin1', 0, start).trim() !== '')
    throw malformed('the signed data does not begin with its delimiter')
  const [head, ...files] = parts.map(readPart)
  if (head === undefined) throw malformed('the signed data has no parts')
  if (head.body.toString('latin1').trim() !== '') throw malformed('the first signed part has a body')
  const expiresAt = readExpiry(required(head.headers, 'expire-date'))
  if (expiresAt < at)
    throw new ProtocolError('expired_configuration', `The configuration expired at ${expiresAt.toISOString()}`)
  return { version: readVersion(head.headers), expiresAt, parts: files.map(readFile), certificate }
}

function readVersion(headers: Headers): ConfigurationVersion {
  const text = headers.get('version') ?? '2'
  const version = CONFIGURATION_VERSIONS.find((known) => String(known) === text)
  if (version === undefined) throw malformed(`version '${text}' of the configuration is not read`)
  return version
}

/** ISO 8601 with an offset: `Z`, `+02:00`, fractions. */
function readExpiry(text: string): Date {
  const date = new Date(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(text) ? text : Number.NaN,
  )
  if (Number.isNaN(date.getTime())) throw malformed(`'${text}' is not a date of expiry`)
  return date
}

function readFile({ headers, body }: Part): DirectoryPart {
  expectEncoding(headers)
  const location = required(headers, 'content-location')
  const uri = required(headers, 'hash-algorithm-id')
  const algorithm = digestByUri(uri)
  // SHA-1 names things; it does not vouch for a part.
  if (algorithm === undefined || algorithm.name === 'SHA-1' || algorithm.use === 'time-stamps')
    throw malformed(`the digest ${uri} is not accepted for a part`)
  const hash = decodeBase64(body.toString('latin1'), { whitespace: true })
  if (hash?.length !== algorithm.length) throw malformed(`the hash of ${location} is not a ${algorithm.name}`)
  const identifier = headers.get('content-identifier')
  const { value, parameters } = headerValue(identifier ?? '')
  const instance = parameters.get('instance') ?? ''
  if ((value === 'SHARED-PARAMETERS' || value === 'PRIVATE-PARAMETERS') && instance.trim() === '')
    throw malformed(`${value} does not name its instance`)
  const fileName = headers.get('content-file-name')
  return {
    ...(value !== '' && { contentIdentifier: value }),
    // Header bytes are UTF-8 (the charset of the envelope); they were cut as Latin-1.
    ...(instance !== '' && { instance: Buffer.from(instance, 'latin1').toString('utf8') }),
    location,
    digest: algorithm,
    hash,
    ...(fileName !== undefined && { fileName }),
  }
}

const PLAIN_FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/

/**
 * The name under which a client keeps a part: fixed for those that mean something, else what the directory says or the last
 * segment of the location (wire-conf §2.7). Undefined for a name that is none on every system, or one of the client's own.
 */
export function partFileName({ contentIdentifier, fileName, location }: DirectoryPart): string | undefined {
  const fixed = Object.entries(PART_FILES).find(([identifier]) => identifier === contentIdentifier)?.[1]
  if (fixed !== undefined) return fixed
  const name = fileName ?? location.split(/[?#]/)[0]?.split('/').at(-1) ?? ''
  const taken = Object.values(PART_FILES).some((file) => file === name) || name.endsWith('.metadata')
  return PLAIN_FILE_NAME.test(name) && !taken ? name : undefined
}

/** Whether these bytes are the part that the directory means. */
export function isPart(part: DirectoryPart, bytes: Uint8Array): boolean {
  return equalBytes(digest(part.digest.name, bytes), part.hash)
}

function multipartBoundary(headers: Headers, type: string): string {
  const { value, parameters } = headerValue(required(headers, 'content-type'))
  const boundary = parameters.get('boundary')
  // RFC 2046 §5.1.1
  if (value.toLowerCase() !== type || boundary === undefined || !/^[0-9A-Za-z'()+_,./:=? -]{0,69}[^\s]$/.test(boundary))
    throw malformed(`not ${type} with a boundary`)
  return boundary
}

function expectEncoding(headers: Headers): void {
  if (required(headers, 'content-type') !== 'application/octet-stream')
    throw malformed('a part is not application/octet-stream')
  if (required(headers, 'content-transfer-encoding') !== 'base64') throw malformed('a part is not in base64')
}

function required(headers: Headers, name: string): string {
  const value = headers.get(name)
  if (value === undefined) throw malformed(`the header ${name} is missing`)
  return value
}

function unverifiable(message: string): ProtocolError {
  return new ProtocolError('invalid_configuration_signature', `The configuration is not verified: ${message}`)
}
