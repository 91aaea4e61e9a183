import { digest, readDer } from '#trust'

/**
 * Key identifier: SHA-1 of the bits of the public key (RFC 5280 §4.2.1.2 method 1). OCSP's KeyHash is the same value
 * (RFC 6960 §4.1.1), so a responder finds its issuer by it.
 */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const [, bits] = readDer(spki).children()
  if (!bits) throw new TypeError('a SubjectPublicKeyInfo was expected')
  return digest('SHA-1', bits.bits())
}
