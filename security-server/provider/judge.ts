// Provider: a message is judged as soon as it is known, before anything attached to it is read (wire-message §6.1, rows 8, a–d, 11).
import type { GlobalConfiguration } from '#global-configuration'
import type { ClientId, RestRequestHead, ServerId, ServiceId, SoapMessage } from '#protocol'
import { clientOf, fault, idKey, memberOf, parseRestRequest, prefixed, sameId, typedId } from '#protocol'
import type { Certificate } from '#trust'
import { judgePeer } from '../certificates/peers.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { type Watched, watchRest, watchSoap } from '../exchange/watched.ts'
import type { MonitoringService } from '../monitoring/index.ts'
import type { LocalService } from '../services/index.ts'

const SIDE = 'server.serverproxy'
const DECODING = `${SIDE}.service_failed` as const

/** Who asks: the certificates of the peer's connection, by which configuration they are judged, and who learns of it. */
export interface Asker {
  readonly watched: Watched
  readonly chain: readonly Certificate[]
  readonly configuration: GlobalConfiguration
}

/** What this server answers itself in place of a service: own.ts. */
export type OwnRest = 'metadata' | 'reconciliation' | 'tracker'
export type OwnSoap = 'metadata' | MonitoringService

/** Parses the head and says which service may be called. `named` is the request id of the transport message. Throws XRoadFault. */
export function judgeRest(
  gateway: Gateway,
  bytes: Uint8Array,
  named: string | undefined,
  asker: Asker,
  ocsp: readonly Uint8Array[],
): { readonly head: RestRequestHead; readonly service: LocalService | OwnRest } {
  const { watched } = asker
  const head = parseHead(bytes)
  watchRest(watched, head)
  watched.servicePath = head.servicePath
  checkRequestId(named, head)
  checkParties(gateway, head, asker, ocsp)
  const { service, method, servicePath } = head
  const snapshot = gateway.services.snapshot()
  const known = snapshot.service(service)
  watched.serviceType = known?.type ?? 'REST'
  watched.endpoints = known?.endpoints ?? []
  if (gateway.metadata.isRest(head)) return { head, service: 'metadata' }
  if (gateway.reconciliation.isRest(head)) return { head, service: 'reconciliation' }
  const question = { service, ...asking(gateway, head.client, asker.configuration), method, servicePath }
  const { service: allowed } = snapshot.authorise(question)
  return { head, service: gateway.tracker.isTracker(service) ? 'tracker' : allowed }
}

/** Says which service may be called. Throws XRoadFault. */
export function judgeSoap(
  gateway: Gateway,
  message: SoapMessage,
  asker: Asker,
  ocsp: readonly Uint8Array[],
): LocalService | OwnSoap {
  watchSoap(asker.watched, message)
  checkParties(gateway, message, asker, ocsp)
  const { service, client } = message
  const own = gateway.metadata.isSoap(service) ? 'metadata' : gateway.monitoring.serviceOf(service)
  if (own !== undefined) return own
  return gateway.services.snapshot().authoriseSoap({ service, ...asking(gateway, client, asker.configuration) })
}

/** Who asks, for the registry's rights. */
export function asking(gateway: Gateway, client: ClientId, configuration: GlobalConfiguration) {
  return {
    client,
    inGlobalGroup: (groupCode: string) =>
      configuration.inGlobalGroup(client, { instance: gateway.server.instance, groupCode }),
  }
}

function parseHead(bytes: Uint8Array): RestRequestHead {
  try {
    return parseRestRequest(bytes)
  } catch (error) {
    throw prefixed(error, DECODING)
  }
}

/** The reference answers and logs the unsigned header, and every peer sends the same twice: another one would be a lie in the evidence. */
function checkRequestId(named: string | undefined, head: RestRequestHead): void {
  if (named !== undefined && named !== head.requestId)
    throw fault(DECODING, 'internal_error', 'The request id of the transport message is not that of the REST message')
}

/** The parties that a message names. */
interface Parties {
  readonly client: ClientId
  readonly service: ServiceId
  readonly securityServer?: ServerId
}

/** Rows a–d: the provider is ours, can be signed for, and the TLS peer speaks for the client of the message. */
function checkParties(
  gateway: Gateway,
  { client, service, securityServer }: Parties,
  { chain, configuration, watched }: Asker,
  ocsp: readonly Uint8Array[],
): void {
  const provider = clientOf(service)
  const here = configuration.server(gateway.server)
  watched.serviceSecurityServerAddress = here?.address
  const registered = here?.clients.has(idKey(provider))
  // The owner need not be a client of its own server to be asked for monitoring data.
  const ours = gateway.services.snapshot().client(provider) ?? sameId(provider, memberOf(gateway.server))
  if (!ours || !registered) throw fault(DECODING, 'unknown_member', `Client '${typedId(provider)}' not found`)
  if (securityServer !== undefined && idKey(securityServer) !== idKey(gateway.server))
    throw fault(
      DECODING,
      'invalid_security_server',
      `The message is for security server '${typedId(securityServer)}', not for this one`,
    )
  if (gateway.keyring.signer(provider) === undefined)
    throw fault(
      DECODING,
      'cannot_create_signature',
      `No usable signing key for '${typedId(provider)}': ${gateway.keyring.reason('message', provider)}`,
    )
  const [leaf, ...sent] = chain
  if (leaf === undefined) throw fault(DECODING, 'ssl_authentication_failed', 'The peer presented no certificate')
  if (ocsp.length === 0)
    throw fault(
      DECODING,
      'ssl_authentication_failed',
      'Cannot verify TLS certificate, corresponding OCSP response is missing',
    )
  try {
    const { server } = judgePeer({ leaf, sent, client, answers: ocsp, configuration, at: gateway.clock.now() })
    watched.clientSecurityServerAddress = server.address
  } catch (error) {
    throw fault(DECODING, 'ssl_authentication_failed', `The peer is not accepted: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
