// From a federation document to the facts of the registry. Everything that would make a configuration nobody can read, or one that
// says something else than was meant, is refused here, all of it at once: the reference finds a broken certificate when it
// generates, and then the whole instance stands still (wire-conf §10, 36).
import { schemaFaults, withoutUndefined } from '#host'
import { type Certificate, encodeBase64, oids } from '#trust'
import { CentralServerError } from '../error.ts'
import { type Federation, federationDocument } from './document.ts'
import { type ClientRef, type Entry, entry, type OcspContent, refText } from './entries.ts'

/** Kept by the central server: the owners of all security servers. */
export const OWNERS_GROUP = 'security-server-owners'

/** @throws {CentralServerError} `federation_invalid` with every fault, one a line: `path: what` */
export function readFederation(document: unknown): readonly Entry[] {
  const judged = federationDocument.safeParse(document)
  if (!judged.success) throw invalid(schemaFaults(judged.error.issues, '(document)'))
  const faults = new Faults(judged.data)
  if (faults.found.length > 0) throw invalid(faults.found)
  return entriesOf(judged.data)
}

function invalid(faults: readonly string[]): CentralServerError {
  return new CentralServerError('federation_invalid', `The federation is not usable:\n${faults.join('\n')}`)
}

/** What a schema cannot see: names given twice, names of nobody, certificates that do not do what they are listed for. */
class Faults {
  readonly found: string[] = []
  readonly #clients = new Set<string>()

  constructor(federation: Federation) {
    this.#members(federation)
    this.#servers(federation)
    this.#groups(federation)
    this.#authorities(federation)
    this.#tsas(federation)
    this.#rest(federation)
  }

  #note(path: string, what: string): void {
    this.found.push(`${path}: ${what}`)
  }

  /** Notes what has been seen before. */
  #once(seen: Set<string>, key: string, path: string, what: string): void {
    if (seen.has(key)) this.#note(path, `${what} is given twice`)
    seen.add(key)
  }

  #registered(ref: ClientRef, path: string): void {
    if (!this.#clients.has(refText(ref))) this.#note(path, `${refText(ref)} is no member or subsystem of this document`)
  }

  #members({ members, memberClasses }: Federation): void {
    for (const [index, { class: memberClass, code, subsystems }] of members.entries()) {
      const path = `members[${index}]`
      const member = { memberClass, memberCode: code }
      if (!Object.hasOwn(memberClasses, memberClass)) this.#note(`${path}.class`, `${memberClass} is no member class`)
      this.#once(this.#clients, refText(member), path, refText(member))
      for (const [position, subsystem] of subsystems.entries()) {
        const ref = refText({ ...member, subsystemCode: subsystem.code })
        this.#once(this.#clients, ref, `${path}.subsystems[${position}]`, ref)
      }
    }
  }

  #servers({ securityServers }: Federation): void {
    const servers = new Set<string>()
    const certificates = new Set<string>()
    for (const [index, server] of securityServers.entries()) {
      const path = `securityServers[${index}]`
      this.#registered(server.owner, `${path}.owner`)
      this.#once(servers, `${refText(server.owner)}/${server.code}`, path, `${refText(server.owner)}/${server.code}`)
      for (const [position, { sha256 }] of server.authenticationCertificates.entries())
        this.#once(certificates, sha256, `${path}.authenticationCertificates[${position}]`, 'this certificate')
      const clients = new Set<string>()
      for (const [position, client] of server.clients.entries()) {
        this.#registered(client, `${path}.clients[${position}]`)
        this.#once(clients, refText(client), `${path}.clients[${position}]`, refText(client))
      }
    }
  }

  #groups({ globalGroups }: Federation): void {
    const codes = new Set([OWNERS_GROUP])
    for (const [index, { code, members }] of globalGroups.entries()) {
      const path = `globalGroups[${index}]`
      if (code === OWNERS_GROUP) this.#note(`${path}.code`, `${OWNERS_GROUP} is kept by the central server`)
      else this.#once(codes, code, `${path}.code`, code)
      const seen = new Set<string>()
      for (const [position, client] of members.entries()) {
        this.#registered(client, `${path}.members[${position}]`)
        this.#once(seen, refText(client), `${path}.members[${position}]`, refText(client))
      }
    }
  }

  #authorities({ authorities }: Federation): void {
    const names = new Set<string>()
    const subjects = new Set<string>()
    for (const [index, authority] of authorities.entries()) {
      const path = `authorities[${index}]`
      const name = authorityName(authority)
      if (name === undefined) this.#note(path, 'needs a name: its certificate has no common name')
      else this.#once(names, name, `${path}.name`, `the authority ${name}`)
      const listed = [authority, ...authority.intermediates]
      for (const [position, { certificate }] of listed.entries()) {
        const where = position === 0 ? path : `${path}.intermediates[${position - 1}]`
        // Issuers are found by name alone: of two with one name, the second hides the first (wire-conf §10, 25).
        this.#once(subjects, certificate.subject.text, where, `a CA called ${certificate.subject.text}`)
      }
    }
  }

  #tsas({ timestampingAuthorities }: Federation): void {
    const names = new Set<string>()
    for (const [index, { name, certificate }] of timestampingAuthorities.entries()) {
      const path = `timestampingAuthorities[${index}]`
      this.#once(names, name, `${path}.name`, `the time-stamping authority ${name}`)
      if (!certificate.extendedKeyUsage.includes(oids.timeStamping))
        this.#note(
          `${path}.certificate`,
          'is not for time-stamping (extended key usage): no time-stamp of it would count',
        )
    }
  }

  #rest({ instance, managementService, settings, trustedAnchors }: Federation): void {
    this.#registered(managementService.provider, 'managementService.provider')
    if (settings.monitoringClient) this.#registered(settings.monitoringClient, 'settings.monitoringClient')
    if (settings.timestampingIntervalSeconds >= settings.ocspFreshnessSeconds)
      this.#note('settings.timestampingIntervalSeconds', 'must be below ocspFreshnessSeconds (wire-conf §6)')
    const anchors = new Set([instance])
    for (const [index, anchor] of trustedAnchors.entries())
      this.#once(anchors, anchor.instance, `trustedAnchors[${index}]`, `the instance ${anchor.instance}`)
  }
}

