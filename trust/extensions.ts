// The certificate extensions that a judgement here depends on (RFC 5280 §4.2). A critical one that is not read here is remembered and refused in paths.
import { type Der, readDer } from './der.ts'
import { TrustError } from './error.ts'
import { oids } from './oids.ts'

/** RFC 5280 §4.2.1.3, bit 0 first. */
export const KEY_USAGES = Object.freeze([
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const)
export type KeyUsage = (typeof KEY_USAGES)[number]

export interface Extensions {
  readonly keyUsage: readonly KeyUsage[] | undefined
  readonly extendedKeyUsage: readonly string[]
  readonly extendedKeyUsageCritical: boolean
  readonly isCa: boolean
  readonly pathLength: number | undefined
  readonly subjectKeyIdentifier: Uint8Array | undefined
  readonly ocspUrls: readonly string[]
  readonly dnsNames: readonly string[]
  /** Critical extensions that nothing here understands. */
  readonly criticalUnknown: readonly string[]
}

const MAX_EXTENSIONS = 64
/** Understood, or without effect on a path that has no policies or name constraints asked of it. */
const UNDERSTOOD = new Set<string>([
  oids.keyUsage,
  oids.extendedKeyUsage,
  oids.basicConstraints,
  oids.subjectAltName,
  oids.certificatePolicies,
])

/** Reads `Extensions`; each may stand once. */
export function readExtensions(list: Der | undefined): Extensions {
  let keyUsage: KeyUsage[] | undefined
  let extendedKeyUsage: string[] = []
  let extendedKeyUsageCritical = false
  let isCa = false
  let pathLength: number | undefined
  let subjectKeyIdentifier: Uint8Array | undefined
  let ocspUrls: string[] = []
  let dnsNames: string[] = []
  const criticalUnknown: string[] = []
  const seen = new Set<string>()
  const extensions = list?.expect(0x30, 'extensions').children() ?? []
  if (extensions.length > MAX_EXTENSIONS) throw new TrustError('malformed_certificate', 'Too many extensions')
  for (const extension of extensions) {
    // Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }. FALSE written out is met in the field.
    const parts = extension.parts(0x30, 2, 3, 'extension')
    const oid = extension.child(0).oid()
    if (seen.has(oid)) throw new TrustError('malformed_certificate', `Extension ${oid} stands twice`)
    seen.add(oid)
    const critical = parts.length === 3 && extension.child(1).boolean()
    if (critical && !UNDERSTOOD.has(oid)) criticalUnknown.push(oid)
    const octets = extension.child(parts.length - 1).octets()
    const value = () => readDer(octets)
    if (oid === oids.keyUsage) keyUsage = readKeyUsage(value())
    else if (oid === oids.extendedKeyUsage) {
      extendedKeyUsage = value()
        .children()
        .map((purpose) => purpose.oid())
      extendedKeyUsageCritical = critical
    } else if (oid === oids.basicConstraints) {
      const [ca, length] = value().expect(0x30, 'basic constraints').children()
      isCa = ca?.expect(0x01, 'cA').boolean() ?? false
      if (length !== undefined) pathLength = Number(length.expect(0x02, 'path length').integer())
    } else if (oid === oids.subjectKeyIdentifier) subjectKeyIdentifier = value().octets()
    else if (oid === oids.authorityInfoAccess) ocspUrls = readAccess(value())
    else if (oid === oids.subjectAltName)
      dnsNames = value()
        .children()
        .filter((name) => name.tag === 0x82)
        .map((name) => Buffer.from(name.content).toString('latin1'))
  }
  return {
    keyUsage,
    extendedKeyUsage,
    extendedKeyUsageCritical,
    isCa,
    pathLength,
    subjectKeyIdentifier,
    ocspUrls,
    dnsNames,
    criticalUnknown,
  }
}

function readKeyUsage(bits: Der): KeyUsage[] {
  const named = bits.namedBits()
  return KEY_USAGES.filter((_, index) => named[index] === true)
}

/** AuthorityInfoAccess: OCSP responders' http addresses. */
function readAccess(list: Der): string[] {
  return list
    .children()
    .filter((description) => description.child(0).oid() === oids.ocspAccess && description.child(1).tag === 0x86)
    .map((description) => Buffer.from(description.child(1).content).toString('latin1'))
    .filter((url) => /^http:\/\//i.test(url) && url.length <= 2048)
}
