// CertIDs: how OCSP names the certificate that is asked or answered about (RFC 6960 §4.1.1).
import { type DigestName, digestByOid } from './algorithms.ts'
import type { Certificate } from './certificate.ts'
import { digest, equalBytes } from './crypto.ts'
import { type Der, tags } from './der.ts'
import { write } from './der-writer.ts'
import { TrustError } from './error.ts'

export interface OcspCertId {
  /** The whole CertID as it came. */
  readonly raw: Uint8Array
  readonly hashOid: string
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  readonly serialNumber: bigint
}

/** Throws TrustError `malformed_ocsp`. */
export function readCertId(id: Der): OcspCertId {
  const [algorithm, name, key, serial] = id.parts(0x30, 4, 4, 'CertID')
  if (!algorithm || !name || !key || !serial) throw new TrustError('malformed_ocsp', 'A CertID is incomplete')
  return {
    raw: id.raw,
    hashOid: algorithm.child(0).oid(),
    issuerNameHash: name.octets(),
    issuerKeyHash: key.octets(),
    serialNumber: serial.expect(tags.integer, 'serial number').integer(),
  }
}

/** CertID with SHA-1 hashes, the only kind that X-Road matches. */
export function certId(certificate: Certificate, issuer: Certificate): Uint8Array {
  return write.sequence(
    write.sequence(write.oid('1.3.14.3.2.26'), write.nul()),
    write.octets(digest('SHA-1', issuer.subject.der)),
    write.octets(digest('SHA-1', issuer.keyBits)),
    write.integer(certificate.serialNumber),
  )
}

/** Whether a CertID names certificates of this issuer, by whatever digest it uses. */
export function certIdMatches(id: OcspCertId, issuer: Certificate): boolean {
  const algorithm = digestByOid(id.hashOid)
  if (algorithm === undefined) return false
  const { name, key } = issuerHashes(issuer, algorithm.name)
  return equalBytes(id.issuerNameHash, name) && equalBytes(id.issuerKeyHash, key)
}

interface IssuerHashes {
  readonly name: Uint8Array
  readonly key: Uint8Array
}

/** What names an issuer in a CertID, worked out once for a certificate and a digest: each message is judged by an answer. */
const hashesOf = new WeakMap<Certificate, Map<DigestName, IssuerHashes>>()

function issuerHashes(issuer: Certificate, algorithm: DigestName): IssuerHashes {
  let known = hashesOf.get(issuer)
  if (known === undefined) {
    known = new Map()
    hashesOf.set(issuer, known)
  }
  let hashes = known.get(algorithm)
  if (hashes === undefined) {
    hashes = { name: digest(algorithm, issuer.subject.der), key: digest(algorithm, issuer.keyBits) }
    known.set(algorithm, hashes)
  }
  return hashes
}
