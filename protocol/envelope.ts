// The transport message between two security servers: which parts, in which order (wire-message §2.4–2.6).
import { ProtocolError } from './error.ts'
import { readSoapFault } from './fault-formats.ts'
import type { XRoadFault } from './faults.ts'
import { mediaType } from './media-type.ts'
import { collect, type HeaderList, type MimePart, MultipartReader, readMultipart } from './multipart.ts'
import { checkSoapType, readSoap, type SoapMessage } from './soap/message.ts'

/** Content types of the parts (wire-message §2.5). */
export const mimeTypes = {
  ocspResponse: 'application/ocsp-response',
  restRequest: 'application/x-road-rest-request',
  restResponse: 'application/x-road-rest-response',
  restBody: 'application/x-road-rest-body',
  chainResult: 'application/hash-chain-result',
  chain: 'application/hash-chain',
  signature: 'signature/bdoc-1.0/ts',
  fault: 'text/xml; charset=UTF-8',
} as const

/** Headers of the transport message. Lower case on the wire: the reference finds them in responses by no other spelling (wire-message §2.1). */
export const transportHeaders = {
  hashAlgorithm: 'x-hash-algorithm',
  proxyVersion: 'x-proxy-version',
  originalContentType: 'x-original-content-type',
  originalSoapAction: 'x-original-soapaction',
  requestId: 'x-road-request-id',
  messageType: 'x-road-message-type',
} as const

/** Names of the parts that a signature is over (wire-message §3). A REST body is attachment 1. */
export const messagePart = '/message.xml'
export const attachmentPart = (number: number): string => `/attachment${number}`

export type TransportPart =
  | { readonly kind: 'ocsp'; readonly der: Uint8Array }
  | { readonly kind: 'rest-request' | 'rest-response'; readonly bytes: Uint8Array }
  /** `lines`: the header lines of its part, for {@link TransportWriter.forward} and for whoever gets the message. */
  | { readonly kind: 'soap'; readonly message: SoapMessage; readonly bytes: Uint8Array; readonly lines: string }
  | { readonly kind: 'rest-body'; readonly body: AsyncIterable<Uint8Array> }
  | {
      readonly kind: 'attachment'
      readonly number: number
      readonly headers: HeaderList
      readonly lines: string
      readonly body: AsyncIterable<Uint8Array>
    }
  | { readonly kind: 'chain-result' | 'chain' | 'signature'; readonly bytes: Uint8Array }
  /** `bytes`: the fault as it came; a service's own SOAP fault is relayed like that. Nothing follows a fault. */
  | { readonly kind: 'fault'; readonly fault: XRoadFault; readonly bytes: Uint8Array }

/** What is held in memory. An OCSP answer has 1–5 KB, a head below 20 KB, a signature 7 KB, a chain 150 bytes for each part of the message. */
const MAX_OCSP_BYTES = 64 << 10
const MAX_OCSP_PARTS = 16
const MAX_HEAD_BYTES = 256 << 10
/** A SOAP message. What is larger goes into an attachment. */
export const MAX_SOAP_BYTES = 16 << 20
const MAX_SIGNATURE_BYTES = 2 << 20

/** Where in the message the reader stands: the parts come in this order, those after the message may be missing. */
const STEPS = { ocsp: 0, message: 1, content: 2, chainResult: 3, chain: 4, signature: 5, end: 6 } as const

/**
 * Reads a transport message part by part. Bodies must be read before the next part is asked for. The caller checks that a
 * message and a signature came: a missing part is not an error of the order.
 *
 * A `text/xml` part that is a SOAP fault comes as `fault`, in the place of the message or of the signature; for responses so
 * does a whole message of that type (wire-message §2.3). Nothing is read after a fault.
 *
 * @throws ProtocolError `invalid_content_type` (not a multipart, no boundary, an unknown or misplaced part),
 * `invalid_message` (a part after the signature, too large, or no fault where only one may stand), `invalid_soap` (a fault that
 * cannot be read), `mime_parsing_failed`, `io_error`; what `readSoap` refuses. Errors of the source pass through.
 */
