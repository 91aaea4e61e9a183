// Certificate profiles: how an approved CA writes a member into a signing certificate, and what a request for a certificate
// of that CA says (wire-conf §5.3). A CA names its profile in the global configuration.
import { type Certificate, type Name, oids } from '#trust'
import { ProtocolError } from './error.ts'
import { type ClientId, decodeIdPart, encodeIdPart } from './identifier.ts'

/** What a request's subject is made of. */
export interface SubjectFacts {
  readonly instance: string
  readonly memberClass: string
  readonly memberCode: string
  readonly memberName: string
  readonly serverCode: string
  readonly dnsName: string
  /** ISO 3166 alpha-2. */
  readonly country: string
}

export type Subject = readonly { readonly oid: string; readonly value: string }[]

interface Profile {
  readonly authentication: (facts: SubjectFacts) => Subject
  readonly signing: (facts: SubjectFacts) => Subject
  /** Reads the member from a signing certificate; the instance is the CA's when the subject does not say it. */
  readonly member: (subject: Name, instance: string) => ClientId
}

const {
  commonName,
  serialNumber,
  country,
  organization,
  organizationalUnit,
  businessCategory,
  organizationIdentifier,
} = oids

const serverId = (facts: SubjectFacts): string =>
  [facts.instance, facts.memberClass, facts.memberCode, facts.serverCode].join('/')

const basic: Profile = {
  authentication: (facts) => [
    { oid: commonName, value: facts.dnsName },
    { oid: serialNumber, value: facts.memberCode },
    { oid: country, value: facts.country },
    { oid: organization, value: facts.memberName },
  ],
  signing: (facts) => [
    { oid: commonName, value: facts.memberName },
    { oid: organization, value: facts.memberName },
    { oid: businessCategory, value: facts.memberClass },
    { oid: country, value: facts.country },
    { oid: serialNumber, value: facts.memberCode },
  ],
  member: (subject, instance) => ({
    instance,
    memberClass: required(subject, businessCategory, 'business category'),
    memberCode: required(subject, serialNumber, 'serial number'),
  }),
}

const basicAcme: Profile = {
  authentication: (facts) => [
    { oid: country, value: facts.country },
    { oid: organization, value: facts.memberName },
    { oid: serialNumber, value: facts.memberCode },
    { oid: commonName, value: facts.dnsName },
  ],
  signing: (facts) => [
    { oid: country, value: facts.country },
    { oid: organization, value: facts.memberName },
    { oid: businessCategory, value: facts.memberClass },
    { oid: serialNumber, value: facts.memberCode },
    { oid: commonName, value: facts.memberName },
  ],
  member: basic.member,
}

const ejbca: Profile = {
  authentication: (facts) => [
    { oid: country, value: facts.instance },
    { oid: commonName, value: facts.serverCode },
  ],
  signing: (facts) => [
    { oid: country, value: facts.instance },
    { oid: organization, value: facts.memberClass },
    { oid: commonName, value: facts.memberCode },
  ],
  member: (subject) => ({
    instance: required(subject, country, 'country'),
    memberClass: required(subject, organization, 'organization'),
    memberCode: required(subject, commonName, 'common name'),
  }),
}

const finland: Profile = {
  authentication: (facts) => [
    { oid: country, value: 'FI' },
    { oid: organization, value: facts.memberName },
    { oid: serialNumber, value: [facts.instance, facts.serverCode, facts.memberClass].join('/') },
    { oid: commonName, value: facts.dnsName },
  ],
  signing: (facts) => [
    { oid: country, value: 'FI' },
    { oid: organization, value: facts.memberName },
    { oid: serialNumber, value: [facts.instance, facts.serverCode, facts.memberClass].join('/') },
    { oid: commonName, value: facts.memberCode },
  ],
  member: (subject, instance) => {
    const serial = subject.get(serialNumber)
    if (serial === undefined) {
      return subject.get(organizationalUnit) === undefined ? ejbca.member(subject, instance) : byUnit(subject, 'FI')
    }
    demandCountry(subject, 'FI')
    required(subject, organization, 'organization')
    const parts = serial.split('/')
    const [named = '', , memberClass = ''] = parts
    if (parts.length !== 3) throw incorrect('the serial number does not have three parts')
    return { instance: named, memberClass, memberCode: required(subject, commonName, 'common name') }
  },
}

const faroe: Profile = {
  authentication: (facts) => [
    { oid: country, value: 'FO' },
    { oid: organization, value: facts.instance },
    { oid: commonName, value: serverId(facts) },
  ],
  signing: (facts) => [
    { oid: country, value: 'FO' },
    { oid: organization, value: facts.instance },
    { oid: organizationalUnit, value: facts.memberClass },
    { oid: commonName, value: facts.memberCode },
    { oid: serialNumber, value: serverId(facts) },
  ],
  member: (subject) => {
    required(subject, serialNumber, 'serial number')
    return byUnit(subject, 'FO')
  },
}

const iceland: Profile = {
  authentication: (facts) => [
    { oid: country, value: 'IS' },
    { oid: commonName, value: facts.dnsName },
    { oid: serialNumber, value: serverId(facts) },
  ],
  signing: (facts) => [
    { oid: country, value: 'IS' },
    { oid: organization, value: facts.instance },
    { oid: organizationalUnit, value: facts.memberClass },
    { oid: commonName, value: facts.memberCode },
    { oid: serialNumber, value: serverId(facts) },
  ],
  member: (subject, instance) => {
    const serial = subject.get(serialNumber)
    if (serial === undefined && subject.get(organizationalUnit) === undefined) return ejbca.member(subject, instance)
    required(subject, serialNumber, 'serial number')
    return byUnit(subject, 'IS')
  },
}

