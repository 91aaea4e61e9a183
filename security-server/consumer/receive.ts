// Consumer: response verified → **logged** (wire-message §6.2, in its order). Nothing of it reaches the information system before.
import type { GlobalConfiguration } from '#global-configuration'
import type { RestResponseHead } from '#protocol'
import {
  checkRestConsistency,
  fault,
  parseRestResponse,
  prefixed,
  readTransport,
  transportHeaders,
  XRoadFault,
} from '#protocol'
import { spoolWhole } from '../exchange/body.ts'
import { type Gateway, validConfiguration } from '../exchange/gateway.ts'
import { chunksOf, StalledError } from '../exchange/idle.ts'
import { hashMessage, type ReceivedSignature, verify } from '../exchange/signing.ts'
import type { BodyReference } from '../message-log/index.ts'
import { record, type Sent, transportFault } from './send.ts'

const SIDE = 'server.clientproxy'

declare const recorded: unique symbol
/** A verified response that the log holds. Only `receive` makes one; only it may be delivered. */
export interface Recorded {
  readonly [recorded]: true
  readonly head: RestResponseHead
  readonly body: BodyReference | undefined
  readonly seq: number
}

/** The parts of a transport response, complete and in legal order, not yet believed. */
interface ReceivedParts {
  readonly head: Uint8Array
  readonly body: BodyReference | undefined
  readonly signature: ReceivedSignature
}

/** Reads, verifies and logs the answer. Throws XRoadFault; a fault of the provider passes unchanged. */
export async function receive(gateway: Gateway, sent: Sent): Promise<Recorded> {
  let body: BodyReference | undefined
  try {
    const parts = await readParts(gateway, sent, (spooled) => {
      body = spooled
    })
    const finished = await conclude(gateway, sent, parts)
    sent.connection.release()
    return finished
  } catch (error) {
    // The rest of the answer, if any, is not worth reading, and the body of a refused one is not kept.
    sent.connection.discard()
    if (body !== undefined) await gateway.messageLog.drop(body)
    throw error
  }
}

async function readParts(gateway: Gateway, sent: Sent, onBody: (body: BodyReference) => void): Promise<ReceivedParts> {
  const { statusCode, headers, body } = sent.response
  if (statusCode !== 200 && statusCode !== 500)
    throw fault(SIDE, 'http_error', `The provider security server answered with HTTP status ${statusCode}`)
  const contentType = first(headers['content-type'])
  if (contentType === undefined)
    throw fault(SIDE, 'invalid_content_type', 'The answer of the provider security server has no Content-Type')
  let head: Uint8Array | undefined
  let content: BodyReference | undefined
  const signature: { -readonly [K in keyof ReceivedSignature]?: ReceivedSignature[K] } = {}
  try {
    for await (const part of readTransport(chunksOf(body, gateway.idleMs), contentType, 'response')) {
      switch (part.kind) {
        case 'fault':
          throw part.fault
        case 'rest-response':
          head = part.bytes
          break
        case 'rest-body':
          content = await spoolWhole(gateway.messageLog, part.body)
          onBody(content)
          break
        case 'chain-result':
          signature.chainResult = part.bytes
          break
        case 'chain':
          signature.chain = part.bytes
          break
        case 'signature':
          signature.signature = part.bytes
          break
        case 'ocsp':
        case 'soap':
        case 'attachment':
        case 'rest-request':
          throw fault(
            `${SIDE}.service_failed`,
            'invalid_message',
            `A REST answer must not carry a part of kind ${part.kind}`,
          )
      }
    }
  } catch (error) {
    throw error instanceof XRoadFault ? error : decodingFault(error, sent)
  }
  if (head === undefined)
    throw fault(SIDE, 'missing_rest', 'The answer of the provider security server has no REST response')
  if (signature.signature === undefined)
    throw fault(SIDE, 'missing_signature', 'The answer of the provider security server has no signature')
  const algorithm = first(headers[transportHeaders.hashAlgorithm])
  if (algorithm?.toUpperCase() !== 'SHA-512')
    throw fault(
      `${SIDE}.service_failed`,
      'invalid_message',
      `The answer names the hash algorithm '${algorithm ?? ''}', not SHA-512`,
    )
  return { head, body: content, signature: signature as ReceivedSignature }
}

/** Signature, consistency with the request, log: in this order (wire-message §6.2 rows 8–10). */
async function conclude(gateway: Gateway, sent: Sent, parts: ReceivedParts): Promise<Recorded> {
  const configuration: GlobalConfiguration = validConfiguration(gateway, SIDE)
  const message = hashMessage(parts.head, parts.body)
  verify(gateway, SIDE, sent.provider, message, parts.signature, configuration)
  let head: RestResponseHead
  try {
    head = parseRestResponse(parts.head)
  } catch (error) {
    throw prefixed(error, `${SIDE}.service_failed`)
  }
  checkRestConsistency(sent.head, head, sent.requestHash())
  const { signature, chain, chainResult } = parts.signature
  const seq = await record(gateway, {
    direction: 'response',
    request: sent,
    head: parts.head,
    body: parts.body,
    signature,
    ...(chain ? { chain } : {}),
    ...(chainResult ? { chainResult } : {}),
  })
  // A crash here leaves a logged response that the information system did not get: it asks again under a new request id.
  return { head, body: parts.body, seq } as Recorded
}

/** The stream broke, or was not a multipart, while it was decoded. */
function decodingFault(error: unknown, sent: Sent): XRoadFault {
  if (error instanceof StalledError)
    return fault(
      `${SIDE}.service_failed`,
      'io_error',
      `The answer of the provider security server stalled: ${error.message}`,
      { cause: error },
    )
  const { code } = error as { code?: string }
  if (code?.startsWith('UND_ERR') || code === 'ECONNRESET') {
    const broken = transportFault(error, sent.connection)
    // Before the first byte of the answer it was a network error; in the middle of it, an I/O error (wire-message §6.4).
    return broken.code.endsWith('.network_error')
      ? fault(
          `${SIDE}.service_failed`,
          'io_error',
          `The answer of the provider security server was cut: ${broken.message}`,
          { cause: error },
        )
      : broken
  }
  return prefixed(error, `${SIDE}.service_failed`)
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}
