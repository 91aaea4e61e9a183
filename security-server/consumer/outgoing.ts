// A request as it goes out of the consumer's server: what both protocols share of it, and what went wrong while it went.
import { fault, mimeTypes, randomBoundary, type TransportWriter, transportWriter, XRoadFault } from '#protocol'
import { type Attached, compose } from '../exchange/compose.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { seal } from '../exchange/seal.ts'
import { type HashedMessage, hashMessage } from '../exchange/signing.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { Located, Message } from './identify.ts'

const SIDE = 'server.clientproxy'

/** What each protocol says of its request: rest.ts and soap.ts. */
export interface Content {
  /** Headers of the transport message beside those of both protocols. */
  readonly headers: Readonly<Record<string, string>>
  /** The part of the message itself. */
  part(writer: TransportWriter): Uint8Array
  /** What is attached, if anything; asked for when the message's part is written. */
  attached(writer: TransportWriter): Attached | AsyncIterable<Attached> | undefined
  /** What it means that the information system's content could not be read to its end. */
  broken(error: unknown): XRoadFault
  /** What is kept of the message where bodies are not logged. */
  reduced(): Uint8Array
  /** What the answer must carry. */
  requestHash(message: HashedMessage, body: BodyReference | undefined): string
}

export class Outgoing {
  readonly contentType: string
  /** What went wrong inside: undici reports only that the body failed. */
  failure: XRoadFault | undefined
  #hash: string | undefined
  readonly #gateway: Gateway
  readonly #request: Located<Message>
  readonly #content: Content
  readonly #writer = transportWriter(randomBoundary('xtop'))

  constructor(gateway: Gateway, request: Located<Message>, content: Content) {
    this.#gateway = gateway
    this.#request = request
    this.#content = content
    this.contentType = this.#writer.contentType
  }

  requestHash(): string {
    if (this.#hash === undefined)
      throw fault(SIDE, 'inconsistent_response', 'The response came before the request was complete')
    return this.#hash
  }

  /** The transport message, in one piece or in many. */
  body(): Promise<Buffer> | AsyncGenerator<Uint8Array> {
    const ocsp = this.#gateway.keyring.authentication()?.ocsp ?? []
    const writer = this.#writer
    return compose(this.#gateway.messageLog, {
      side: SIDE,
      keeping: this.#request.exchange.logsBodies ? 'kept' : 'digest',
      opening: [...ocsp.map((der) => writer.part(mimeTypes.ocspResponse, der)), this.#content.part(writer)],
      attached: this.#content.attached(writer),
      seal: (body) => this.#seal(body),
      broken: (error) => this.#failed(error instanceof XRoadFault ? error : this.#content.broken(error)),
    })
  }

  async #seal(body: BodyReference | undefined): Promise<Uint8Array[]> {
    const message = hashMessage(this.#request.message.bytes, body)
    const signed = { ...message, reduced: () => this.#content.reduced() }
    const parts = await seal(this.#gateway, this.#request.exchange, 'request', signed, body, this.#writer)
    // Not before: an answer to a request that is not in the log yet would go on without it.
    this.#hash = this.#content.requestHash(message, body)
    return parts
  }

  #failed(failure: XRoadFault): XRoadFault {
    this.failure = failure
    return failure
  }
}
