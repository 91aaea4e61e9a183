// The parts of a transport message as they come, from either side and by either protocol: small ones held, attachments hashed and spooled.
import type { FaultCode, TransportPart } from '#protocol'
import { fault, readTransport, type Side } from '#protocol'
import { type BodyReference, type BodySpool, type Keeping, LogError, type MessageLog } from '../message-log/index.ts'
import { logRefusal, ReceivedFault } from './refusals.ts'
import type { ReceivedSignature } from './signing.ts'

const MAX_ATTACHMENTS = 10_000
/** Of the header lines of one attachment, and of all attachments of a message. */
const MAX_LINES = 4096
const MAX_ALL_LINES = 4 * 1024 * 1024

/** Complete and in legal order, not yet believed. */
export interface Incoming<M> {
  readonly message: M
  /** The REST body, or all attachments of a SOAP message. */
  readonly body: BodyReference | undefined
  /** The header lines of each attachment's part; none of a REST body. */
  readonly lines: readonly string[]
  readonly signature: ReceivedSignature
}

/** The part that is the message itself. */
export type MessagePart = Extract<TransportPart, { readonly kind: 'rest-request' | 'rest-response' | 'soap' }>

/** What is read, and by whom. */
export interface Reading<M> {
  readonly side: Exclude<Side, 'client'>
  readonly role: 'request' | 'response'
  /** What it is called when no message came. */
  readonly missing: FaultCode & `missing_${string}`
  /**
   * Called as soon as the message is known, before anything attached to it is read. Undefined for a message of the other protocol.
   *
   * @param ocsp The OCSP answers that came before it; of a request.
   */
  message(part: MessagePart, ocsp: readonly Uint8Array[]): M | undefined
  /** Whether the log keeps what is attached to a message; else it waits here only until it is passed on. */
  logsBodies(message: M): boolean
  /** How many octets may be attached to a message, 0 for none; any number, when absent. */
  mostAttached?(message: M): number
}

/**
 * Reads to the end. What was spooled of a message that is refused here is dropped; of one that is returned the caller drops it.
 *
 * @throws XRoadFault: what `message` refuses, parts that are missing or out of place, `logging_failed`, a {@link ReceivedFault}; ProtocolError of
 * the multipart; errors of the source.
 */
export async function readIncoming<M>(
  log: MessageLog,
  source: AsyncIterable<Uint8Array>,
  contentType: string,
  reading: Reading<M>,
): Promise<Incoming<M>> {
  const { side, role, missing } = reading
  const ocsp: Uint8Array[] = []
  const lines = new HeaderLines(side)
  let spool: BodySpool | undefined
  const signature: { -readonly [K in keyof ReceivedSignature]?: ReceivedSignature[K] } = {}
  let message: M | undefined
  let attached = 0
  try {
    for await (const part of readTransport(source, contentType, role)) {
      switch (part.kind) {
        case 'ocsp':
          if (role === 'response') throw misplaced(reading, part.kind)
          ocsp.push(part.der)
          break
        case 'rest-request':
        case 'rest-response':
        case 'soap':
          message = reading.message(part, ocsp)
          if (message === undefined) throw misplaced(reading, part.kind)
          break
        case 'rest-body':
        case 'attachment':
          if (spool === undefined) spool = log.spool(keepingOf(reading, message))
          else spool.next()
          if (part.kind === 'attachment') lines.keep(part.lines)
          for await (const chunk of part.body) {
            attached += chunk.length
            const most = message === undefined ? undefined : reading.mostAttached?.(message)
            if (most === 0) throw misplaced(reading, part.kind)
            if (most !== undefined && attached > most) throw tooLong(reading, most)
            await spool.write(chunk)
          }
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
        case 'fault':
          if (role === 'response') throw new ReceivedFault(part.fault, part.bytes)
          throw fault(`${side}.service_failed`, 'invalid_message', 'A request must not be a fault')
      }
    }
    if (message === undefined) throw fault(side, missing, `The ${role} has no message`)
    if (signature.signature === undefined) throw fault(side, 'missing_signature', `The ${role} has no signature`)
    const body = await spool?.finish()
    return { message, body, lines: lines.kept, signature: signature as ReceivedSignature }
  } catch (error) {
    await spool?.discard()
    throw error instanceof LogError ? logRefusal(side, error) : error
  }
}

/** Without a message, out of order, it is refused when the message does not come. */
function keepingOf<M>(reading: Reading<M>, message: M | undefined): Keeping {
  return message === undefined || !reading.logsBodies(message) ? 'passed-on' : 'kept'
}

/** Headers of attachments are held in memory until the message has been passed on. */
class HeaderLines {
  readonly kept: string[] = []
  readonly #side: Side
  #size = 0

  constructor(side: Side) {
    this.#side = side
  }

  keep(lines: string): void {
    this.#size += lines.length
    if (this.kept.length >= MAX_ATTACHMENTS || lines.length > MAX_LINES || this.#size > MAX_ALL_LINES)
      throw fault(
        `${this.#side}.service_failed`,
        'mime_parsing_failed',
        'There are too many attachments, or they have long headers',
      )
    this.kept.push(lines)
  }
}

function tooLong({ side, role }: Reading<unknown>, most: number): Error {
  return fault(`${side}.service_failed`, 'invalid_message', `To this ${role} at most ${most} octets may be attached`)
}

function misplaced({ side, role }: Reading<unknown>, kind: string): Error {
  return fault(
    `${side}.service_failed`,
    role === 'request' ? 'invalid_content_type' : 'invalid_message',
    `The ${role} must not carry a part of kind ${kind}`,
  )
}
