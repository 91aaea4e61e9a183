// Judges a drafted certificate before the real key sees it: small rules over the very bytes that would be signed.
// A rule says which clause it enforces; a new kind of mistake becomes a new rule here, with its test.

import { type Certificate, equalBytes, isAuthenticationCertificate, isSigningCertificate, oids, readDer } from '#trust'
import { PkiError } from './error.ts'
import { type TbsFacts, tbsFacts } from './extensions.ts'
import { KEY_POLICY, type Profile, type SubjectRule } from './profiles.ts'

/** The draft and what it must agree with. */
export interface LintInput {
  readonly draft: Certificate
  readonly profile: Profile
  readonly subjectRule: SubjectRule
  /** The issuer's certificate; absent when the root signs itself. */
  readonly issuer?: Certificate
  /** Key identifier of the issuer. */
  readonly issuerKeyId: Uint8Array
}

interface Judged extends LintInput {
  readonly tbs: TbsFacts
}

export interface LintFault {
  readonly rule: string
  readonly clause: string
  readonly fault: string
}

interface Lint {
  readonly clause: string
  /** What is wrong, or undefined. */
  readonly check: (judged: Judged) => string | undefined
}

const UTF8_STRING = 0x0c
const PRINTABLE_STRING = 0x13
const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18

const find = ({ tbs }: Judged, oid: string) => tbs.extensions.find((extension) => extension.oid === oid)
const same = (a: readonly string[], b: readonly string[]) => [...a].sort().join() === [...b].sort().join()
const keyKind = ({ draft }: Judged) => (draft.publicKey.asymmetricKeyType === 'ec' ? 'ec' : 'rsa')

