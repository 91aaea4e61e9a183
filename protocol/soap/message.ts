// One SOAP message (PR-MESS §2, wire-client §2.1–2.5): what the house knows of it, and its bytes, which are hashed, signed, sent and logged as they
// came and never written anew.
import { ProtocolError } from '../error.ts'
import { faultOf } from '../fault-formats.ts'
import type { XRoadFault } from '../faults.ts'
import { mediaType } from '../media-type.ts'
import type { XmlEncoding } from '../xml-encoding.ts'
import { attributeOf, isElement, type XmlElement } from '../xml-tree.ts'
import { readSoapDocument, type SoapDocument } from './document.ts'
import { readSoapHeader, readSoapParties, type SoapHeader } from './header.ts'
import { SOAP, SOAP_ENCODING } from './names.ts'

export interface SoapMessage extends SoapHeader {
  readonly bytes: Uint8Array
  /** Content-Type of the message, or of its part in a multipart, as written. */
  readonly contentType: string
  readonly encoding: XmlEncoding
  /** Local name of the one element in the body; begins with the service code. */
  readonly wrapper: string
  /** What asks and what answers are told apart by the wrapper's name. */
  readonly direction: 'request' | 'response'
  /** RPC/encoded style. It is relayed like any other. */
  readonly rpc: boolean
}

/** A message, or a fault in its place: with its bytes, because a service's own fault is relayed as it is. */
export type SoapRead =
  | { readonly kind: 'soap'; readonly message: SoapMessage }
  | { readonly kind: 'fault'; readonly fault: XRoadFault; readonly bytes: Uint8Array }

const SOAP_TYPES: ReadonlySet<string> = new Set(['text/xml', 'application/xop+xml'])

/**
 * Reads one SOAP message, at most 64 MiB.
 *
 * @throws ProtocolError `invalid_content_type`; `io_error`: a charset of that name does not exist; `invalid_soap`: no XML that is read here, no
 * SOAP 1.1 envelope, or a fault without a code; `missing_header`, `missing_header_field`, `duplicate_header_field`,
 * `invalid_protocol_version`, `invalid_xml`, `invalid_identifier`: of the header; `missing_body`, `invalid_body`: not exactly one element in
 * it; `inconsistent_headers`: the body's element is not named after the service.
 */
export function readSoap(bytes: Uint8Array, contentType: string): SoapRead {
  checkSoapType(contentType)
  return interpretSoap(readSoapDocument(bytes), contentType)
}

/**
 * What an auditor must know of a message that was logged, by whatever version of the protocol: who asks whom, and whether this is the answer.
 *
 * @throws ProtocolError as {@link readSoap}, for these facts alone; `invalid_message`: a fault, which nobody signs or logs.
 */
export function readLoggedSoap(
  bytes: Uint8Array,
): Pick<SoapMessage, 'client' | 'service' | 'direction'> & { readonly id?: string } {
  const document = readSoapDocument(bytes)
  const content = contentOf(document)
  if (content === undefined) throw oneElement()
  if (isFault(content)) throw new ProtocolError('invalid_message', 'A SOAP fault is not a message')
  return { ...readSoapParties(document.header), direction: directionOf(content) }
}

/** Whether a SOAP message may be of that type. Throws ProtocolError `invalid_content_type`, `io_error`. */
export function checkSoapType(contentType: string): void {
  const { type, parameters } = mediaType(contentType)
  if (!SOAP_TYPES.has(type))
    throw new ProtocolError('invalid_content_type', `A SOAP message cannot be of type ${type.slice(0, 100)}`)
  const charset = parameters.get('charset')?.trim()
  // What it says does not count, but it must be sayable.
  if (charset === undefined || charset === '' || /^utf-?8$/i.test(charset)) return
  try {
    new TextDecoder(charset)
  } catch (cause) {
    throw new ProtocolError('io_error', `The charset ${charset.slice(0, 100)} is unknown`, { cause })
  }
}

/** Throws as {@link readSoap}. */
export function interpretSoap(document: SoapDocument, contentType: string): SoapRead {
  const { bytes, encoding, root, body } = document
  const content = contentOf(document)
  // A fault needs no header (wire-client §2.9).
  if (content !== undefined && isFault(content)) return { kind: 'fault', fault: faultOf(content), bytes }
  const header = readSoapHeader(document.header)
  if (body === undefined) throw new ProtocolError('missing_body', 'Malformed SOAP message: it has no body')
  if (content === undefined) throw oneElement()
  const wrapper = content.local
  if (!wrapper.startsWith(header.service.serviceCode))
    throw new ProtocolError('inconsistent_headers', 'Malformed SOAP message: header and body name different services')
  return {
    kind: 'soap',
    message: {
      ...header,
      bytes,
      contentType,
      encoding,
      wrapper,
      direction: directionOf(content),
      rpc: attributeOf(root, 'encodingStyle', SOAP) === SOAP_ENCODING,
    },
  }
}

/** The element in the body, if there is one. */
function contentOf({ body }: SoapDocument): XmlElement | undefined {
  const [content, ...others] = body?.children.filter(isElement) ?? []
  if (others.length > 0) throw oneElement()
  return content
}

function isFault(content: XmlElement): boolean {
  return content.namespace === SOAP && content.local === 'Fault'
}

function directionOf(content: XmlElement): 'request' | 'response' {
  return content.local.endsWith('Response') ? 'response' : 'request'
}

function oneElement(): ProtocolError {
  return new ProtocolError('invalid_body', 'Malformed SOAP message: its body must have exactly one element')
}
