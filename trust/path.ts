// From a certificate to the anchor that the trust material names (RFC 5280 §6, without policies and name constraints, which are refused when critical).
import { Cache } from './cache.ts'
import type { Certificate } from './certificate.ts'
import { equalBytes, verifySignature } from './crypto.ts'
import { TrustError } from './error.ts'

/** Certificates of a path without its anchor. */
const MAX_PATH = 8
/** Signatures that one search may look at: cross-certificates in a ring must not keep us busy. */
const MAX_STEPS = 256
const verified = new Cache<boolean>(10_000)

/**
 * The path from the leaf up to, and without, the anchor. `extra` are candidates in between, in any order, believed only as far as their signatures.
 * The anchor itself is trusted as it is (RFC 5280 §6.1.1 d), but must be within its validity; it is never its own leaf.
 * @throws TrustError `cannot_create_cert_path` when no path exists, `invalid_cert_path` when the one that exists must be refused.
 */
export function verifyPath(
  leaf: Certificate,
  anchor: Certificate,
  extra: readonly Certificate[],
  at: Date,
): readonly Certificate[] {
  if (equalBytes(leaf.der, anchor.der))
    throw new TrustError('cannot_create_cert_path', `${leaf.subject.text} is an authority, not what one has certified`)
  const search: Search = { anchor, extra, at, steps: 0, refused: undefined }
  const path = extend(search, [leaf])
  if (path === undefined)
    throw (
      search.refused ??
      new TrustError('cannot_create_cert_path', `No path from ${leaf.subject.text} to ${anchor.subject.text}`)
    )
  checkValidity(anchor, at)
  return path
}

interface Search {
  readonly anchor: Certificate
  readonly extra: readonly Certificate[]
  readonly at: Date
  steps: number
  /** Why a path that exists was not taken: tells more than that there is none. */
  refused: TrustError | undefined
}

/** Depth first; an authority that renewed its certificate stands in `extra` twice, and the expired one must not hide the other. */
function extend(search: Search, path: readonly Certificate[]): readonly Certificate[] | undefined {
  const { anchor, extra, at } = search
  const last = path.at(-1) as Certificate
  try {
    checkLink(last, path.length - 1, at)
    if (issued(anchor, last)) {
      checkLength(anchor, path.length)
      return path
    }
  } catch (error) {
    if (!(error instanceof TrustError)) throw error
    search.refused ??= asRefusal(error)
    return undefined
  }
  if (path.length >= MAX_PATH) return undefined
  for (const candidate of extra) {
    if (!equalBytes(candidate.subject.der, last.issuer.der) || path.includes(candidate)) continue
    search.steps += 1
    if (search.steps > MAX_STEPS) return undefined
    if (!issuedSafely(candidate, last)) continue
    const found = extend(search, [...path, candidate])
    if (found !== undefined) return found
  }
  return undefined
}

/** Below: how many certificates stand under this one in the path. */
function checkLink(certificate: Certificate, below: number, at: Date): void {
  const who = certificate.subject.text
  checkValidity(certificate, at)
  if (certificate.criticalUnknown.length > 0)
    throw new TrustError(
      'invalid_cert_path',
      `${who} has a critical extension that is not understood: ${certificate.criticalUnknown.join(', ')}`,
    )
  if (certificate.signatureAlgorithm === undefined)
    throw new TrustError('invalid_cert_path', `${who} is signed with an algorithm that is not accepted`)
  if (below === 0) return
  // RFC 5280 §6.1.4 (k), (m), (n)
  if (!certificate.isCa) throw new TrustError('invalid_cert_path', `${who} is not a CA`)
  if (certificate.keyUsage !== undefined && !certificate.keyUsage.includes('keyCertSign'))
    throw new TrustError('invalid_cert_path', `${who} must not sign certificates`)
  checkLength(certificate, below)
}

/** RFC 5280 §4.2.1.9: intermediates under the certificate; the leaf does not count. */
function checkLength(certificate: Certificate, below: number): void {
  if (certificate.pathLength !== undefined && below - 1 > certificate.pathLength)
    throw new TrustError('invalid_cert_path', `The path below ${certificate.subject.text} is longer than it allows`)
}

function checkValidity(certificate: Certificate, at: Date): void {
  if (at < certificate.notBefore || at > certificate.notAfter)
    throw new TrustError(
      'invalid_cert_path',
      `${certificate.subject.text} is valid from ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}, not at ${at.toISOString()}`,
    )
}

/** Name and signature; the verdict on a pair of byte strings does not change, so it is kept. Throws TrustError for an issuer whose key is refused. */
export function issued(issuer: Certificate, subject: Certificate): boolean {
  const { signatureAlgorithm } = subject
  if (signatureAlgorithm === undefined || !equalBytes(issuer.subject.der, subject.issuer.der)) return false
  const key = issuer.sha256 + subject.sha256
  const known = verified.get(key)
  if (known !== undefined) return known
  return verified.set(key, verifySignature(signatureAlgorithm, issuer.publicKey, subject.tbs, subject.signature))
}

/** A candidate from a stranger whose key is weak or unreadable has issued nothing; it must not spoil the search for another. */
function issuedSafely(issuer: Certificate, subject: Certificate): boolean {
  try {
    return issued(issuer, subject)
  } catch (error) {
    if (error instanceof TrustError) return false
    throw error
  }
}

function asRefusal(error: TrustError): TrustError {
  return error.code === 'invalid_cert_path'
    ? error
    : new TrustError('invalid_cert_path', error.message, { cause: error })
}
