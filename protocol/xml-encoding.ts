// From bytes to the text of an XML document and back (XML 1.0 §4.3.3, appendix F). A byte-order mark decides, then the declaration, then UTF-8;
// what the document says of itself must agree, which the reader checks (xml-saxes.ts). Charsets of HTTP and MIME decide nothing
// (wire-client §2.5).
import { ProtocolError } from './error.ts'

export type XmlEncoding = 'UTF-8' | 'ISO-8859-1' | 'UTF-16LE' | 'UTF-16BE'

export interface XmlText {
  readonly bytes: Uint8Array
  /** Without the byte-order mark. */
  readonly text: string
  readonly encoding: XmlEncoding
  /** Bytes of the byte-order mark. */
  readonly mark: number
}

/** How a declaration may call each encoding. */
const NAMES: Record<XmlEncoding, RegExp> = {
  'UTF-8': /^(?:utf-8|us-ascii)$/i,
  'ISO-8859-1': /^(?:iso-8859-1|latin1)$/i,
  'UTF-16LE': /^utf-16(?:le)?$/i,
  'UTF-16BE': /^utf-16(?:be)?$/i,
}

/** A declaration that names the one encoding which cannot be told by its bytes; it stands at the very beginning. */
const LATIN = /^<\?xml[ \t\r\n][^<>]{0,200}?[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*["'](?:iso-8859-1|latin1)["']/i
const DECLARATION_LENGTH = 256

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Decodes UTF-8 alone. Throws ProtocolError `invalid_xml`. */
export function decodeUtf8Xml(bytes: Uint8Array): XmlText {
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  return { bytes, text: decode(UTF8, mark === 0 ? bytes : bytes.subarray(mark)), encoding: 'UTF-8', mark }
}

/** Decodes UTF-8, UTF-16 with a byte-order mark, and ISO-8859-1 that says so. Throws ProtocolError `invalid_xml`. */
export function decodeXml(bytes: Uint8Array): XmlText {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return utf16(bytes, 'UTF-16LE')
  if (first === 0xfe && second === 0xff) return utf16(bytes, 'UTF-16BE')
  if (first === 0x3c) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    // Not by TextDecoder, whose ISO-8859-1 is windows-1252.
    if (LATIN.test(buffer.toString('latin1', 0, DECLARATION_LENGTH)))
      return { bytes, text: buffer.toString('latin1'), encoding: 'ISO-8859-1', mark: 0 }
  }
  return decodeUtf8Xml(bytes)
}

/** Whether a document in that encoding may declare this name. */
export function mayDeclare(encoding: XmlEncoding, name: string): boolean {
  return NAMES[encoding].test(name)
}

/** Where in the bytes of the document a place of its text is. */
export function byteOffset(document: XmlText, at: number): number {
  const { encoding, mark, text } = document
  if (encoding === 'ISO-8859-1') return at
  return mark + (encoding === 'UTF-8' ? Buffer.byteLength(text.slice(0, at)) : 2 * at)
}

/** Markup in that encoding; characters that it lacks become references, so they may stand in text and attribute values only. */
export function encodeXml(markup: string, encoding: XmlEncoding): Uint8Array {
  switch (encoding) {
    case 'UTF-8':
      return Buffer.from(markup)
    case 'ISO-8859-1':
      return Buffer.from(
        markup.replace(/[^\0-\u00FF]/gu, (character) => `&#${character.codePointAt(0)};`),
        'latin1',
      )
    case 'UTF-16LE':
      return Buffer.from(markup, 'utf16le')
    case 'UTF-16BE':
      return Buffer.from(markup, 'utf16le').swap16()
  }
}

function utf16(bytes: Uint8Array, encoding: 'UTF-16LE' | 'UTF-16BE'): XmlText {
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true })
  return { bytes, text: decode(decoder, bytes.subarray(2)), encoding, mark: 2 }
}

function decode(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new ProtocolError('invalid_xml', `XML refused: not ${decoder.encoding.toUpperCase()}`, { cause })
  }
}
