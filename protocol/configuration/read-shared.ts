import { type ClientId, memberOf } from '../identifier.ts'
import { readClientIdentifier } from './client-identifier.ts'
import {
  attributeOf,
  boolean,
  bytes,
  integer,
  malformed,
  many,
  maybe,
  Omissions,
  one,
  readDocument,
  text,
  textOfMaybe,
  textOfOne,
  word,
  type XmlElement,
} from './elements.ts'
import {
  type AcmeServer,
  type ApprovedCa,
  type ApprovedTsa,
  type CaEntry,
  COST_TYPES,
  type ConfigurationSource,
  type ConfigurationVersion,
  type GlobalGroup,
  type Member,
  type MemberClass,
  type OcspService,
  type RegisteredServer,
  type SharedParameters,
} from './shared-parameters.ts'

/** Ten years: beyond it a freshness is a mistake. */
const MAX_SECONDS = 315_360_000

/**
 * Reads shared-params.xml. `version` is the one that the signed directory (or the stored metadata) gives; elements of later
 * versions are read where they stand all the same, as central servers write them (wire-conf §11.1: V3 with V4's profile ids).
 *
 * @throws ProtocolError `malformed_configuration`
 */
export function parseSharedParameters(xml: Uint8Array, version: ConfigurationVersion): SharedParameters {
  const root = readDocument(xml, 'conf')
  const instance = textOfOne(root, 'instanceIdentifier')
  const omissions = new Omissions()
  const { members, byId } = readMembers(many(root, 'member'), instance)
  const settings = one(root, 'globalSettings')
  const hashLength = version === 2 ? 20 : 32
  const parameters: SharedParameters = {
    version,
    instance,
    sources: many(root, 'source').map((source) => readSource(source, omissions)),
    authorities: many(root, 'approvedCA')
      .map((ca) => readCa(ca, omissions))
      .filter((ca) => ca !== undefined),
    tsas: many(root, 'approvedTSA')
      .map((tsa) => readTsa(tsa, omissions))
      .filter((tsa) => tsa !== undefined),
    members,
    servers: many(root, 'securityServer').map((server) => readServer(server, byId, hashLength)),
    groups: many(root, 'globalGroup').map(readGroup),
    memberClasses: many(settings, 'memberClass').map(readMemberClass),
    ocspFreshnessSeconds: integer(one(settings, 'ocspFreshnessSeconds'), 1, MAX_SECONDS),
  }
  return omissions.found.length === 0 ? parameters : { ...parameters, unreadable: omissions.found }
}

function readSource(source: XmlElement, omissions: Omissions): ConfigurationSource {
  const address = textOfOne(source, 'address')
  const whose = `signing keys of the source ${address}`
  return {
    address,
    internal: omissions.certificates(many(source, 'internalVerificationCert'), whose),
    external: omissions.certificates(many(source, 'externalVerificationCert'), whose),
  }
}

function readCa(ca: XmlElement, omissions: Omissions): ApprovedCa | undefined {
  const name = textOfOne(ca, 'name')
  const top = readCaEntry(one(ca, 'topCA'), name, omissions)
  if (top === undefined) return undefined
  const authenticationOnly = maybe(ca, 'authenticationOnly')
  const csrFormat = word(textOfMaybe(ca, 'defaultCsrFormat'), ['PEM', 'DER'])
  const acme = maybe(ca, 'acmeServer')
  return {
    name,
    authenticationOnly: authenticationOnly !== undefined && boolean(authenticationOnly),
    top,
    intermediates: many(ca, 'intermediateCA')
      .map((entry) => readCaEntry(entry, name, omissions))
      .filter((entry) => entry !== undefined),
    profile: textOfOne(ca, 'certificateProfileInfo').trim(),
    ...(csrFormat && { csrFormat }),
    ...(acme && { acme: readAcme(acme) }),
  }
}

function readCaEntry(entry: XmlElement, name: string, omissions: Omissions): CaEntry | undefined {
  const certificate = omissions.certificate(one(entry, 'cert'), `approved CA ${name}`)
  if (certificate === undefined) return undefined
  return { certificate, ocsp: many(entry, 'ocsp').map((ocsp) => readOcsp(ocsp, name, omissions)) }
}

