// Provider: service called → response head, body → signed → **logged** → sent. From here on an error is a part of the
// multipart answer (wire-message §2.3, REST).
import type { ServerResponse } from 'node:http'
import {
  buildRestResponse,
  mimeTypes,
  prefixed,
  type RestResponseHead,
  randomBoundary,
  type TransportWriter,
  transportHeaders,
  transportWriter,
  writeSoapFault,
} from '#protocol'
import { type BodyStart, keepSmall, passThrough, startBody } from '../exchange/body.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { chunksOf } from '../exchange/idle.ts'
import { hashMessage, sign } from '../exchange/signing.ts'
import { endWith, writeChunk } from '../exchange/write.ts'
import type { BodyReference } from '../message-log/index.ts'
import { type Accepted, record } from './accept.ts'
import { callFault, type ServiceAnswer } from './call.ts'
import { note } from './listener.ts'

const SIDE = 'server.serverproxy'
const EMPTY: BodyStart = { head: [], size: 0, rest: undefined }

export async function reply(gateway: Gateway, request: Accepted, response: ServerResponse): Promise<void> {
  const writer = transportWriter(randomBoundary('xtop'))
  response.sendDate = false
  let answer: ServiceAnswer | undefined
  try {
    answer = await gateway.caller.call(request, gateway.messageLog)
    const head = buildRestResponse({
      status: answer.status,
      reason: answer.reason,
      rawHeaders: answer.rawHeaders,
      request: request.head,
      requestId: request.requestId,
      requestHash: request.requestHash,
    })
    const start = await beginBody(answer)
    if (start?.rest === undefined) await sendWhole(gateway, request, head, start, writer, response)
    else await sendStreaming(gateway, request, head, start, writer, response)
    gateway.counters.count('provider', 'ok')
  } catch (error) {
    const refusal = prefixed(error, SIDE)
    note(gateway, refusal, { requestId: request.requestId, service: request.head.service })
    if (response.destroyed) return
    if (!response.headersSent) begin(response, writer)
    const part = writer.part(mimeTypes.fault, writeSoapFault(refusal))
    endWith(response, Buffer.concat([part, writer.end()]), gateway.idleMs)
  } finally {
    // An answer that is not read to its end would hold its connection to the service for ever: a paused body has no time limit.
    answer?.body.on('error', () => {}).destroy()
  }
}

async function beginBody(answer: ServiceAnswer): Promise<BodyStart | undefined> {
  if (!answer.hasBody) {
    // HEAD, 204 and 304 have none; whatever follows on the wire is not one.
    await answer.body.dump()
    return undefined
  }
  try {
    return (await startBody(chunksOf(answer.body, 0))) ?? EMPTY
  } catch (error) {
    throw callFault(error)
  }
}

/** The usual answer: one buffer with a known length. */
async function sendWhole(
  gateway: Gateway,
  request: Accepted,
  head: RestResponseHead,
  start: BodyStart | undefined,
  writer: TransportWriter,
  response: ServerResponse,
): Promise<void> {
  const body = start === undefined ? undefined : await keepSmall(gateway.messageLog, start.head)
  const pieces = [writer.part(mimeTypes.restResponse, head.bytes)]
  if (start !== undefined) pieces.push(writer.part(mimeTypes.restBody, Buffer.concat(start.head)))
  pieces.push(...(await signature(gateway, request, head, body, writer)))
  const bytes = Buffer.concat(pieces)
  begin(response, writer, bytes.length)
  endWith(response, bytes, gateway.idleMs)
}

/** A long answer: on its way to the consumer while it is spooled and hashed here. */
async function sendStreaming(
  gateway: Gateway,
  request: Accepted,
  head: RestResponseHead,
  start: BodyStart,
  writer: TransportWriter,
  response: ServerResponse,
): Promise<void> {
  const spool = gateway.messageLog.spool()
  let body: BodyReference
  try {
    begin(response, writer)
    await write(
      gateway,
      response,
      Buffer.concat([writer.part(mimeTypes.restResponse, head.bytes), writer.open(mimeTypes.restBody)]),
    )
    try {
      for await (const chunk of passThrough(start, spool)) await write(gateway, response, chunk)
    } catch (error) {
      throw response.destroyed ? error : callFault(error)
    }
    body = await spool.finish()
  } catch (error) {
    await spool.discard()
    throw error
  }
  endWith(response, Buffer.concat(await signature(gateway, request, head, body, writer)), gateway.idleMs)
}

async function signature(
  gateway: Gateway,
  request: Accepted,
  head: RestResponseHead,
  body: BodyReference | undefined,
  writer: TransportWriter,
): Promise<Uint8Array[]> {
  try {
    return await signAndRecord(gateway, request, head, body, writer)
  } finally {
    // Passed on already; a record keeps it, or nothing does.
    if (body !== undefined) await gateway.messageLog.drop(body)
  }
}

async function signAndRecord(
  gateway: Gateway,
  request: Accepted,
  head: RestResponseHead,
  body: BodyReference | undefined,
  writer: TransportWriter,
): Promise<Uint8Array[]> {
  const signed = await sign(gateway, SIDE, request.provider, hashMessage(head.bytes, body))
  // Evidence before it leaves: a crash here leaves a record of an answer that was not delivered; the consumer reports
  // io_error and has no record of an answer. A crash before leaves neither, and the request's record says it was asked.
  await record(gateway, request, {
    direction: 'response',
    head: head.bytes,
    body,
    signature: signed.xml,
    ...(signed.chain ? { chain: signed.chain } : {}),
    ...(signed.chainResult ? { chainResult: signed.chainResult } : {}),
  })
  const pieces: Uint8Array[] = []
  if (signed.chainResult !== undefined) pieces.push(writer.part(mimeTypes.chainResult, signed.chainResult))
  if (signed.chain !== undefined) pieces.push(writer.part(mimeTypes.chain, signed.chain))
  pieces.push(writer.part(mimeTypes.signature, signed.xml), writer.end())
  return pieces
}

/** The lower-case name is what the reference looks for (wire-message §2.1, hard trap). */
function begin(response: ServerResponse, writer: TransportWriter, length?: number): void {
  const headers = ['Content-Type', writer.contentType, transportHeaders.hashAlgorithm, 'SHA-512']
  if (length !== undefined) headers.push('Content-Length', String(length))
  response.writeHead(200, headers)
}

async function write(gateway: Gateway, response: ServerResponse, chunk: Uint8Array): Promise<void> {
  if (!(await writeChunk(response, chunk, gateway.idleMs)))
    throw new Error('the consumer security server closed the connection')
}
