// Certificate profiles as data: what each kind of certificate may say, and what its subject must look like.
// If a line here changes, docs/policy.md changes first; lint.ts judges every draft against these tables.

import { type KeyUsage, oids } from '#trust'
import type { IssuableProfile } from './contract.ts'

const DAY = 86_400
const YEAR = 365 * DAY

export type ProfileName = 'root' | 'issuing' | IssuableProfile

/** One attribute of a subject. `pattern` tests the value, `max` is in characters. */
export interface AttributeRule {
  readonly oid: string
  readonly name: string
  readonly required: boolean
  readonly max: number
  readonly pattern?: RegExp
}

/** Allowed attributes; each may stand once, in any order, and no other may stand at all. */
export type SubjectRule = readonly AttributeRule[]

export interface Profile {
  readonly name: ProfileName
  /** Present for CA certificates: how many CAs may follow below (RFC 5280 §4.2.1.9). */
  readonly pathLength?: number
  /** By the kind of the certified key: an EC key cannot encipher (RFC 8813 §3). */
  readonly keyUsage: Readonly<Record<'rsa' | 'ec', readonly KeyUsage[]>>
  readonly extendedKeyUsage?: { readonly purposes: readonly string[]; readonly critical: boolean }
  /** Longest life in seconds; cut at the issuer's own end. */
  readonly validSeconds: number
  /** subjectAltName: whether the certificate may or must carry host names and addresses. */
  readonly names: 'none' | 'optional' | 'required'
  /** id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1). */
  readonly noCheck: boolean
  /** Whether it says where its CRL, its OCSP responder and its issuer's certificate are. */
  readonly locations: boolean
}

const CA_USAGE: readonly KeyUsage[] = ['keyCertSign', 'cRLSign']
const both = (...usages: readonly KeyUsage[]) => ({ rsa: usages, ec: usages })

export const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  root: {
    name: 'root',
    pathLength: 1,
    keyUsage: both(...CA_USAGE),
    validSeconds: 20 * YEAR,
    names: 'none',
    noCheck: false,
    locations: false,
  },
  issuing: {
    name: 'issuing',
    pathLength: 0,
    keyUsage: both(...CA_USAGE),
    validSeconds: 15 * YEAR,
    names: 'none',
    noCheck: false,
    locations: true,
  },
  // wire-conf §5.1: clientAuth makes it an authentication certificate; nonRepudiation beside it would make it both, which no server imports.
  authentication: {
    name: 'authentication',
    keyUsage: {
      rsa: ['digitalSignature', 'keyEncipherment', 'dataEncipherment'],
      ec: ['digitalSignature', 'keyAgreement'],
    },
    extendedKeyUsage: { purposes: [oids.clientAuth, oids.serverAuth], critical: false },
    validSeconds: 2 * YEAR,
    names: 'optional',
    noCheck: false,
    locations: true,
  },
  // wire-conf §5.2: requests of X-Road servers also ask for keyCertSign. An institution's seal is not a CA; it is not granted.
  signing: {
    name: 'signing',
    keyUsage: both('nonRepudiation'),
    validSeconds: 2 * YEAR,
    names: 'optional',
    noCheck: false,
    locations: true,
  },
  tls: {
    name: 'tls',
    keyUsage: { rsa: ['digitalSignature', 'keyEncipherment'], ec: ['digitalSignature', 'keyAgreement'] },
    extendedKeyUsage: { purposes: [oids.serverAuth, oids.clientAuth], critical: false },
    validSeconds: 2 * YEAR,
    names: 'required',
    noCheck: false,
    locations: true,
  },
  // Nobody asks whether a responder is revoked, so it lives short and the CA renews it (RFC 6960 §4.2.2.2.1).
  ocsp: {
    name: 'ocsp',
    keyUsage: both('digitalSignature'),
    extendedKeyUsage: { purposes: [oids.ocspSigning], critical: true },
    validSeconds: YEAR,
    names: 'none',
    noCheck: true,
    locations: false,
  },
  // RFC 3161 §2.3: timeStamping alone, and critical. Long, because evidence is read for years and the centre pins the certificate.
  tsa: {
    name: 'tsa',
    keyUsage: both('digitalSignature', 'nonRepudiation'),
    extendedKeyUsage: { purposes: [oids.timeStamping], critical: true },
    validSeconds: 10 * YEAR,
    names: 'none',
    noCheck: false,
    locations: true,
  },
}

