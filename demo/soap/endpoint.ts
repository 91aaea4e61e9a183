// A SOAP endpoint over HTTP: a message comes in within bounds, an operation answers, a fault is told with status 500 (SOAP 1.1 §6.2).
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readRequest, writeAnswer, writeFault } from './envelope.ts'
import { refused, SoapFault } from './fault.ts'
import { type Attachment, writeMultipart } from './multipart.ts'
import type { Content, XmlElement } from './xml.ts'

/** A message of a register is a few hundred bytes; a reason that somebody attaches to it may be a document. */
const MAX_BODY = 1024 * 1024
const MAX_FIELD = 200

export interface Answer {
  readonly content: Content
  /** A file behind the message: as SOAP with Attachments, or with `xop` as MTOM. */
  readonly attachment?: Attachment & { readonly xop?: boolean }
}

export interface Operation {
  /** Names of the elements that it takes, each once, all needed. */
  readonly fields: readonly string[]
  answer(fields: Readonly<Record<string, string>>, header: readonly XmlElement[]): Answer | Promise<Answer>
}

export interface SoapService {
  readonly namespace: string
  readonly operations: Readonly<Record<string, Operation>>
}

/** Answers one request, whatever comes. */
export async function answerSoap(
  service: SoapService,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const asked = readRequest(await readBody(request), request.headers['content-type'] ?? '')
    if (asked.namespace !== service.namespace || !Object.hasOwn(service.operations, asked.operation))
      throw refused(`there is no operation ${asked.operation}; see the WSDL`)
    const { fields, answer } = service.operations[asked.operation] as Operation
    const { content, attachment } = await answer(readFields(asked.fields, fields), asked.header)
    const envelope = writeAnswer(asked, content)
    if (!attachment) return send(response, 200, 'text/xml; charset=UTF-8', Buffer.from(envelope))
    const { contentType, body } = writeMultipart(envelope, attachment, attachment.xop ?? false)
    send(response, 200, contentType, body)
  } catch (error) {
    // What is not a fault is our own mistake: the caller learns no more than that.
    const fault =
      error instanceof SoapFault ? error : new SoapFault('Server', 'internal_error', 'the register could not answer')
    if (!request.complete) response.setHeader('Connection', 'close')
    send(response, 500, 'text/xml; charset=UTF-8', Buffer.from(writeFault(fault)))
  }
}

function readFields(elements: readonly XmlElement[], names: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const { namespace, local, text, children } of elements) {
    if (namespace !== '' || !names.includes(local)) throw refused(`the operation takes no element ${local}`)
    if (local in fields) throw refused(`element ${local} stands twice`)
    if (children.length > 0 || text.length > MAX_FIELD) throw refused(`element ${local} is a short text`)
    fields[local] = text.trim()
  }
  for (const name of names) if (!(name in fields)) throw refused(`the operation needs an element ${name}`)
  return fields
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_BODY) throw refused(`a message has at most ${MAX_BODY} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function send(response: ServerResponse, status: number, type: string, body: Buffer): void {
  if (response.destroyed) return
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': body.length })
  response.end(body)
}