function readOcsp(ocsp: XmlElement, name: string, omissions: Omissions): OcspService {
  const cert = maybe(ocsp, 'cert')
  // A responder whose certificate is left out authorises nobody; the CA's own answers and delegates still count.
  const certificate = cert && omissions.certificate(cert, `OCSP responder of ${name}`)
  const costType = word(textOfMaybe(ocsp, 'costType'), COST_TYPES)
  return { url: textOfOne(ocsp, 'url').trim(), ...(certificate && { certificate }), ...(costType && { costType }) }
}

function readAcme(acme: XmlElement): AcmeServer {
  const ipAddress = textOfMaybe(acme, 'ipAddress')
  const authenticationProfileId = textOfMaybe(acme, 'authenticationCertificateProfileId')
  const signingProfileId = textOfMaybe(acme, 'signingCertificateProfileId')
  return {
    directoryUrl: textOfOne(acme, 'directoryURL').trim(),
    ...(ipAddress !== undefined && { ipAddress }),
    ...(authenticationProfileId !== undefined && { authenticationProfileId }),
    ...(signingProfileId !== undefined && { signingProfileId }),
  }
}

function readTsa(tsa: XmlElement, omissions: Omissions): ApprovedTsa | undefined {
  const name = textOfOne(tsa, 'name')
  const certificate = omissions.certificate(one(tsa, 'cert'), `time-stamping authority ${name}`)
  if (certificate === undefined) return undefined
  const costType = word(textOfMaybe(tsa, 'costType'), COST_TYPES)
  return { name, url: textOfOne(tsa, 'url').trim(), certificate, ...(costType && { costType }) }
}

/** The members, and who is behind each `id` of the document; the ids mean nothing outside of it. */
function readMembers(elements: readonly XmlElement[], instance: string) {
  const byId = new Map<string, ClientId>()
  const note = (element: XmlElement, client: ClientId) => {
    const id = attributeOf(element, 'id')?.trim()
    if (id === undefined) return
    if (byId.has(id)) throw malformed(`the id '${id}' is given twice`)
    byId.set(id, client)
  }
  const members = elements.map((element): Member => {
    const { code: memberClass } = readMemberClass(one(element, 'memberClass'))
    const memberCode = textOfOne(element, 'memberCode')
    note(element, { instance, memberClass, memberCode })
    const subsystems = many(element, 'subsystem').map((subsystem) => {
      const code = textOfOne(subsystem, 'subsystemCode')
      const name = textOfMaybe(subsystem, 'subsystemName')
      note(subsystem, { instance, memberClass, memberCode, subsystemCode: code })
      return name === undefined ? { code } : { code, name }
    })
    return { memberClass, memberCode, name: text(one(element, 'name')), subsystems }
  })
  return { members, byId }
}

function readServer(server: XmlElement, byId: ReadonlyMap<string, ClientId>, hashLength: number): RegisteredServer {
  const referred = (element: XmlElement): ClientId => {
    const id = text(element).trim()
    const client = byId.get(id)
    if (client === undefined) throw malformed(`<${element.local}> names '${id}', which is nobody's id`)
    return client
  }
  const owner = referred(one(server, 'owner'))
  if (owner.subsystemCode !== undefined) throw malformed('the owner of a security server is a subsystem')
  const serverCode = textOfOne(server, 'serverCode')
  const address = textOfMaybe(server, 'address')?.trim()
  const maintenance = maybe(server, 'inMaintenanceMode')
  const message = maintenance && textOfMaybe(maintenance, 'message')
  return {
    id: { ...memberOf(owner), serverCode },
    ...(address && { address }),
    authCertHashes: many(server, 'authCertHash').map((element) => {
      const hash = bytes(element)
      if (hash.length !== hashLength) throw malformed(`an authCertHash of ${serverCode} has ${hash.length} octets`)
      return hash
    }),
    clients: [owner, ...many(server, 'client').map(referred)],
    ...(maintenance && { maintenance: message === undefined ? {} : { message } }),
  }
}

function readGroup(group: XmlElement): GlobalGroup {
  return {
    code: textOfOne(group, 'groupCode'),
    description: text(one(group, 'description')),
    members: many(group, 'groupMember').map(readClientIdentifier),
  }
}

function readMemberClass(element: XmlElement): MemberClass {
  return { code: textOfOne(element, 'code'), description: text(one(element, 'description')) }
}