function authorityName({ name, certificate }: Federation['authorities'][number]): string | undefined {
  return name ?? certificate.subject.get(oids.commonName)
}

function entriesOf(federation: Federation): readonly Entry[] {
  const { instance, memberClasses, managementService, settings } = federation
  return [
    entry('instance', '', { name: instance }),
    entry('settings', '', withoutUndefined(settings)),
    entry('management service', '', {
      provider: managementService.provider,
      ...(managementService.address !== undefined && { address: managementService.address }),
      ...(managementService.certificate && { certificate: base64(managementService.certificate) }),
    }),
    ...Object.entries(memberClasses).map(([code, description]) => entry('member class', code, { description })),
    ...federation.members.flatMap(memberEntries),
    ...federation.securityServers.flatMap(serverEntries),
    ...federation.globalGroups.flatMap(({ code, description, members }) => [
      entry('global group', code, { description }),
      ...members.map((client) => entry('global group member', `${code}/${refText(client)}`, { group: code, client })),
    ]),
    ...federation.authorities.map((authority) =>
      entry('authority', authorityName(authority) ?? '', {
        certificate: base64(authority.certificate),
        ocsp: authority.ocsp.map(ocspContent),
        intermediates: authority.intermediates.map(({ certificate, ocsp }) => ({
          certificate: base64(certificate),
          ocsp: ocsp.map(ocspContent),
        })),
        profile: authority.profile,
        authenticationOnly: authority.authenticationOnly,
        ...(authority.csrFormat && { csrFormat: authority.csrFormat }),
        ...(authority.acme && { acme: withoutUndefined(authority.acme) }),
      }),
    ),
    ...federation.timestampingAuthorities.map(({ name, url, certificate, costType }, position) =>
      entry('time-stamping authority', name, {
        position,
        url,
        certificate: base64(certificate),
        ...(costType && { costType }),
      }),
    ),
    ...federation.trustedAnchors.map((anchor) => entry('trusted anchor', anchor.instance, { xml: anchor.xml })),
  ]
}

function memberEntries({ class: memberClass, code, name, subsystems }: Federation['members'][number]): Entry[] {
  const member = { memberClass, memberCode: code }
  return [
    entry('member', refText(member), { ...member, name }),
    ...subsystems.map((subsystem) => {
      const ref = { ...member, subsystemCode: subsystem.code }
      return entry('subsystem', refText(ref), { ...ref, ...(subsystem.name !== undefined && { name: subsystem.name }) })
    }),
  ]
}

function serverEntries(server: Federation['securityServers'][number]): Entry[] {
  const { owner, code: serverCode, address, maintenance } = server
  const key = `${refText(owner)}/${serverCode}`
  // The owner is a client by being the owner; saying so again is no mistake and no fact.
  const clients = server.clients.filter((client) => refText(client) !== refText(owner))
  return [
    entry('security server', key, {
      owner,
      serverCode,
      ...(address !== undefined && { address }),
      certificates: server.authenticationCertificates.map(base64),
      ...(maintenance && { maintenance: withoutUndefined(maintenance) }),
    }),
    ...clients.map((client) => entry('registration', `${refText(client)} on ${key}`, { owner, serverCode, client })),
  ]
}

function ocspContent({ url, certificate, costType }: Federation['authorities'][number]['ocsp'][number]): OcspContent {
  return { url, ...(certificate && { certificate: base64(certificate) }), ...(costType && { costType }) }
}

function base64({ der }: Certificate): string {
  return encodeBase64(der)
}
