// Consumer: response verified → **logged** (wire-message §6.2, in its order). Nothing of it reaches the information system before.
import { fault, prefixed, transportHeaders, XRoadFault } from '#protocol'
import { type Gateway, validConfiguration } from '../exchange/gateway.ts'
import { chunksOf, StalledError } from '../exchange/idle.ts'
import { type Incoming, type Reading, readIncoming } from '../exchange/incoming.ts'
import { record } from '../exchange/record.ts'
import { ReceivedFault } from '../exchange/refusals.ts'
import { hashMessage, verify } from '../exchange/signing.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { Message } from './identify.ts'
import { type Sent, transportFault } from './send.ts'

const SIDE = 'server.clientproxy'

/** Bytes of the whole answer: a fault and what has come of a message before it. */
const MAX_BEHIND_FAULT = 1024 * 1024
const SETTLE_MS = 5_000

declare const recorded: unique symbol
/** A verified answer that the log holds. Only `receive` makes one; only it may be delivered. */
export interface Recorded<A> {
  readonly [recorded]: true
  readonly answer: A
  readonly body: BodyReference | undefined
  /** The header lines of each attachment's part. */
  readonly lines: readonly string[]
  /** What the service said its answer is, if its server tells: of SOAP. */
  readonly originalContentType: string | undefined
  readonly seq: number
}

/** What each protocol says of its answer: rest.ts and soap.ts. `P` is what it takes from the message's part. */
export interface Expected<P extends { readonly bytes: Uint8Array }, A>
  extends Pick<Reading<P>, 'missing' | 'message' | 'mostAttached'> {
  /** What is kept of it where bodies are not logged. */
  reduced(part: P): Uint8Array
  /** The answer, once its signature is verified, if it belongs to the request. Throws XRoadFault, ProtocolError. */
  check(part: P): A
}

/** Reads, verifies and logs the answer. Throws XRoadFault; a fault of the provider passes unchanged. */
export async function receive<P extends { readonly bytes: Uint8Array }, A>(
  gateway: Gateway,
  sent: Sent<Message>,
  expected: Expected<P, A>,
): Promise<Recorded<A>> {
  let body: BodyReference | undefined
  sent.exchange.watched.stage('receive')
  try {
    const incoming = await readAnswer(gateway, sent, expected)
    body = incoming.body
    const finished = await conclude(gateway, sent, incoming, expected)
    sent.connection.release()
    return finished
  } catch (error) {
    if (error instanceof ReceivedFault) void settle(sent)
    // The rest of the answer, if any, is not worth reading.
    else sent.connection.discard()
    // The body of a refused one is not kept.
    if (body !== undefined) await gateway.messageLog.drop(body)
    throw error
  }
}

/**
 * A provider that refuses has broken nothing, and its connection carries the next message. Behind a fault comes the end of the multipart,
 * for which nobody waits; what is longer or slower than that costs the connection.
 */
async function settle({ connection, response: { body } }: Sent<Message>): Promise<void> {
  await body.dump({ limit: MAX_BEHIND_FAULT, signal: AbortSignal.timeout(SETTLE_MS) }).catch(() => {})
  if (body.readableEnded) connection.release()
  else connection.discard()
}

async function readAnswer<P extends { readonly bytes: Uint8Array }>(
  gateway: Gateway,
  sent: Sent<Message>,
  expected: Pick<Reading<P>, 'missing' | 'message' | 'mostAttached'>,
): Promise<Incoming<P>> {
  const { statusCode, headers, body } = sent.response
  if (statusCode !== 200 && statusCode !== 500)
    throw fault(SIDE, 'http_error', `The provider security server answered with HTTP status ${statusCode}`)
  const contentType = first(headers['content-type'])
  if (contentType === undefined)
    throw fault(SIDE, 'invalid_content_type', 'The answer of the provider security server has no Content-Type')
  try {
    const logsBodies = () => sent.exchange.logsBodies
    const reading = { ...expected, side: SIDE, role: 'response', logsBodies } as const
    return await readIncoming(gateway.messageLog, chunksOf(body, gateway.idleMs), contentType, reading)
  } catch (error) {
    throw error instanceof XRoadFault ? error : decodingFault(error, sent)
  }
}

/** Signature, consistency with the request, log: in this order (wire-message §6.2 rows 8–10). */
async function conclude<P extends { readonly bytes: Uint8Array }, A>(
  gateway: Gateway,
  sent: Sent<Message>,
  incoming: Incoming<P>,
  expected: Expected<P, A>,
): Promise<Recorded<A>> {
  const { message, body, lines, signature } = incoming
  const { headers } = sent.response
  const algorithm = first(headers[transportHeaders.hashAlgorithm])
  if (algorithm?.toUpperCase() !== 'SHA-512')
    throw fault(
      `${SIDE}.service_failed`,
      'invalid_message',
      `The answer names the hash algorithm '${algorithm ?? ''}', not SHA-512`,
    )
  const configuration = validConfiguration(gateway, SIDE)
  const hashed = hashMessage(message.bytes, body)
  verify(gateway, SIDE, sent.provider, hashed, signature, configuration)
  let answer: A
  try {
    answer = expected.check(message)
  } catch (error) {
    throw prefixed(error, `${SIDE}.service_failed`)
  }
  const { head, headDigest } = hashed
  const reduced = () => expected.reduced(message)
  const seq = await record(gateway, sent.exchange, {
    direction: 'response',
    head,
    headDigest,
    reduced,
    body,
    ...signature,
  })
  // A crash here leaves a logged response that the information system did not get: it asks again under a new request id.
  const originalContentType = first(headers[transportHeaders.originalContentType])
  return { answer, body, lines, originalContentType, seq } as Recorded<A>
}

/** The stream broke, or was not a multipart, while it was decoded. */
function decodingFault(error: unknown, sent: Sent<Message>): XRoadFault {
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
