// Every digest and signature algorithm of the house, in two tables: names, URIs, OIDs. Nothing below or above switches on a name.
// If this changes, docs/policy.md changes first. X-Road's names and URIs: wire-message §3.1, §4.2, wire-conf §2.3.
import type { KeyObject } from 'node:crypto'
import { TrustError } from './error.ts'

export type DigestName = 'SHA-1' | 'SHA-224' | 'SHA-256' | 'SHA-384' | 'SHA-512' | 'SHA3-256' | 'SHA3-384' | 'SHA3-512'

/**
 * What a digest may vouch for: `names` tells things apart where no attacker chooses them, `signatures` is good for everything,
 * `time-stamps` for imprints and for what is time-stamped anew: X-Road's servers exchange nothing under it.
 */
export type DigestUse = 'names' | 'signatures' | 'time-stamps'

export interface DigestAlgorithm {
  readonly name: DigestName
  readonly uri: string
  readonly oid: string
  /** Octets. */
  readonly length: number
  /** OpenSSL's name. */
  readonly openssl: string
  readonly use: DigestUse
}

export interface SignatureAlgorithm {
  /** JCA's name, as X-Road writes it in management requests. */
  readonly name: string
  readonly uri: string
  /** In certificates, OCSP answers and CMS. RSA-PSS has one OID for all digests. */
  readonly oid: string
  readonly digest: DigestName
  readonly key: 'rsa' | 'rsa-pss' | 'ec'
}

/** RSA keys below this are refused everywhere, for old evidence too: every key of the recorded traffic has it. docs/policy.md. */
export const MINIMUM_RSA_BITS = 2048
/** Above it a verification costs a stranger nothing to ask for and us milliseconds. */
export const MAXIMUM_RSA_BITS = 8192
/** NIST's. X-Road makes P-256 keys; P-521 does not work between its servers (wire-message §4.2), so it is verified but not offered. */
export const CURVES: readonly string[] = Object.freeze(['prime256v1', 'secp384r1', 'secp521r1'])

const DIGESTS: readonly DigestAlgorithm[] = Object.freeze([
  {
    name: 'SHA-512',
    uri: 'http://www.w3.org/2001/04/xmlenc#sha512',
    oid: '2.16.840.1.101.3.4.2.3',
    length: 64,
    openssl: 'sha512',
    use: 'signatures',
  },
  {
    name: 'SHA-256',
    uri: 'http://www.w3.org/2001/04/xmlenc#sha256',
    oid: '2.16.840.1.101.3.4.2.1',
    length: 32,
    openssl: 'sha256',
    use: 'signatures',
  },
  {
    name: 'SHA-384',
    uri: 'http://www.w3.org/2001/04/xmldsig-more#sha384',
    oid: '2.16.840.1.101.3.4.2.2',
    length: 48,
    openssl: 'sha384',
    use: 'signatures',
  },
  {
    name: 'SHA-224',
    uri: 'http://www.w3.org/2001/04/xmldsig-more#sha224',
    oid: '2.16.840.1.101.3.4.2.4',
    length: 28,
    openssl: 'sha224',
    use: 'names',
  },
  // Names certificates (OCSP CertIDs, look-ups); signs nothing that is accepted.
  {
    name: 'SHA-1',
    uri: 'http://www.w3.org/2000/09/xmldsig#sha1',
    oid: '1.3.14.3.2.26',
    length: 20,
    openssl: 'sha1',
    use: 'names',
  },
  // Of another family than all that X-Road signs with: evidence is renewed with these when SHA-2 weakens (FIPS 202; URIs of RFC 9231).
  {
    name: 'SHA3-256',
    uri: 'http://www.w3.org/2007/05/xmldsig-more#sha3-256',
    oid: '2.16.840.1.101.3.4.2.8',
    length: 32,
    openssl: 'sha3-256',
    use: 'time-stamps',
  },
  {
    name: 'SHA3-384',
    uri: 'http://www.w3.org/2007/05/xmldsig-more#sha3-384',
    oid: '2.16.840.1.101.3.4.2.9',
    length: 48,
    openssl: 'sha3-384',
    use: 'time-stamps',
  },
  {
    name: 'SHA3-512',
    uri: 'http://www.w3.org/2007/05/xmldsig-more#sha3-512',
    oid: '2.16.840.1.101.3.4.2.10',
    length: 64,
    openssl: 'sha3-512',
    use: 'time-stamps',
  },
])

const MORE = 'http://www.w3.org/2001/04/xmldsig-more#'
const PSS = 'http://www.w3.org/2007/05/xmldsig-more#'

