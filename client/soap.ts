// Calls to one SOAP service.
import { Attachment } from './attachment.ts'
import { AnswerError } from './error.ts'
import type { ClientId, ServiceId } from './identifier.ts'
import { decodeXml, readMediaType } from './media-type.ts'
import type { MessageOptions } from './message.ts'
import { type Part, readMultipart } from './multipart.ts'
import { type Envelope, readEnvelope } from './soap-answer.ts'
import { envelopeOf, httpMessage, type SoapRequest } from './soap-request.ts'
import type { Transport } from './transport.ts'
import type { XmlValue } from './xml-value.ts'

/** An envelope is held in memory; large things belong into attachments. */
const MAX_ENVELOPE_BYTES = 32 * 1024 * 1024

export interface SoapAnswer<Value = XmlValue> extends Envelope<Value> {
  /**
   * The files beside the answer, one after the other: each must be read before the next is asked for. The connection is held until all
   * were passed or the loop is left.
   */
  readonly attachments: AsyncIterable<Attachment>
}

/** One SOAP service, as your client may call it. */
export interface SoapService {
  readonly id: ServiceId
  /**
   * Sends a request and reads the answer. `Value` is what you know the answer to look like; nothing checks it.
   *
   * @throws XRoadError: the message was not exchanged. ServiceFault: the service refused. NetworkError, TimeoutError: the security
   * server was not reached. AnswerError: the answer is no SOAP message. TypeError: the request is none.
   */
  call<Value = XmlValue>(request: SoapRequest): Promise<SoapAnswer<Value>>
}

export function soapService(
  transport: Transport,
  service: ServiceId,
  client: ClientId,
  standing: MessageOptions,
): SoapService {
  return {
    id: service,
    async call<Value>(request: SoapRequest) {
      const message = { ...standing, ...request, id: request.id ?? crypto.randomUUID() }
      const { type, payload } = httpMessage(envelopeOf(client, service, message), request.attachments ?? [])
      const response = await transport.send({
        method: 'POST',
        target: '/',
        headers: new Headers({ 'Content-Type': type, SOAPAction: soapAction(request.soapAction) }),
        body: payload,
        signal: message.signal,
      })
      return (await answerOf(response)) as SoapAnswer<Value>
    },
  }
}

function soapAction(uri = ''): string {
  if (!/^[\x21\x23-\x7e]*$/.test(uri)) throw new TypeError(`soapAction: '${uri}' is not a URI`)
  return `"${uri}"`
}

async function answerOf(response: Response): Promise<SoapAnswer> {
  const { status, headers, body } = response
  const { type, parameters } = readMediaType(headers.get('content-type') ?? '')
  const charset = parameters.get('charset') || undefined
  if (body && isXml(type)) {
    return { ...readEnvelope(decodeXml(await within(body), charset), status), attachments: none() }
  }
  const boundary = parameters.get('boundary')
  if (!body || type !== 'multipart/related' || !boundary) {
    await body?.cancel()
    throw new AnswerError(
      `HTTP status ${status} with Content-Type '${type}' is no SOAP answer; is it a security server that stands there?`,
      { status },
    )
  }
  const parts = readMultipart(body, boundary)
  try {
    const { value: first } = await parts.next()
    const own = readMediaType(first?.headers.get('content-type') ?? '')
    if (!first || !isXml(own.type)) throw new AnswerError('The first part of the answer is no SOAP message', { status })
    const text = decodeXml(await within(first.body), own.parameters.get('charset') || charset)
    const envelope = readEnvelope(text, status)
    // Without attachments the answer is read to its end here.
    return { ...envelope, attachments: attachments(parts, await parts.next()) }
  } catch (error) {
    await parts.return()
    throw error
  }
}

function isXml(type: string): boolean {
  return type === 'text/xml' || type === 'application/xop+xml' || type === 'application/xml'
}

async function* none(): AsyncGenerator<Attachment> {}

async function* attachments(
  parts: AsyncGenerator<Part, void, void>,
  first: IteratorResult<Part, void>,
): AsyncGenerator<Attachment> {
  try {
    for (let next = first; !next.done; next = await parts.next()) yield new Attachment(next.value)
  } finally {
    await parts.return()
  }
}

async function within(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body) {
    length += piece.byteLength
    if (length > MAX_ENVELOPE_BYTES) throw new AnswerError(`The envelope is longer than ${MAX_ENVELOPE_BYTES} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
