// From a certificate to the anchor that the trust material names (RFC 5280 §6, without policies and name constraints, which are refused when critical).
import { bytesKey, Cache } from './cache.ts'
import type { Certificate } from './certificate.ts'
import { equalBytes, verifySignature } from './crypto.ts'
import { TrustError } from './error.ts'

const MAX_PATH = 8
const verified = new Cache<boolean>(20_000)

/**
 * The path from the leaf up to, and without, the anchor. `extra` are candidates in between, in any order, believed only as far as their signatures.
 * The anchor itself is trusted as it is (RFC 5280 §6.1.1 d), but must be within its validity.
 * @throws TrustError `cannot_create_cert_path` when no path exists, `invalid_cert_path` when the one that exists must be refused.
 */
export function verifyPath(
  leaf: Certificate,
  anchor: Certificate,
  extra: readonly Certificate[],
  at: Date,
): readonly Certificate[] {
  const path: Certificate[] = []
  let current = leaf
  while (!equalBytes(current.der, anchor.der)) {
    checkLink(current, path.length === 0, path.length, at)
    path.push(current)
    if (path.length > MAX_PATH)
      throw new TrustError('cannot_create_cert_path', `The path from ${leaf.subject.text} is longer than ${MAX_PATH}`)
    if (issued(anchor, current)) break
    const next = extra.find((candidate) => !path.includes(candidate) && candidate.isCa && issued(candidate, current))
    if (next === undefined)
      throw new TrustError('cannot_create_cert_path', `No path from ${leaf.subject.text} to ${anchor.subject.text}`)
    current = next
  }
  checkValidity(anchor, at)
  if (anchor.pathLength !== undefined && path.length - 1 > anchor.pathLength)
    throw new TrustError('invalid_cert_path', `The path below ${anchor.subject.text} is longer than it allows`)
  return path
}

function checkLink(certificate: Certificate, isLeaf: boolean, below: number, at: Date): void {
  const who = certificate.subject.text
  checkValidity(certificate, at)
  if (certificate.criticalUnknown.length > 0)
    throw new TrustError(
      'invalid_cert_path',
      `${who} has a critical extension that is not understood: ${certificate.criticalUnknown.join(', ')}`,
    )
  if (certificate.signatureAlgorithm === undefined)
    throw new TrustError('invalid_cert_path', `${who} is signed with an algorithm that is not accepted`)
  if (isLeaf) return
  // RFC 5280 §6.1.4 (k), (m), (n)
  if (!certificate.isCa) throw new TrustError('invalid_cert_path', `${who} is not a CA`)
  if (certificate.keyUsage !== undefined && !certificate.keyUsage.includes('keyCertSign'))
    throw new TrustError('invalid_cert_path', `${who} must not sign certificates`)
  if (certificate.pathLength !== undefined && below - 1 > certificate.pathLength)
    throw new TrustError('invalid_cert_path', `The path below ${who} is longer than it allows`)
}

function checkValidity(certificate: Certificate, at: Date): void {
  if (at < certificate.notBefore || at > certificate.notAfter)
    throw new TrustError(
      'invalid_cert_path',
      `${certificate.subject.text} is valid from ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}, not at ${at.toISOString()}`,
    )
}

/** Name and signature; the verdict on a pair of byte strings does not change, so it is kept. */
export function issued(issuer: Certificate, subject: Certificate): boolean {
  const { signatureAlgorithm } = subject
  if (signatureAlgorithm === undefined || !equalBytes(issuer.subject.der, subject.issuer.der)) return false
  const key = bytesKey(issuer.der) + bytesKey(subject.der)
  const known = verified.get(key)
  if (known !== undefined) return known
  return verified.set(key, verifySignature(signatureAlgorithm, issuer.publicKey, subject.tbs, subject.signature))
}
