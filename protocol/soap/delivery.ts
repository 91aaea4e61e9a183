// How a message that came over the transport is given to a service or to an information system (wire-client §2.4, §2.8): alone, or as a multipart
// when it has attachments or came as one.
import { mediaType, withParameter } from '../media-type.ts'
import { type MultipartWriter, multipartWriter, randomBoundary } from '../multipart-writer.ts'
import type { SoapMessage } from './message.ts'

export interface SoapDelivery {
  readonly contentType: string
  /** `forward` the lines of the message's part and its bytes, then those of each attachment, then `end`. Undefined: the bytes are the content. */
  readonly writer?: MultipartWriter
}

/**
 * The original Content-Type is kept, but for the boundary. It comes from the peer's unsigned header `x-original-content-type`: with a boundary of
 * his choice the receiver would find parts in a body that were signed and logged as that body.
 *
 * @param original Content-Type that the other information system sent, if the peer told it.
 */
export function deliverSoap(message: SoapMessage, original: string | undefined, attachments: boolean): SoapDelivery {
  const kept = original !== undefined && isRelated(original) ? original : undefined
  if (kept === undefined && !attachments) return { contentType: `text/xml; charset=${charsetOf(message)}` }
  const boundary = randomBoundary('xatt')
  return {
    contentType: withParameter(kept ?? 'multipart/related; type="text/xml"', 'boundary', boundary),
    writer: multipartWriter(boundary),
  }
}

function isRelated(contentType: string): boolean {
  try {
    return mediaType(contentType).type === 'multipart/related'
  } catch {
    return false
  }
}

/** The reference says UTF-8 of every message. */
function charsetOf({ encoding }: SoapMessage): string {
  return encoding.startsWith('UTF-16') ? 'UTF-16' : encoding
}
