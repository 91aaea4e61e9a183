// Certificate requests (PKCS#10, RFC 2986): what a signer asks a CA for. Proof of possession is always verified.
import type { SignatureAlgorithm } from './algorithms.ts'
import { type KeyObject, publicKeyFromSpki, verifySignature } from './crypto.ts'
import { type Der, readDer } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'
import { KEY_USAGES, type KeyUsage, readExtensions } from './extensions.ts'
import { type Name, type NameAttribute, readName, writeName } from './name.ts'
import { oids } from './oids.ts'
import { unpem } from './pem.ts'
import { readSignatureIdentifier, writeSignatureIdentifier } from './signature-identifier.ts'

export interface CertificateRequest {
  readonly der: Uint8Array
  readonly subject: Name
  readonly spki: Uint8Array
  readonly publicKey: KeyObject
  readonly dnsNames: readonly string[]
  readonly keyUsage: readonly KeyUsage[] | undefined
}

export interface RequestInput {
  readonly subject: readonly NameAttribute[]
  readonly spki: Uint8Array
  /** Asked for, non-critical (wire-conf §5.2); the CA's profile decides. */
  readonly keyUsage: readonly KeyUsage[]
  readonly dnsName?: string
  readonly algorithm: SignatureAlgorithm
}

const MAX_ATTRIBUTES = 32

/** `sign` is the key's own signature over the bytes it is given, DER for ECDSA. */
export async function buildRequest(
  input: RequestInput,
  sign: (tbs: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const extension = (oid: string, value: Uint8Array) => write.sequence(write.oid(oid), write.octets(value))
  const extensions = [
    extension(oids.keyUsage, write.namedBits(KEY_USAGES.map((usage) => input.keyUsage.includes(usage)))),
  ]
  if (input.dnsName !== undefined)
    extensions.unshift(
      extension(oids.subjectAltName, write.sequence(write.tagged(2, false, Buffer.from(input.dnsName, 'latin1')))),
    )
  const attribute = write.sequence(write.oid(oids.extensionRequest), write.set(write.sequence(...extensions)))
  const info = write.sequence(write.integer(0), writeName(input.subject), input.spki, write.tagged(0, true, attribute))
  return write.sequence(info, writeSignatureIdentifier(input.algorithm), write.bits(await sign(info)))
}

/** DER or PEM. Throws TrustError `malformed_request`. */
export function parseRequest(bytes: Uint8Array): CertificateRequest {
  if (bytes.length > 64 * 1024) throw new TrustError('malformed_request', 'The certificate request is too long')
  const text = bytes[0] === 0x30 ? undefined : Buffer.from(bytes).toString('latin1')
  const der =
    text === undefined ? bytes : (unpem(text, 'CERTIFICATE REQUEST')[0] ?? unpem(text, 'NEW CERTIFICATE REQUEST')[0])
  if (der === undefined) throw new TrustError('malformed_request', 'Neither a DER nor a PEM certificate request')
  const [info, identifier, signature] = readDer(der).parts(0x30, 3, 3, 'certificate request')
  if (!info || !identifier || !signature)
    throw new TrustError('malformed_request', 'The certificate request is incomplete')
  // Some leave the empty attributes [0] out, though RFC 2986 §4.1 does not allow it.
  info.parts(0x30, 3, 4, 'CertificationRequestInfo')
  if (info.child(0).expect(0x02, 'version').integer() !== 0n)
    throw new TrustError('malformed_request', 'The certificate request is not of version 1')
  const spki = info.child(2, 'public key')
  const publicKey = publicKeyFromSpki(spki.raw)
  if (!verifySignature(readSignatureIdentifier(identifier), publicKey, info.raw, signature.bits()))
    throw new TrustError(
      'malformed_request',
      'The certificate request is not signed by the key it asks a certificate for',
    )
  const { keyUsage, dnsNames } = readExtensions(requestedExtensions(info))
  return { der, subject: readName(info.child(1, 'subject')), spki: spki.raw, publicKey, dnsNames, keyUsage }
}

function requestedExtensions(info: Der): Der | undefined {
  const [, , , attributes] = info.children()
  const asked = (attributes?.parts(0xa0, 0, MAX_ATTRIBUTES, 'attributes') ?? []).filter(
    (one) => one.child(0).oid() === oids.extensionRequest,
  )
  // Twice would let two readers see two requests.
  if (asked.length > 1) throw new TrustError('malformed_request', 'Extensions are asked for twice')
  return asked[0]?.child(1, 'requested extensions').only(0x31, 'requested extensions')
}
