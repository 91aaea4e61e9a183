// An exchange as the stages of a side tell of it while it runs: plain assignments, so that telling costs next to nothing.
import type { ClientId, EndpointPattern, ServiceId } from '#protocol'

/** X-Road's words for the two sides (wire-client §6.1). */
export type SecurityServerType = 'Client' | 'Producer'

export type ServiceType = 'WSDL' | 'REST' | 'OPENAPI3'

/** How an exchange ended. `fault` is what was told, be it made here, by the other server or by a SOAP service. */
export interface Outcome {
  /** SOAP: an answer without fault; REST: an answer with a status below 400. */
  readonly succeeded: boolean
  readonly fault?: { readonly code: string; readonly message: string } | undefined
}

/** A stage of an exchange, for its trace. */
export interface StageMark {
  readonly name: string
  /** Milliseconds of `performance.now()`. */
  readonly at: number
}

/**
 * What is known of one exchange on one side. Stages assign what they learn; whoever began it finishes it, once. Times are
 * milliseconds since 1970, sizes bytes.
 */
export class Exchange {
  readonly side: SecurityServerType
  readonly requestInTs: number
  requestOutTs: number | undefined = undefined
  responseInTs: number | undefined = undefined
  /** Set when the answer begins to leave; at the end where no stage said so. */
  responseOutTs: number | undefined = undefined
  client: ClientId | undefined = undefined
  service: ServiceId | undefined = undefined
  serviceType: ServiceType | undefined = undefined
  restMethod: string | undefined = undefined
  /** Producer only: raw, as in the request target. It is never stored, only the pattern of {@link endpoints} that it fits. */
  servicePath: string | undefined = undefined
  endpoints: readonly EndpointPattern[] = []
  representedPartyClass: string | undefined = undefined
  representedPartyCode: string | undefined = undefined
  messageId: string | undefined = undefined
  messageUserId: string | undefined = undefined
  messageIssue: string | undefined = undefined
  /** As sent in SOAP; `1` in REST. */
  messageProtocolVersion: string | undefined = undefined
  /** As in the global configuration. */
  clientSecurityServerAddress: string | undefined = undefined
  serviceSecurityServerAddress: string | undefined = undefined
  /** SOAP: the envelope; REST: head and body. */
  requestSize: number | undefined = undefined
  responseSize: number | undefined = undefined
  /** SOAP with attachments only: envelope and attachments. */
  requestMimeSize: number | undefined = undefined
  responseMimeSize: number | undefined = undefined
  /** 0 in REST. */
  requestAttachmentCount: number | undefined = undefined
  responseAttachmentCount: number | undefined = undefined
  /** Of a REST answer. */
  statusCode: number | undefined = undefined
  requestId: string | undefined = undefined
  readonly #stages: StageMark[] | undefined
  #finished = false

  /** @param traced Whether stages are worth remembering. */
  constructor(side: SecurityServerType, at: number, traced: boolean) {
    this.side = side
    this.requestInTs = at
    this.#stages = traced ? [] : undefined
  }

  /** The stage that begins now; it lasts until the next one does. Costs nothing when no trace is wanted. */
  stage(name: string): void {
    this.#stages?.push({ name, at: performance.now() })
  }

  get stages(): readonly StageMark[] {
    return this.#stages ?? []
  }

  /** True the first time: an exchange that fails while it is refused must not count twice. */
  finishOnce(): boolean {
    if (this.#finished) return false
    this.#finished = true
    return true
  }
}