const estonia: Profile = {
  authentication: (facts) => [
    { oid: serialNumber, value: facts.memberCode },
    { oid: commonName, value: facts.memberName },
  ],
  signing: (facts) => [
    { oid: serialNumber, value: facts.memberCode },
    { oid: commonName, value: facts.memberName },
  ],
  member: (subject, instance) => {
    const register = subject.get(organizationIdentifier)
    if (register !== undefined && register !== '') return { instance, ...byRegister(register) }
    const code = required(subject, serialNumber, 'serial number')
    if (!/^[1-9]\d{7}$/.test(code)) throw incorrect('the serial number is not a register code of eight digits')
    return { instance, memberClass: classOfRegisterCode(code), memberCode: code }
  },
}

const estonianPerson: Profile = {
  authentication: () => [],
  signing: () => [],
  member: (subject, instance) => ({
    instance,
    memberClass: 'PERSON',
    memberCode: required(subject, serialNumber, 'serial number'),
  }),
}

const PROFILES: ReadonlyMap<string, Profile> = new Map([
  ['Basic', basic],
  ['BasicACME', basicAcme],
  ['Ejbca', ejbca],
  ['FiVRK', finland],
  ['Fo', faroe],
  ['Is', iceland],
  ['SkKlass3', estonia],
  ['SkEsteId', estonianPerson],
])

const CLASS_NAME = /^ee\.ria\.xroad\.common\.certificateprofile\.impl\.(\w+)CertificateProfileInfoProvider$/

/** `Basic` for both `Basic` and the reference's class name, which is what stands in configurations. */
export function profileClassName(profile: string): string {
  return CLASS_NAME.test(profile)
    ? profile
    : `ee.ria.xroad.common.certificateprofile.impl.${profile}CertificateProfileInfoProvider`
}

/** Whether a profile is known, by either name. */
export function isProfile(profile: string): boolean {
  return PROFILES.has(shortName(profile))
}

function shortName(profile: string): string {
  return CLASS_NAME.exec(profile)?.[1] ?? profile
}

function profileNamed(profile: string): Profile {
  const found = PROFILES.get(shortName(profile))
  if (found === undefined) throw incorrect(`the certificate profile '${profile}' is unknown`)
  return found
}

/**
 * The member that a signing certificate speaks for, without a subsystem.
 *
 * @param profile Of the CA that issued it: `Basic`, or the reference's class name.
 * @param instance Of that CA, for profiles whose subject does not name it.
 * @throws ProtocolError `incorrect_certificate`
 */
export function memberFromCertificate(profile: string, certificate: Certificate, instance: string): ClientId {
  const member = profileNamed(profile).member(certificate.subject, instance)
  try {
    // The same rules as for every identifier: nothing blank, invisible or too long.
    for (const part of [member.instance, member.memberClass, member.memberCode]) decodeIdPart(encodeIdPart(part))
  } catch (cause) {
    throw incorrect('its subject does not hold a member identifier', cause)
  }
  return member
}

/**
 * The subject of a certificate request. What goes into subject alternative names (the DNS name of an authentication
 * certificate) is not part of it.
 *
 * @throws ProtocolError `incorrect_certificate` for an unknown profile.
 */
export function requestSubject(profile: string, use: 'authentication' | 'signing', facts: SubjectFacts): Subject {
  return profileNamed(profile)[use](facts)
}

/** C fixed, O = instance, OU = class, CN = code. */
function byUnit(subject: Name, expected: string): ClientId {
  demandCountry(subject, expected)
  return {
    instance: required(subject, organization, 'organization'),
    memberClass: required(subject, organizationalUnit, 'organizational unit'),
    memberCode: required(subject, commonName, 'common name'),
  }
}

/** Estonian registers by the prefix of the organization identifier (ETSI EN 319 412-1 §5.1.4). */
function byRegister(identifier: string): { memberClass: string; memberCode: string } {
  for (const [prefix, memberClass] of [
    ['NTREE-', 'COM'],
    ['GO:EE-', 'GOV'],
    ['NP:EE-', 'NGO'],
  ] as const) {
    if (identifier.startsWith(prefix)) return { memberClass, memberCode: identifier.slice(prefix.length) }
  }
  // Foreign enterprises keep the whole identifier, so that codes of two registers cannot meet.
  return { memberClass: 'NEE', memberCode: identifier }
}

function classOfRegisterCode(code: string): string {
  const digit = Number(code[0])
  return digit <= 6 ? 'COM' : digit === 7 ? 'GOV' : 'NGO'
}

function demandCountry(subject: Name, expected: string): void {
  if (subject.get(country) !== expected) throw incorrect(`the country is not ${expected}`)
}

function required(subject: Name, oid: string, what: string): string {
  const value = subject.get(oid)
  if (value === undefined || value === '') throw incorrect(`the subject has no ${what}`)
  return value
}

function incorrect(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError(
    'incorrect_certificate',
    `The certificate does not name a member: ${what}`,
    cause === undefined ? {} : { cause },
  )
}