/** No SHA-1: a signature with it can be forged by collision. */
const SIGNATURES: readonly SignatureAlgorithm[] = Object.freeze([
  { name: 'SHA512withRSA', uri: `${MORE}rsa-sha512`, oid: '1.2.840.113549.1.1.13', digest: 'SHA-512', key: 'rsa' },
  { name: 'SHA512withECDSA', uri: `${MORE}ecdsa-sha512`, oid: '1.2.840.10045.4.3.4', digest: 'SHA-512', key: 'ec' },
  { name: 'SHA256withRSA', uri: `${MORE}rsa-sha256`, oid: '1.2.840.113549.1.1.11', digest: 'SHA-256', key: 'rsa' },
  { name: 'SHA256withECDSA', uri: `${MORE}ecdsa-sha256`, oid: '1.2.840.10045.4.3.2', digest: 'SHA-256', key: 'ec' },
  { name: 'SHA384withRSA', uri: `${MORE}rsa-sha384`, oid: '1.2.840.113549.1.1.12', digest: 'SHA-384', key: 'rsa' },
  { name: 'SHA384withECDSA', uri: `${MORE}ecdsa-sha384`, oid: '1.2.840.10045.4.3.3', digest: 'SHA-384', key: 'ec' },
  {
    name: 'SHA512withRSAandMGF1',
    uri: `${PSS}sha512-rsa-MGF1`,
    oid: '1.2.840.113549.1.1.10',
    digest: 'SHA-512',
    key: 'rsa-pss',
  },
  {
    name: 'SHA256withRSAandMGF1',
    uri: `${PSS}sha256-rsa-MGF1`,
    oid: '1.2.840.113549.1.1.10',
    digest: 'SHA-256',
    key: 'rsa-pss',
  },
  {
    name: 'SHA384withRSAandMGF1',
    uri: `${PSS}sha384-rsa-MGF1`,
    oid: '1.2.840.113549.1.1.10',
    digest: 'SHA-384',
    key: 'rsa-pss',
  },
] as const)

const digests = {
  name: new Map(DIGESTS.map((entry) => [entry.name.toUpperCase(), entry])),
  uri: new Map(DIGESTS.map((entry) => [entry.uri, entry])),
  oid: new Map(DIGESTS.map((entry) => [entry.oid, entry])),
}
const signatures = {
  name: new Map(SIGNATURES.map((entry) => [entry.name, entry])),
  uri: new Map(SIGNATURES.map((entry) => [entry.uri, entry])),
  oid: new Map(SIGNATURES.filter((entry) => entry.key !== 'rsa-pss').map((entry) => [entry.oid, entry])),
}

/** By the wire's name, in any case (`x-hash-algorithm`). */
export const digestNamed = (name: string): DigestAlgorithm | undefined => digests.name.get(name.toUpperCase())
export const digestByUri = (uri: string): DigestAlgorithm | undefined => digests.uri.get(uri)
export const digestByOid = (oid: string): DigestAlgorithm | undefined => digests.oid.get(oid)
export const signatureNamed = (name: string): SignatureAlgorithm | undefined => signatures.name.get(name)
export const signatureByUri = (uri: string): SignatureAlgorithm | undefined => signatures.uri.get(uri)
/** Not RSA-PSS: its digest stands in the parameters; see signature-identifier.ts. */
export const signatureByOid = (oid: string): SignatureAlgorithm | undefined => signatures.oid.get(oid)

/** What a key signs with: RSA PKCS#1 v1.5 or ECDSA, SHA-512 unless told otherwise (wire-message §4.2). */
export function signatureFor(key: KeyObject, digest: DigestName = 'SHA-512'): SignatureAlgorithm {
  const found = SIGNATURES.find((entry) => entry.key === key.asymmetricKeyType && entry.digest === digest)
  if (found === undefined)
    throw new TrustError(
      'unsupported_algorithm',
      `No signature algorithm for a key of type ${key.asymmetricKeyType} with ${digest}`,
    )
  return found
}

/** RSA-PSS with this digest, MGF1 with the same, salt as long as the digest. */
export function pssWith(digest: DigestName): SignatureAlgorithm | undefined {
  return SIGNATURES.find((entry) => entry.key === 'rsa-pss' && entry.digest === digest)
}

/** The table's entry for a digest that is known to exist. */
export function digestInfo(name: DigestName): DigestAlgorithm {
  const entry = digests.name.get(name)
  if (entry === undefined) throw new TypeError(`unknown digest ${name}`)
  return entry
}