/** Upper bounds of X.520 as RFC 5280 Appendix A.1 repeats them. */
function attribute(oid: string, name: string, max: number, required: boolean, pattern?: RegExp): AttributeRule {
  return { oid, name, max, required, ...(pattern === undefined ? {} : { pattern }) }
}

const commonName = attribute(oids.commonName, 'commonName', 64, true)
const organization = attribute(oids.organization, 'organizationName', 64, true)
const organizationalUnit = attribute(oids.organizationalUnit, 'organizationalUnitName', 64, false)
const country = attribute(oids.country, 'countryName', 2, true, /^[A-Z]{2}$/)
const serialNumber = attribute(oids.serialNumber, 'serialNumber', 64, true)
const optional = (rule: AttributeRule): AttributeRule => ({ ...rule, required: false })

/** Ejbca's shape puts the instance where a country belongs (wire-conf §5.3), so the bound of X.520 does not hold for it. */
const instanceAsCountry = attribute(oids.country, 'countryName', 64, true)
/** FiVRK: `instance/server code/member class`, exactly three (wire-conf §5.3). */
const finnishSerial = attribute(oids.serialNumber, 'serialNumber', 64, true, /^[^/]+\/[^/]+\/[^/]+$/)
const finland = attribute(oids.country, 'countryName', 2, true, /^FI$/)
/**
 * Member class and code as a signing certificate carries them. Java compares the RFC 2253 text, where these characters
 * come escaped, so such a code could never match its certificate (wire-conf §5.3); better to learn that at the CA.
 */
const COMPARABLE = /^[^,+"\\<>;=#]+$/
const comparable = (rule: AttributeRule): AttributeRule => ({ ...rule, pattern: COMPARABLE })

export type SubjectRules = 'Basic' | 'FiVRK' | 'Ejbca'

/** Subjects of institutions' certificates by the ecosystem's certificate profile (wire-conf §5.3, columns of the CSR subjects). */
const INSTITUTION_SUBJECTS: Readonly<
  Record<SubjectRules, Readonly<Record<'authentication' | 'signing', SubjectRule>>>
> = {
  Basic: {
    authentication: [commonName, serialNumber, country, organization],
    signing: [
      commonName,
      organization,
      comparable(attribute(oids.businessCategory, 'businessCategory', 128, true)),
      country,
      comparable(serialNumber),
    ],
  },
  FiVRK: {
    authentication: [finland, organization, finnishSerial, commonName],
    signing: [finland, organization, finnishSerial, comparable(commonName)],
  },
  Ejbca: {
    authentication: [instanceAsCountry, commonName],
    signing: [comparable(instanceAsCountry), comparable(organization), comparable(commonName)],
  },
}

/** Subjects of everybody else: services and the authorities themselves. */
const PLAIN_SUBJECT: SubjectRule = [
  commonName,
  optional(organization),
  organizationalUnit,
  optional(country),
  optional(serialNumber),
]

/** The rule a subject is judged by. */
export function subjectRule(profile: ProfileName, rules: SubjectRules): SubjectRule {
  return profile === 'authentication' || profile === 'signing' ? INSTITUTION_SUBJECTS[rules][profile] : PLAIN_SUBJECT
}

/** Keys that may be certified (wire-conf §5.2; NIST SP 800-57 part 1 table 2: at least 112 bits). */
export const KEY_POLICY = {
  rsaBits: [2048, 3072, 4096],
  rsaExponent: 65_537n,
  curves: ['prime256v1', 'secp384r1', 'secp521r1'],
} as const
