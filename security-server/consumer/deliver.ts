// Consumer, last stage: the logged answer goes to the information system, as the service gave it.
import type { ServerResponse } from 'node:http'
import type { RestResponseHead } from '#protocol'
import { handOver } from '../exchange/attachments.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { endWith, writeChunk } from '../exchange/write.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { Recorded } from './receive.ts'
import type { AnswerPart } from './soap.ts'

/**
 * With the service's status, reason and headers. Resolves when it is out or the information system has gone (then the log still
 * has it).
 */
export async function deliverRest(
  gateway: Gateway,
  response: Recorded<RestResponseHead>,
  to: ServerResponse,
): Promise<void> {
  const { answer: head, body } = response
  const headers = head.headers.flat()
  if (head.headers.some(([name]) => name.toLowerCase() === 'date')) to.sendDate = false
  if (body !== undefined) headers.push('Content-Length', String(body.size))
  else if (head.status !== 204 && head.status !== 304 && to.req.method !== 'HEAD') headers.push('Content-Length', '0')
  to.writeHead(head.status, head.reason, headers)
  if (body === undefined || body.inline !== undefined) return endWith(to, body?.inline, gateway.idleMs)
  try {
    await copy(gateway, gateway.messageLog.read(body), to)
  } finally {
    await done(gateway, body)
  }
}

/** A SOAP answer, alone or with its attachments. Resolves as {@link deliverRest}. */
export async function deliverAnswer(
  gateway: Gateway,
  response: Recorded<AnswerPart>,
  to: ServerResponse,
): Promise<void> {
  const { answer, body, lines, originalContentType } = response
  const delivered = { ...answer, body, attachmentLines: lines }
  try {
    const { contentType, size, content } = handOver(gateway.messageLog, delivered, originalContentType)
    to.writeHead(200, ['Content-Type', contentType, 'Content-Length', String(size)])
    if (content instanceof Uint8Array) return endWith(to, content, gateway.idleMs)
    await copy(gateway, content, to)
  } finally {
    await done(gateway, body)
  }
}

async function copy(gateway: Gateway, content: AsyncIterable<Uint8Array>, to: ServerResponse): Promise<void> {
  for await (const chunk of content) if (!(await writeChunk(to, chunk, gateway.idleMs))) return
  endWith(to, undefined, gateway.idleMs)
}

/** A record keeps the body; one beyond the logging limit has done its work, delivered or not. */
async function done(gateway: Gateway, body: BodyReference | undefined): Promise<void> {
  if (body !== undefined) await gateway.messageLog.drop(body)
}