/** RFC 5280 §4.1.2.1: extensions are there, so version 3. */
function version({ tbs }: Judged): string | undefined {
  return tbs.version === 2 ? undefined : `version field is ${tbs.version}, v3 (2) is wanted`
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets. Ours are 16 random ones, so that nobody can foresee the bytes we sign. */
function serialNumber({ draft, tbs }: Judged): string | undefined {
  if (draft.serialNumber <= 0n) return 'serial number is not positive'
  return tbs.serialOctets.length === 16
    ? undefined
    : `serial number has ${tbs.serialOctets.length} octets, 16 are wanted`
}

/** RFC 5280 §4.1.2.4, wire-conf §5.4: chains are found by issuer name alone, so it must be the issuer's subject byte for byte. */
function issuerName({ draft, issuer }: Judged): string | undefined {
  const expected = issuer?.subject ?? draft.subject
  return equalBytes(draft.issuer.der, expected.der) ? undefined : `issuer is not ${expected.text}`
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. */
function timeEncoding({ tbs }: Judged): string | undefined {
  const wrong = [tbs.notBefore, tbs.notAfter].some(
    (time) => time.tag !== (time.time().getUTCFullYear() < 2050 ? UTC_TIME : GENERALIZED_TIME),
  )
  return wrong ? 'a date before 2050 must be UTCTime, a later one GeneralizedTime' : undefined
}

/** RFC 5280 §4.1.2.5 and our policy: not longer than the profile allows. */
function lifetime({ draft, profile }: Judged): string | undefined {
  const seconds = (draft.notAfter.getTime() - draft.notBefore.getTime()) / 1000
  if (seconds <= 0) return 'ends before it begins'
  return seconds > profile.validSeconds ? `lives ${seconds} s, the profile allows ${profile.validSeconds} s` : undefined
}

/** Our policy (shell model): a certificate lives inside its issuer's life, so that a chain valid once stays valid to its end. */
function insideIssuer({ draft, issuer }: Judged): string | undefined {
  if (issuer === undefined) return undefined
  return draft.notBefore < issuer.notBefore || draft.notAfter > issuer.notAfter
    ? "outlives its issuer's certificate"
    : undefined
}

/** RFC 5280 §4.1.2.6: every CA and every institution has a name; wire-conf §5.3 says which attributes it is made of. */
function subjectAttributes({ tbs, subjectRule }: Judged): string | undefined {
  const faults: string[] = []
  for (const rule of subjectRule) {
    const values = tbs.subject.filter(({ oid }) => oid === rule.oid)
    if (values.length === 0 && rule.required) faults.push(`${rule.name} is missing`)
    if (values.length > 1) faults.push(`${rule.name} stands ${values.length} times`)
  }
  const strange = tbs.subject.filter(({ oid }) => !subjectRule.some((rule) => rule.oid === oid))
  for (const { oid } of strange) faults.push(`attribute ${oid} is not in this profile`)
  // wire-conf §5.3: readers take the last of several attributes in DER order; one in each RDN leaves no order to argue about.
  if (tbs.subject.some(({ inRdn }) => inRdn !== 1)) faults.push('an RDN has more than one attribute')
  return faults.length > 0 ? faults.join('; ') : undefined
}

/** RFC 5280 Appendix A.1 upper bounds; wire-conf §5.3 shapes; no control characters, no blanks around. */
function subjectValues({ tbs, subjectRule }: Judged): string | undefined {
  const faults: string[] = []
  for (const { oid, value } of tbs.subject) {
    const rule = subjectRule.find((candidate) => candidate.oid === oid)
    if (rule === undefined) continue
    if (value.length === 0 || [...value].length > rule.max)
      faults.push(`${rule.name} must have 1 to ${rule.max} characters`)
    if (value !== value.trim() || /\p{Cc}/u.test(value))
      faults.push(`${rule.name} has blanks around it or control characters in it`)
    if (rule.pattern?.test(value) === false)
      faults.push(`${rule.name} '${value}' does not match ${rule.pattern.source}`)
  }
  return faults.length > 0 ? faults.join('; ') : undefined
}

/** RFC 5280 §4.1.2.4 and Appendix A.1: countryName and serialNumber are PrintableString, the rest UTF8String. */
function subjectEncoding({ tbs }: Judged): string | undefined {
  const wrong = tbs.subject.filter(
    ({ oid, tag }) => tag !== (oid === oids.country || oid === oids.serialNumber ? PRINTABLE_STRING : UTF8_STRING),
  )
  if (wrong.length === 0) return undefined
  return `${wrong.map(({ oid }) => oid).join(', ')}: value has characters that its string type does not (letters, digits, ' ()+,-./:=?)`
}

/** wire-conf §5.2; NIST SP 800-57 part 1: keys worth certifying. */
function keyStrength(judged: Judged): string | undefined {
  const { asymmetricKeyType, asymmetricKeyDetails: details } = judged.draft.publicKey
  if (asymmetricKeyType === 'ec') {
    const curve = details?.namedCurve ?? 'unknown'
    return KEY_POLICY.curves.some((known) => known === curve)
      ? undefined
      : `curve ${curve} is not one of ${KEY_POLICY.curves.join(', ')}`
  }
  if (asymmetricKeyType !== 'rsa') return `a key of kind ${asymmetricKeyType} is not certified here`
  const bits = details?.modulusLength ?? 0
  if (!KEY_POLICY.rsaBits.some((known) => known === bits))
    return `RSA keys have ${KEY_POLICY.rsaBits.join(', ')} bits, not ${bits}`
  return details?.publicExponent === KEY_POLICY.rsaExponent ? undefined : 'the RSA exponent is not 65537'
}

/** RFC 5280 §4.2.1.9: a CA says so, critically, and how deep it may go; nobody else says anything. */
function basicConstraints(judged: Judged): string | undefined {
  const { draft, profile } = judged
  const extension = find(judged, oids.basicConstraints)
  if (profile.pathLength === undefined)
    return extension === undefined ? undefined : 'an end entity has basicConstraints'
  if (!draft.isCa || !extension?.critical) return 'a CA certificate needs critical basicConstraints with cA'
  return draft.pathLength === profile.pathLength ? undefined : `pathLenConstraint is not ${profile.pathLength}`
}

/** RFC 5280 §4.2.1.3, RFC 8813 §3: critical, and exactly what the profile gives to this kind of key. */
function keyUsage(judged: Judged): string | undefined {
  const expected = judged.profile.keyUsage[keyKind(judged)]
  if (!find(judged, oids.keyUsage)?.critical) return 'keyUsage is missing or not critical'
  return same(judged.draft.keyUsage ?? [], expected) ? undefined : `keyUsage is not ${expected.join(', ')}`
}

/** RFC 5280 §4.2.1.12, RFC 3161 §2.3, RFC 6960 §4.2.2.2: exactly the profile's purposes, critical where it says. */
function extendedKeyUsage(judged: Judged): string | undefined {
  const { draft, profile } = judged
  const expected = profile.extendedKeyUsage
  const extension = find(judged, oids.extendedKeyUsage)
  if (expected === undefined) return extension === undefined ? undefined : 'extendedKeyUsage is not in this profile'
  if (!same(draft.extendedKeyUsage, expected.purposes)) return `extendedKeyUsage is not ${expected.purposes.join(', ')}`
  return extension?.critical === expected.critical
    ? undefined
    : `extendedKeyUsage must ${expected.critical ? '' : 'not '}be critical`
}

/** wire-conf §5.1: a certificate of both kinds, or of none, can be imported by no security server. */
function onePurpose({ draft, profile }: Judged): string | undefined {
  if (profile.name !== 'authentication' && profile.name !== 'signing') return undefined
  const [authentication, signing] = [isAuthenticationCertificate(draft), isSigningCertificate(draft)]
  return authentication === (profile.name === 'authentication') && signing === (profile.name === 'signing')
    ? undefined
    : 'security servers would not take it for what it is'
}

/** RFC 6960 §4.2.2.2.1: on delegated responders, with NULL in it, and nowhere else. */
function noCheck(judged: Judged): string | undefined {
  const extension = find(judged, oids.ocspNoCheck)
  if (!judged.profile.noCheck)
    return extension === undefined ? undefined : 'id-pkix-ocsp-nocheck is for OCSP responders'
  return extension && equalBytes(extension.value, Uint8Array.of(0x05, 0x00))
    ? undefined
    : 'id-pkix-ocsp-nocheck is missing'
}

/** RFC 5280 §4.2.1.1 and §4.2.1.2: both identifiers, not critical, and the authority's is that of the issuer. */
function keyIdentifiers(judged: Judged): string | undefined {
  const subject = find(judged, oids.subjectKeyIdentifier)
  const authority = find(judged, oids.authorityKeyIdentifier)
  if (!subject || subject.critical) return 'subjectKeyIdentifier is missing or critical'
  if (!authority || authority.critical) return 'authorityKeyIdentifier is missing or critical'
  const [keyId] = readDer(authority.value).children()
  return keyId?.tag === 0x80 && equalBytes(keyId.content, judged.issuerKeyId)
    ? undefined
    : "authorityKeyIdentifier is not the issuer's"
}

const DNS_NAME = 0x82
const IP_ADDRESS = 0x87
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/i

/** RFC 5280 §4.2.1.6: preferred name syntax, no blanks, no wildcards (RFC 6125 §7.2), addresses of 4 or 16 octets; where the profile wants them. */
function alternativeNames(judged: Judged): string | undefined {
  const { names } = judged.profile
  const extension = find(judged, oids.subjectAltName)
  if (extension === undefined)
    return names === 'required' ? 'subjectAltName is missing: give dnsNames or ipAddresses' : undefined
  if (names === 'none') return 'subjectAltName is not in this profile'
  for (const name of readDer(extension.value).children()) {
    if (name.tag === IP_ADDRESS && (name.content.length === 4 || name.content.length === 16)) continue
    const text = name.tag === DNS_NAME ? Buffer.from(name.content).toString('latin1') : ''
    if (text.length > 253 || !text.split('.').every((label) => LABEL.test(label))) return `'${text}' is not a host name`
  }
  return undefined
}

/** RFC 5280 §4.2.1.13 and §4.2.2.1: not critical, http (§8: an https location asks for the certificate it is about). */
function locations(judged: Judged): string | undefined {
  const crl = find(judged, oids.crlDistributionPoints)
  const access = find(judged, oids.authorityInfoAccess)
  if (!judged.profile.locations) return crl || access ? 'locations are not in this profile' : undefined
  if (!crl || !access) return 'cRLDistributionPoints or authorityInfoAccess is missing'
  if (crl.critical || access.critical) return 'locations must not be critical'
  const urls = [...uris(crl.value), ...uris(access.value)]
  return urls.length > 1 && urls.every((url) => url.startsWith('http://')) ? undefined : 'a location is not an http URL'
}

/** Every uniformResourceIdentifier [6] in a nest of sequences and context tags. */
function uris(der: Uint8Array): readonly string[] {
  const URI = 0x86
  const walk = (value: ReturnType<typeof readDer>): string[] => {
    if (value.tag === URI) return [Buffer.from(value.content).toString('latin1')]
    return (value.tag & 0x20) === 0 ? [] : value.children().flatMap(walk)
  }
  return walk(readDer(der))
}

const OUR_EXTENSIONS: readonly string[] = [
  oids.subjectKeyIdentifier,
  oids.keyUsage,
  oids.subjectAltName,
  oids.basicConstraints,
  oids.crlDistributionPoints,
  oids.authorityKeyIdentifier,
  oids.extendedKeyUsage,
  oids.authorityInfoAccess,
  oids.ocspNoCheck,
]

/** RFC 5280 §4.2: this house writes no extensions but these. (That none stands twice, trust saw when it read the draft.) */
function knownExtensions({ tbs }: Judged): string | undefined {
  const strange = tbs.extensions.find(({ oid }) => !OUR_EXTENSIONS.includes(oid))
  return strange === undefined ? undefined : `extension ${strange.oid} is in no profile`
}

/** All rules, in the order of RFC 5280 §4. */
export const LINTS: Readonly<Record<string, Lint>> = {
  version: { clause: 'RFC 5280 §4.1.2.1', check: version },
  serialNumber: { clause: 'RFC 5280 §4.1.2.2', check: serialNumber },
  issuerName: { clause: 'RFC 5280 §4.1.2.4', check: issuerName },
  timeEncoding: { clause: 'RFC 5280 §4.1.2.5', check: timeEncoding },
  lifetime: { clause: 'policy: lifetime', check: lifetime },
  insideIssuer: { clause: 'policy: shell model', check: insideIssuer },
  subjectAttributes: { clause: 'wire-conf §5.3', check: subjectAttributes },
  subjectValues: { clause: 'RFC 5280 App. A.1', check: subjectValues },
  subjectEncoding: { clause: 'RFC 5280 §4.1.2.4', check: subjectEncoding },
  keyStrength: { clause: 'wire-conf §5.2', check: keyStrength },
  basicConstraints: { clause: 'RFC 5280 §4.2.1.9', check: basicConstraints },
  keyUsage: { clause: 'RFC 5280 §4.2.1.3', check: keyUsage },
  extendedKeyUsage: { clause: 'RFC 5280 §4.2.1.12', check: extendedKeyUsage },
  onePurpose: { clause: 'wire-conf §5.1', check: onePurpose },
  noCheck: { clause: 'RFC 6960 §4.2.2.2.1', check: noCheck },
  keyIdentifiers: { clause: 'RFC 5280 §4.2.1.1', check: keyIdentifiers },
  alternativeNames: { clause: 'RFC 5280 §4.2.1.6', check: alternativeNames },
  locations: { clause: 'RFC 5280 §4.2.1.13', check: locations },
  knownExtensions: { clause: 'RFC 5280 §4.2', check: knownExtensions },
}

/** Everything that is wrong with a draft; empty when it may be signed. */
export function lintFaults(input: LintInput): readonly LintFault[] {
  const judged: Judged = { ...input, tbs: tbsFacts(input.draft.tbs) }
  return Object.entries(LINTS).flatMap(([rule, { clause, check }]) => {
    const fault = check(judged)
    return fault === undefined ? [] : [{ rule, clause, fault }]
  })
}

/** Throws PkiError `lint_refused`, naming every fault, unless the draft may be signed. */
export function lint(input: LintInput): void {
  const faults = lintFaults(input)
  if (faults.length === 0) return
  const lines = faults.map(({ rule, clause, fault }) => `${rule} (${clause}): ${fault}`)
  throw new PkiError('lint_refused', `this ${input.profile.name} certificate would be wrong: ${lines.join(' | ')}`)
}
