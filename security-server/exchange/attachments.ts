// The attachments of a SOAP message: on their way from one multipart into another, and behind a message that is handed over.
import type { SoapContent, SoapMessage, TransportWriter } from '#protocol'
import { deliverSoap } from '#protocol'
import type { BodyReference, MessageLog } from '../message-log/index.ts'
import type { Attached } from './compose.ts'

/** Attachments as they come from an information system, for the message that goes to the other security server. */
export async function* attachedTo(
  first: SoapContent,
  rest: AsyncGenerator<SoapContent>,
  writer: TransportWriter,
): AsyncGenerator<Attached> {
  try {
    for (let part: SoapContent | undefined = first; part !== undefined; ) {
      if (part.kind !== 'attachment') throw new TypeError('Only attachments come behind a message')
      yield {
        opening: writer.attachment(part.lines),
        start: { head: [], size: 0, rest: part.body[Symbol.asyncIterator]() },
      }
      const next = await rest.next()
      part = next.done ? undefined : next.value
    }
  } finally {
    await rest.return(undefined)
  }
}

/** A message that came, with what is attached to it. */
export interface Delivered {
  readonly message: SoapMessage
  /** Header lines of the message's part. */
  readonly lines: string
  readonly body: BodyReference | undefined
  /** Header lines of each attachment's part. */
  readonly attachmentLines: readonly string[]
}

/** What is handed to a service or an information system, and how long it is. */
export interface Handover {
  readonly contentType: string
  readonly size: number
  readonly content: Uint8Array | AsyncGenerator<Uint8Array>
}

/**
 * Alone, or as a multipart with the attachments streamed from the log.
 *
 * @param original Content-Type at the other end, if it is known.
 */
export function handOver(log: MessageLog, delivered: Delivered, original: string | undefined): Handover {
  const { message, lines, body, attachmentLines } = delivered
  const { contentType, writer } = deliverSoap(message, original, body !== undefined)
  if (writer === undefined) return { contentType, size: message.bytes.length, content: message.bytes }
  const first = Buffer.concat([writer.forward(lines), message.bytes])
  const openings = attachmentLines.map((each) => writer.forward(each))
  const end = writer.end()
  const size = openings.reduce((sum, { length }) => sum + length, first.length + (body?.size ?? 0) + end.length)
  return { contentType, size, content: pieces(log, first, openings, body, end) }
}

async function* pieces(
  log: MessageLog,
  first: Uint8Array,
  openings: readonly Uint8Array[],
  body: BodyReference | undefined,
  end: Uint8Array,
): AsyncGenerator<Uint8Array> {
  yield first
  if (body !== undefined)
    for (const [index, opening] of openings.entries()) {
      yield opening
      yield* log.read(body, index + 1)
    }
  yield end
}