export async function* readTransport(
  source: AsyncIterable<Uint8Array>,
  contentType: string,
  role: 'request' | 'response',
): AsyncGenerator<TransportPart> {
  const { type, parameters } = mediaType(contentType)
  if (type === 'text/xml' && role === 'response') {
    yield faultPart(await collect(source, MAX_SOAP_BYTES))
    return
  }
  const boundary = parameters.get('boundary')
  if (type !== 'multipart/mixed' || boundary === undefined) throw misplaced(contentType)
  const reader = new PartReader(role)
  const parts = new MultipartReader(source, boundary)
  try {
    for (let part = await parts.next(); part !== undefined; part = await parts.next()) {
      const read = await reader.read(part)
      if (read === 'attachments') {
        yield* attachments(part)
        continue
      }
      yield read
      if (read.kind === 'fault') return
    }
  } finally {
    await parts.close()
  }
}

class PartReader {
  readonly #message: string
  #step: number = STEPS.ocsp
  #answers = 0
  #soap = false

  constructor(role: 'request' | 'response') {
    this.#message = role === 'request' ? mimeTypes.restRequest : mimeTypes.restResponse
  }

  async read(part: MimePart): Promise<TransportPart | 'attachments'> {
    const { mediaType: type, body } = part
    if (this.#step === STEPS.end)
      throw new ProtocolError('invalid_message', 'The message has a part after its signature')
    if (this.#step <= STEPS.message) return await this.#readUpToMessage(part)
    switch (type) {
      case mimeTypes.restBody:
        if (this.#soap) throw misplaced(type)
        this.#advance(STEPS.content, type)
        return { kind: 'rest-body', body }
      case 'multipart/mixed':
        if (!this.#soap) throw misplaced(type)
        this.#advance(STEPS.content, type)
        return 'attachments'
      case mimeTypes.chainResult:
        this.#advance(STEPS.chainResult, type)
        return { kind: 'chain-result', bytes: await collect(body, MAX_SIGNATURE_BYTES) }
      case mimeTypes.chain:
        this.#advance(STEPS.chain, type)
        return { kind: 'chain', bytes: await collect(body, MAX_SIGNATURE_BYTES) }
      case mimeTypes.signature:
        this.#advance(STEPS.signature, type)
        return { kind: 'signature', bytes: await collect(body, MAX_SIGNATURE_BYTES) }
      case 'text/xml':
        return faultPart(await collect(body, MAX_SOAP_BYTES))
      default:
        throw misplaced(type)
    }
  }

  async #readUpToMessage({ mediaType: type, contentType, lines, body }: MimePart): Promise<TransportPart> {
    if (type === mimeTypes.ocspResponse) {
      if (++this.#answers > MAX_OCSP_PARTS) throw new ProtocolError('invalid_message', 'Too many OCSP answers')
      return { kind: 'ocsp', der: await collect(body, MAX_OCSP_BYTES) }
    }
    this.#step = STEPS.content
    if (type === this.#message) {
      const kind = type === mimeTypes.restRequest ? 'rest-request' : 'rest-response'
      return { kind, bytes: await collect(body, MAX_HEAD_BYTES) }
    }
    checkSoapType(contentType)
    this.#soap = true
    const read = readSoap(await collect(body, MAX_SOAP_BYTES), contentType)
    return read.kind === 'fault' ? read : { ...read, bytes: read.message.bytes, lines }
  }

  /** Enters a step; what comes next must be behind it. */
  #advance(step: number, type: string): void {
    if (step < this.#step) throw misplaced(type)
    this.#step = step + 1
  }
}

/** Attachments are the parts of a nested multipart, numbered as they come (wire-message §2.6). */
async function* attachments(part: MimePart): AsyncGenerator<TransportPart> {
  const boundary = mediaType(part.contentType).parameters.get('boundary')
  if (boundary === undefined) throw misplaced(part.contentType)
  let number = 0
  for await (const { headers, lines, body } of readMultipart(part.body, boundary)) {
    yield { kind: 'attachment', number: ++number, headers, lines, body }
  }
}

/** A document that must be a fault. */
function faultPart(bytes: Uint8Array): TransportPart {
  const fault = readSoapFault(bytes)
  if (fault === undefined) throw new ProtocolError('invalid_message', 'Expected a SOAP fault, but the message is none')
  return { kind: 'fault', fault, bytes }
}

function misplaced(type: string): ProtocolError {
  return new ProtocolError('invalid_content_type', `Unexpected content type: ${type.slice(0, 200)}`)
}
