// Provider: the answer → signed → **logged** → sent. From here on an error is a part of the multipart answer (wire-message §2.3).
import type { ServerResponse } from 'node:http'
import {
  fault,
  mimeTypes,
  prefixed,
  randomBoundary,
  type TransportWriter,
  transportHeaders,
  transportWriter,
  writeSoapFault,
  XRoadFault,
} from '#protocol'
import { type Attached, compose } from '../exchange/compose.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { note } from '../exchange/refusals.ts'
import { seal } from '../exchange/seal.ts'
import { hashMessage } from '../exchange/signing.ts'
import { answered } from '../exchange/watched.ts'
import { endWith, writeChunk } from '../exchange/write.ts'
import type { Accepted } from './accept.ts'

const SIDE = 'server.serverproxy'

/** What each protocol says of its answer: rest.ts and soap.ts. */
export interface Answer {
  /** Of the service, by REST. */
  readonly status?: number
  /** The message, as it is signed. */
  readonly bytes: Uint8Array
  /** What is kept of it where bodies are not logged. */
  reduced(): Uint8Array
  /** The part of the message itself. */
  part(writer: TransportWriter): Uint8Array
  /** What is attached, if anything; asked for when the message's part is written. */
  attached(writer: TransportWriter): Attached | AsyncIterable<Attached> | undefined
  /** What it means that the service's answer could not be read to its end. */
  broken(error: unknown): XRoadFault
}

/** An answer on its way: headers first, then parts, an error among them. */
export class Reply {
  readonly #gateway: Gateway
  readonly #request: Accepted
  readonly #response: ServerResponse
  readonly #headers: readonly string[]
  readonly #writer = transportWriter(randomBoundary('xtop'))

  /** @param headers Headers of the transport message beside those of both protocols: name, value, name, value … */
  constructor(gateway: Gateway, request: Accepted, response: ServerResponse, headers: readonly string[] = []) {
    this.#gateway = gateway
    this.#request = request
    this.#response = response
    this.#headers = headers
    response.sendDate = false
  }

  /** Signs, logs and sends the answer. Throws XRoadFault. */
  async send(answer: Answer): Promise<void> {
    const { messageLog, counters, monitoring, idleMs } = this.#gateway
    const { watched, logsBodies } = this.#request.exchange
    const writer = this.#writer
    watched.stage('reply')
    const message = compose(messageLog, {
      side: SIDE,
      keeping: logsBodies ? 'kept' : 'digest',
      opening: [answer.part(writer)],
      attached: answer.attached(writer),
      // A crash behind it leaves a record of an answer that was not delivered: the consumer reports a broken connection and has no record of one.
      seal: (body) => {
        const message = { ...hashMessage(answer.bytes, body), reduced: () => answer.reduced() }
        return seal(this.#gateway, this.#request.exchange, 'response', message, body, writer)
      },
      broken: (error) => (error instanceof XRoadFault ? error : answer.broken(error)),
    })
    if (message instanceof Promise) this.#whole(await message)
    else {
      this.#begin()
      for await (const chunk of message) await this.#write(chunk)
      endWith(this.#response, undefined, idleMs)
    }
    counters.count('provider', 'ok')
    // What this server answers itself it has sent nowhere and got from nowhere (wire-client §6.1).
    watched.requestOutTs ??= watched.requestInTs
    watched.responseInTs ??= watched.responseOutTs
    watched.statusCode = answer.status
    monitoring.finish(watched, answered(answer.status))
  }

  /** A service's own fault: passed on as it came, neither signed nor logged (wire-client §2.9). */
  relay(fault: XRoadFault, bytes: Uint8Array): void {
    const writer = this.#writer
    this.#whole(Buffer.concat([writer.part(mimeTypes.fault, bytes), writer.end()]))
    this.#gateway.counters.count('provider', 'service_fault')
    this.#gateway.monitoring.finish(this.#request.exchange.watched, { succeeded: false, fault })
  }

  /** Tells what went wrong, behind whatever went out already. */
  refuse(error: unknown): void {
    const refusal = prefixed(error, SIDE)
    const { requestId, watched } = this.#request.exchange
    this.#gateway.monitoring.finish(watched, { succeeded: false, fault: refusal })
    note(this.#gateway, 'provider', refusal, { requestId, service: this.#request.message.service })
    if (this.#response.destroyed) return
    if (!this.#response.headersSent) this.#begin()
    const part = this.#writer.part(mimeTypes.fault, writeSoapFault(refusal))
    endWith(this.#response, Buffer.concat([part, this.#writer.end()]), this.#gateway.idleMs)
  }

  /** The usual answer: one buffer with a known length. */
  #whole(bytes: Uint8Array): void {
    this.#begin(bytes.length)
    endWith(this.#response, bytes, this.#gateway.idleMs)
  }

  /** The lower-case names are what the reference looks for (wire-message §2.1, hard trap). */
  #begin(length?: number): void {
    this.#request.exchange.watched.responseOutTs = this.#gateway.clock.now().getTime()
    const headers = ['Content-Type', this.#writer.contentType, transportHeaders.hashAlgorithm, 'SHA-512']
    headers.push(...this.#headers)
    if (length !== undefined) headers.push('Content-Length', String(length))
    this.#response.writeHead(200, headers)
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (!(await writeChunk(this.#response, chunk, this.#gateway.idleMs)))
      throw fault(SIDE, 'io_error', 'The consumer security server stopped to take the answer, or has gone')
  }
}
