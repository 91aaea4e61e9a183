// Consumer, first stages: received → client known and its connection type satisfied → target servers found (design: the way of a message).
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import type { ClientId, ServerId, ServiceId } from '#protocol'
import { clientOf, fault, idKey, typedId } from '#protocol'
import { equalBytes } from '#trust'
import { type Gateway, validConfiguration } from '../exchange/gateway.ts'
import type { Exchange } from '../exchange/record.ts'
import type { LocalClient } from '../services/index.ts'

const SIDE = 'server.clientproxy'

/** What the stages need to know of a REST head or a SOAP message. */
export interface Message {
  readonly bytes: Uint8Array
  readonly id: string
  readonly client: ClientId
  readonly service: ServiceId
  readonly securityServer?: ServerId
}

declare const identified: unique symbol
/** A request whose client is ours and may speak over this connection. Only this file makes one. */
export interface Identified<M extends Message> {
  readonly [identified]: true
  readonly message: M
  readonly exchange: Exchange
  readonly provider: ClientId
  readonly configuration: GlobalConfiguration
}

declare const located: unique symbol
/** An identified request with the servers that may receive it. Only `locate` makes one. */
export interface Located<M extends Message> extends Identified<M> {
  readonly [located]: true
  readonly targets: readonly SecurityServer[]
}

/** The configuration to act by, on a server that is able to act (wire-client §2.10, §3.8). */
export function prepared(gateway: Gateway): GlobalConfiguration {
  const configuration = validConfiguration(gateway, SIDE)
  if (gateway.keyring.authentication() === undefined)
    throw fault(
      SIDE,
      'ssl_authentication_failed',
      `This security server has no usable authentication certificate: ${gateway.keyring.reason('authentication')}`,
    )
  return configuration
}

/** Client and connection (wire-client §1.3). */
export function identify<M extends Message>(
  gateway: Gateway,
  request: IncomingMessage,
  configuration: GlobalConfiguration,
  message: M,
  { requestId, about, watched }: Pick<Exchange, 'requestId' | 'about' | 'watched'>,
): Identified<M> {
  const here = configuration.server(gateway.server)
  watched.clientSecurityServerAddress = here?.address
  authenticate(gateway, here, message.client, request)
  return known(gateway, configuration, message, { requestId, about, watched })
}

/** This server asks itself, as one of its clients: only what its operator has it ask (wire-client §1.3 has no connection to judge then). */
export function identifyOwn<M extends Message>(
  gateway: Gateway,
  configuration: GlobalConfiguration,
  message: M,
  exchange: Pick<Exchange, 'requestId' | 'about' | 'watched'>,
): Identified<M> {
  const here = configuration.server(gateway.server)
  exchange.watched.clientSecurityServerAddress = here?.address
  registered(gateway, here, message.client)
  return known(gateway, configuration, message, exchange)
}

function known<M extends Message>(
  gateway: Gateway,
  configuration: GlobalConfiguration,
  message: M,
  { requestId, about, watched }: Pick<Exchange, 'requestId' | 'about' | 'watched'>,
): Identified<M> {
  const { client: member, service, id: queryId } = message
  const provider = clientOf(service)
  return {
    message,
    exchange: {
      ...{ side: SIDE, member, queryId, requestId, about, watched },
      logsBodies: gateway.logsBodies(SIDE, provider),
    },
    provider,
    configuration,
  } as Identified<M>
}

/**
 * The client must be registered here and satisfied by this connection (wire-client §1.3).
 *
 * @param here This server, as the configuration has it.
 */
export function authenticate(
  gateway: Gateway,
  here: SecurityServer | undefined,
  client: ClientId,
  request: IncomingMessage,
): LocalClient {
  const local = registered(gateway, here, client)
  if (local.connection === 'HTTP') return local
  const socket = request.socket as TLSSocket
  if (!socket.encrypted)
    throw fault(SIDE, 'ssl_authentication_failed', `Client '${typedId(client)}' must connect over HTTPS`)
  if (local.connection === 'HTTPS NOAUTH') return local
  const leaf = socket.getPeerX509Certificate()
  if (leaf === undefined)
    throw fault(SIDE, 'ssl_authentication_failed', `Client '${typedId(client)}' did not supply a TLS certificate`)
  if (local.tlsCertificates.length === 0)
    throw fault(SIDE, 'ssl_authentication_failed', `Client '${typedId(client)}' has no TLS certificates registered`)
  const pinned = local.tlsCertificates.find((certificate) => equalBytes(certificate.der, leaf.raw))
  if (pinned === undefined)
    throw fault(
      SIDE,
      'ssl_authentication_failed',
      `The TLS certificate does not match any certificate of client '${typedId(client)}'`,
    )
  const now = gateway.clock.now()
  if (now < pinned.notBefore || now > pinned.notAfter)
    throw fault(
      SIDE,
      'ssl_authentication_failed',
      `The TLS certificate of client '${typedId(client)}' is outside its validity period`,
    )
  return local
}

function registered(gateway: Gateway, here: SecurityServer | undefined, client: ClientId): LocalClient {
  const local = gateway.services.snapshot().client(client)
  if (local === undefined || !here?.clients.has(idKey(client)))
    throw fault(SIDE, 'unknown_member', `Client '${typedId(client)}' not found`)
  return local
}

/** The servers of the provider, or the one the request names (wire-message §1.8). */
export function locate<M extends Message>(request: Identified<M>): Located<M> {
  const { configuration, message, provider, exchange } = request
  exchange.watched.stage('locate')
  if (!configuration.exists(provider))
    throw fault(SIDE, 'unknown_member', `Could not find addresses for service provider '${typedId(provider)}'`)
  let candidates = configuration.serversFor(provider).filter((server) => server.address !== undefined)
  if (candidates.length === 0)
    throw fault(SIDE, 'unknown_member', `Could not find addresses for service provider '${typedId(provider)}'`)
  if (message.securityServer !== undefined) {
    const wanted = idKey(message.securityServer)
    candidates = candidates.filter((server) => idKey(server.id) === wanted)
    if (candidates.length === 0)
      throw fault(
        SIDE,
        'invalid_security_server',
        `Security server '${typedId(message.securityServer)}' does not serve '${typedId(provider)}'`,
      )
  }
  const open = candidates.filter((server) => server.maintenance === undefined)
  if (open.length === 0) {
    const notices = candidates
      .map((server) => server.maintenance?.message)
      .filter((text) => text !== undefined && text !== '')
    throw fault(
      SIDE,
      'maintenance_mode',
      `The provider's security servers are in maintenance${notices.length > 0 ? `: ${notices.join('; ')}` : ''}`,
    )
  }
  const found: Omit<Located<M>, typeof located> = { ...request, targets: open }
  return found as Located<M>
}
