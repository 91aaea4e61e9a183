// From the facts of the registry to the documents of a configuration (wire-conf §2.1, §3).
import {
  type ApprovedCa,
  type CaEntry,
  type ClientId,
  type ConfigurationVersion,
  type PrivateParameters,
  parseAnchor,
  type RegisteredServer,
  type SharedParameters,
  writeMonitoringClient,
  writeOcspFetchInterval,
  writePrivateParameters,
  writeSharedParameters,
  writeVerifyNextUpdate,
} from '#protocol'
import { type Certificate, digest, parseCertificate } from '#trust'
import type { Source } from '../contract.ts'
import { type ClientRef, type Contents, type Facts, type Kind, refText } from '../registry/entries.ts'
import { OWNERS_GROUP } from '../registry/federation.ts'
import type { SourceKey } from '../signing-keys.ts'

/** What a configuration is made of, besides the facts. */
export interface Surroundings {
  readonly instance: string
  /** Host name or address of this server, perhaps with a port. */
  readonly address: string
  readonly keys: readonly SourceKey[]
}

export interface PartBytes {
  readonly contentIdentifier: string
  readonly file: string
  readonly bytes: Uint8Array
  /** Private parameters and optional parts are for members of the instance only. */
  readonly sources: readonly Source[]
}

/** All parts of a configuration in the form of `version`. Throws where the facts make no document. */
export function writeParts(facts: Facts, version: ConfigurationVersion, around: Surroundings): readonly PartBytes[] {
  const settings = facts.get('settings', '')
  const { instance } = around
  const internal = ['internal'] as const
  const optional = (contentIdentifier: string, file: string, bytes: Uint8Array | undefined): readonly PartBytes[] =>
    bytes === undefined ? [] : [{ contentIdentifier, file, bytes, sources: internal }]
  const { monitoringClient, ocspFetchIntervalSeconds, verifyNextUpdate } = settings ?? {}
  return [
    {
      contentIdentifier: 'SHARED-PARAMETERS',
      file: 'shared-params.xml',
      bytes: writeSharedParameters(sharedParameters(facts, version, around), version),
      sources: ['internal', 'external'],
    },
    {
      contentIdentifier: 'PRIVATE-PARAMETERS',
      file: 'private-params.xml',
      bytes: writePrivateParameters(privateParameters(facts, around)),
      sources: internal,
    },
    ...optional(
      'MONITORING',
      'monitoring-params.xml',
      monitoringClient && writeMonitoringClient(clientId(instance, monitoringClient)),
    ),
    ...optional(
      'FETCHINTERVAL',
      'fetchinterval-params.xml',
      ocspFetchIntervalSeconds === undefined ? undefined : writeOcspFetchInterval(ocspFetchIntervalSeconds),
    ),
    ...optional(
      'NEXTUPDATE',
      'nextupdate-params.xml',
      verifyNextUpdate === undefined ? undefined : writeVerifyNextUpdate(verifyNextUpdate),
    ),
  ]
}

function sharedParameters(facts: Facts, version: ConfigurationVersion, around: Surroundings): SharedParameters {
  const { instance, address, keys } = around
  const keysOf = (source: Source) => keys.filter((key) => key.source === source).map((key) => key.certificate)
  const subsystems = Map.groupBy(values(facts, 'subsystem'), ({ memberClass, memberCode }) =>
    refText({ memberClass, memberCode }),
  )
  const servers = values(facts, 'security server')
  const registrations = Map.groupBy(values(facts, 'registration'), serverKey)
  return {
    version,
    instance,
    sources: [{ address, internal: keysOf('internal'), external: keysOf('external') }],
    authorities: facts.of('authority').map(([name, authority]) => approvedCa(name, authority)),
    tsas: facts
      .of('time-stamping authority')
      .toSorted(([, a], [, b]) => a.position - b.position)
      .map(([name, { position: _, certificate, ...tsa }]) => ({
        ...tsa,
        name,
        certificate: certificateOf(certificate),
      })),
    members: facts.of('member').map(([, { memberClass, memberCode, name }]) => ({
      memberClass,
      memberCode,
      name,
      subsystems: (subsystems.get(refText({ memberClass, memberCode })) ?? []).map(
        ({ subsystemCode = '', name: title }) => ({
          code: subsystemCode,
          ...(title !== undefined && { name: title }),
        }),
      ),
    })),
    servers: servers.map((server) =>
      registeredServer(server, registrations.get(serverKey(server)) ?? [], version, instance),
    ),
    groups: groupsOf(facts, servers, instance),
    memberClasses: facts.of('member class').map(([code, { description }]) => ({ code, description })),
    ocspFreshnessSeconds: required(facts.get('settings', '')).ocspFreshnessSeconds,
  }
}

