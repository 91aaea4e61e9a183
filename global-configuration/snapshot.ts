// The signed picture of the state as a value: made once from verified documents, never changed, dated.
import {
  authorityFor,
  type ClientId,
  type GlobalGroupId,
  type InstanceParameters,
  idKey,
  type Member,
  memberOf,
  type PrivateParameters,
  type ServerId,
  type SharedParameters,
  type TrustMaterial,
  trustMaterial,
} from '#protocol'
import { type Certificate, equalBytes } from '#trust'
import { registryIndex, type SecurityServer } from './registry-index.ts'

/** Everything that was true at `loadedAt` and is believed until `expiresAt`. Instances that had expired then are not in it. */
export interface GlobalConfiguration {
  readonly instance: string
  readonly version: number
  readonly expiresAt: Date
  readonly loadedAt: Date
  /** No tolerance: X-Road has none (wire-conf §2.8). */
  isExpired(at: Date): boolean
  readonly shared: SharedParameters
  readonly private: PrivateParameters | undefined
  readonly trust: TrustMaterial
  /** At least 60. */
  readonly ocspFetchIntervalSeconds: number
  readonly timestampingIntervalSeconds: number
  /** Who may read the environmental monitoring data of every server. */
  readonly monitoringClient: ClientId | undefined
  /** Every instance in it, the own one first. */
  readonly instances: readonly string[]
  /** In the order of the document, the same array while the instance says the same; undefined for an instance that is not in it. */
  members(instance: string): readonly Member[] | undefined
  /** Name of the member, also for its subsystems. */
  memberName(id: ClientId): string | undefined
  /** Whether the member or subsystem is registered. */
  exists(id: ClientId): boolean
  /** By the hash of the certificate's DER; nothing else about the certificate is judged here. */
  serverOf(authCertificate: Certificate): SecurityServer | undefined
  /** In the order of the document, those in maintenance included. */
  serversFor(provider: ClientId): readonly SecurityServer[]
  server(id: ServerId): SecurityServer | undefined
  inGlobalGroup(client: ClientId, group: GlobalGroupId): boolean
  /** The certificate and the intermediate CAs above it, without the trusted root (wire-message §1.3). */
  chain(certificate: Certificate): readonly Certificate[]
  /** Where the parts lie in X-Road's layout (wire-conf §2.7). */
  file(): { readonly directory: string }
}

/** X-Road's default where there are no private parameters. */
const TIMESTAMPING_SECONDS = 60
const MAX_CHAIN = 8

export function snapshot(
  own: InstanceParameters,
  federated: readonly InstanceParameters[],
  loadedAt: Date,
  directory: string,
): GlobalConfiguration {
  const { instance, shared, expiresAt } = own
  const all = [shared, ...federated.map((other) => other.shared)]
  const trust = trustMaterial(
    shared,
    federated.map((other) => other.shared),
    { verifyNextUpdate: own.verifyNextUpdate },
  )
  const indices = new Map(all.map((each) => [each.instance, registryIndex(each)]))
  return Object.freeze({
    instance,
    version: own.version,
    expiresAt,
    loadedAt,
    isExpired: (at: Date) => at > expiresAt,
    shared,
    private: own.private,
    trust,
    ocspFetchIntervalSeconds: own.ocspFetchIntervalSeconds,
    timestampingIntervalSeconds: own.private?.timestampingIntervalSeconds ?? TIMESTAMPING_SECONDS,
    monitoringClient: own.monitoringClient,
    instances: all.map((each) => each.instance),
    members: (wanted: string) => all.find((each) => each.instance === wanted)?.members,
    memberName: (id: ClientId) => indices.get(id.instance)?.names.get(idKey(memberOf(id))),
    exists: (id: ClientId) => indices.get(id.instance)?.clients.has(idKey(id)) ?? false,
    serverOf: ({ sha256, sha1 }: Certificate) => {
      // The own instance comes first: it has the last word about a certificate that a federated one also claims.
      for (const { serversByHash } of indices.values()) {
        const server = serversByHash.get(sha256) ?? serversByHash.get(sha1)
        if (server !== undefined) return server
      }
      return undefined
    },
    serversFor: (provider: ClientId) => indices.get(provider.instance)?.serversByClient.get(idKey(provider)) ?? [],
    server: (id: ServerId) => indices.get(id.instance)?.serversById.get(idKey(id)),
    inGlobalGroup: (client: ClientId, group: GlobalGroupId) =>
      indices.get(group.instance)?.groups.get(group.groupCode)?.has(idKey(client)) ?? false,
    chain: (certificate: Certificate) => chainOf(certificate, trust, instance),
    file: () => ({ directory }),
  })
}

/** Up by issuer names until a self-issued certificate or an unknown issuer; the last one found is the root. */
function chainOf(certificate: Certificate, trust: TrustMaterial, instance: string): readonly Certificate[] {
  const chain = [certificate]
  for (let current = certificate; chain.length < MAX_CHAIN; ) {
    if (equalBytes(current.subject.der, current.issuer.der)) break
    const issuer = authorityFor(trust, current, instance)?.certificate
    if (issuer === undefined || chain.includes(issuer)) break
    chain.push(issuer)
    current = issuer
  }
  return chain.length > 1 ? chain.slice(0, -1) : chain
}
