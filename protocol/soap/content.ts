// What an information system posts, or a service answers: SOAP alone, or SOAP with attachments (wire-client §2.4, §2.8). The message is held in
// memory, attachments stream by and are not decoded.
import { MAX_SOAP_BYTES } from '../envelope.ts'
import { ProtocolError } from '../error.ts'
import { contentTypeIn, mediaType } from '../media-type.ts'
import { collect, type HeaderList, type MimePart, readMultipart } from '../multipart.ts'
import { checkSoapType, readSoap, type SoapRead } from './message.ts'

/** What comes, in this order: one message, then its attachments; or a fault, after which nothing is read. */
export type SoapContent =
  | (Extract<SoapRead, { kind: 'soap' }> & {
      /** The header lines of its part; of a message alone, its Content-Type. */
      readonly lines: string
    })
  | Extract<SoapRead, { kind: 'fault' }>
  | {
      readonly kind: 'attachment'
      /** From 1, in the order in which they came. */
      readonly number: number
      readonly headers: HeaderList
      /** The header lines as they came. */
      readonly lines: string
      /** As transmitted, whatever its transfer encoding: so it is hashed. To be read before the next part is asked for. */
      readonly body: AsyncIterable<Uint8Array>
    }

/** Attachments that are multiparts themselves are taken apart, and their parts counted on (wire-client §2.8). */
const MAX_NESTING = 5
const MAX_ATTACHMENTS = 10_000

/**
 * Reads SOAP content part by part. The first part is the message, by its place: `start` and Content-ID do not count. Nothing comes of a
 * multipart without parts; the caller says what is missing.
 *
 * @param read `readSoap`, or `readSoapAnswer` with the request's hash.
 * @throws ProtocolError `invalid_content_type`: of the content or of a part, also when a part has none; `invalid_message`: the message is over
 * 16 MiB; `mime_parsing_failed`, `io_error`: a broken multipart, too deep, too many parts; what `read` refuses. Errors of the source pass
 * through.
 */
export async function* readSoapContent(
  source: AsyncIterable<Uint8Array>,
  contentType: string,
  read: (bytes: Uint8Array, contentType: string) => SoapRead = readSoap,
): AsyncGenerator<SoapContent> {
  if (mediaType(contentType).type !== 'multipart/related') {
    checkSoapType(contentType)
    const message = read(await collect(source, MAX_SOAP_BYTES), contentType)
    yield message.kind === 'fault' ? message : { ...message, lines: `content-type: ${contentType}\r\n` }
    return
  }
  let number = -1
  for await (const part of leaves(source, contentType, 1)) {
    const { headers, lines, body } = part
    if (contentTypeIn(headers) === undefined)
      throw new ProtocolError('invalid_content_type', 'A part of the SOAP content has no Content-Type')
    if (++number > MAX_ATTACHMENTS) throw new ProtocolError('mime_parsing_failed', 'There are too many attachments')
    if (number > 0) {
      yield { kind: 'attachment', number, headers, lines, body }
      continue
    }
    checkSoapType(part.contentType)
    const message = read(await collect(body, MAX_SOAP_BYTES), part.contentType)
    yield message.kind === 'fault' ? message : { ...message, lines }
    if (message.kind === 'fault') return
  }
}

/** The parts that are no multiparts. */
async function* leaves(
  source: AsyncIterable<Uint8Array>,
  contentType: string,
  depth: number,
): AsyncGenerator<MimePart> {
  const boundary = mediaType(contentType).parameters.get('boundary')
  if (boundary === undefined)
    throw new ProtocolError('invalid_content_type', 'The Content-Type of a multipart has no boundary')
  if (depth > MAX_NESTING) throw new ProtocolError('mime_parsing_failed', 'Multiparts are nested too deeply')
  let parts = 0
  try {
    for await (const part of readMultipart(source, boundary)) {
      parts++
      if (part.mediaType.startsWith('multipart/')) yield* leaves(part.body, part.contentType, depth + 1)
      else yield part
    }
  } catch (error) {
    // No delimiter came at all: then there is no part (wire-client §2.4).
    if (parts > 0 || depth > 1 || !(error instanceof ProtocolError) || error.code !== 'io_error') throw error
  }
}