function approvedCa(name: string, { certificate, ocsp, intermediates, ...rest }: Contents['authority']): ApprovedCa {
  const caEntry = (entry: Pick<Contents['authority'], 'certificate' | 'ocsp'>): CaEntry => ({
    certificate: certificateOf(entry.certificate),
    ocsp: entry.ocsp.map(({ url, certificate: responder, costType }) => ({
      url,
      ...(responder !== undefined && { certificate: certificateOf(responder) }),
      ...(costType && { costType }),
    })),
  })
  return { ...rest, name, top: caEntry({ certificate, ocsp }), intermediates: intermediates.map(caEntry) }
}

/** One key for a server and the registrations on it. */
function serverKey({ owner, serverCode }: Pick<Contents['registration'], 'owner' | 'serverCode'>): string {
  return `${refText(owner)}/${serverCode}`
}

function registeredServer(
  { owner, serverCode, address, certificates, maintenance }: Contents['security server'],
  registrations: readonly Contents['registration'][],
  version: ConfigurationVersion,
  instance: string,
): RegisteredServer {
  return {
    id: { instance, memberClass: owner.memberClass, memberCode: owner.memberCode, serverCode },
    ...(address !== undefined && { address }),
    // Version 2 knows SHA-1 only (wire-conf §3.2).
    authCertHashes: certificates.map((certificate) =>
      digest(version === 2 ? 'SHA-1' : 'SHA-256', certificateOf(certificate).der),
    ),
    clients: [owner, ...registrations.map(({ client }) => client)].map((client) => clientId(instance, client)),
    ...(maintenance && { maintenance }),
  }
}

function groupsOf(
  facts: Facts,
  servers: readonly Contents['security server'][],
  instance: string,
): SharedParameters['groups'] {
  const owners = new Map(servers.map(({ owner }) => [refText(owner), clientId(instance, owner)]))
  const members = Map.groupBy(values(facts, 'global group member'), ({ group }) => group)
  return [
    { code: OWNERS_GROUP, description: 'Security server owners', members: [...owners.values()] },
    ...facts.of('global group').map(([code, { description }]) => ({
      code,
      description,
      members: (members.get(code) ?? []).map(({ client }) => clientId(instance, client)),
    })),
  ]
}

function privateParameters(facts: Facts, { instance, address }: Surroundings): PrivateParameters {
  const service = required(facts.get('management service', ''))
  return {
    instance,
    anchors: facts.of('trusted anchor').map(([, { xml }]) => parseAnchor(Buffer.from(xml))),
    managementService: {
      address: service.address ?? `https://${address.replace(/:\d+$/, '')}:4001/managementservice/`,
      ...(service.certificate !== undefined && { certificate: certificateOf(service.certificate) }),
      provider: clientId(instance, service.provider),
    },
    timestampingIntervalSeconds: required(facts.get('settings', '')).timestampingIntervalSeconds,
  }
}

function values<K extends Kind>(facts: Facts, kind: K): readonly Contents[K][] {
  return facts.of(kind).map(([, content]) => content)
}

function clientId(instance: string, { memberClass, memberCode, subsystemCode }: ClientRef): ClientId {
  return { instance, memberClass, memberCode, ...(subsystemCode !== undefined && { subsystemCode }) }
}

function certificateOf(base64: string): Certificate {
  return parseCertificate(Buffer.from(base64, 'base64'))
}

/** Facts that every document has. */
function required<T>(fact: T | undefined): T {
  if (fact === undefined) throw new TypeError('a registry without its settings')
  return fact
}
