// One information system at its security server: where messages begin.
import { type ClientId, clientId, encodeId, type ServiceId, serviceId } from './identifier.ts'
import type { MessageOptions } from './message.ts'
import { type Metadata, metadataOf } from './metadata.ts'
import type { AnyPaths } from './openapi.ts'
import { type RestService, restService } from './rest.ts'
import { type SoapService, soapService } from './soap.ts'
import type { TlsOptions } from './tls-options.ts'
import { transportTo } from './transport.ts'

export interface ClientOptions extends Pick<MessageOptions, 'userId' | 'issue' | 'representedParty'> {
  /** Its address for information systems: `http://10.0.0.1:8080`, or `https://…:8443`. */
  readonly securityServer: string
  /** Who you are: `INSTANCE/CLASS/MEMBER/SUBSYSTEM`, registered on that security server. */
  readonly client: string | ClientId
  /** For https: addresses: your certificate, and whom you believe. */
  readonly tls?: TlsOptions
  /**
   * Longest silence of the security server, in milliseconds: until it takes the next piece of a body, answers, or goes on answering.
   * 90 seconds when absent: a service has 60 as a rule (wire-client §8). For the whole of a call give a `signal`.
   */
  readonly timeout?: number
}

export interface XRoadClient extends Metadata {
  readonly id: ClientId
  /**
   * A REST service: `INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE`. `Paths` are its types, as `saadik types` writes them; without them
   * every path may be called and answers are `unknown`.
   */
  service<Paths = AnyPaths>(id: string | ServiceId): RestService<Paths>
  /** A SOAP service: `INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE`, and `/VERSION` behind it where it has one. */
  soap(id: string | ServiceId): SoapService
  /** Ends connections. Not needed to let a process end: idle ones do not hold it. */
  close(): void
}

const DEFAULT_TIMEOUT_MS = 90_000

export function createClient(options: ClientOptions): XRoadClient {
  const { securityServer, client, tls, timeout = DEFAULT_TIMEOUT_MS, userId, issue, representedParty } = options
  if (!Number.isInteger(timeout) || timeout < 1)
    throw new TypeError("'timeout' is a whole number of milliseconds, at least 1")
  const transport = transportTo(securityServer, tls, timeout)
  const id = clientId(client)
  const standing: MessageOptions = {
    ...(userId !== undefined && { userId }),
    ...(issue !== undefined && { issue }),
    ...(representedParty !== undefined && { representedParty }),
  }
  return {
    ...metadataOf(transport, id, standing),
    id,
    service: <Paths>(service: string | ServiceId) =>
      restService<Paths>(transport, serviceId(service), encodeId(id), standing),
    soap: (service) => soapService(transport, serviceId(service), id, standing),
    close: () => transport.close(),
  }
}
