// A XAdES signature as its time-stamps see it: which element each of them is over, in their order, and where new properties go. What may be
// read at all is signature-reader.ts's to say; this looks at the same document a second time.
import { attributeOf, childElements, isElement, readXml, type XmlElement } from '#protocol'
import { decodeBase64 } from '#trust'
import type { C14nMode } from '../c14n.ts'
import { c14nMode, DSIG, type ReadSignature, readSignature, XADES } from '../signature-reader.ts'
import { LongTermError } from './error.ts'

/** EN 319 132-1 §5.1.2: properties of the second generation. */
export const XADES_141 = 'http://uri.etsi.org/01903/v1.4.1#'

export interface SignatureView {
  readonly read: ReadSignature
  /** Of the document, without a byte-order mark. */
  readonly text: string
  /** The root, where it is not the signature itself. */
  readonly wrapper: XmlElement | undefined
  readonly signature: XmlElement
  readonly signedInfo: XmlElement
  readonly value: XmlElement
  readonly keyInfo: XmlElement
  readonly qualifying: XmlElement
  readonly signedProperties: XmlElement
  /** In the order of SignedInfo. `mode`: of its transform. */
  readonly references: readonly { readonly uri: string; readonly mode: C14nMode | undefined }[]
  /** Unsigned signature properties in their order. */
  readonly unsigned: readonly XmlElement[]
}

/** A time-stamp as a property holds it. */
export interface TimestampProperty {
  readonly element: XmlElement
  readonly mode: C14nMode
  /** DER. */
  readonly token: Uint8Array
}

/** Throws what readSignature throws. */
export function viewSignature(xml: Uint8Array): SignatureView {
  const read = readSignature(xml)
  const root = readXml(xml)
  const wrapper = root.local === 'Signature' ? undefined : root
  const signature = wrapper === undefined ? root : one(root, DSIG, 'Signature')
  const signedInfo = one(signature, DSIG, 'SignedInfo')
  const qualifying = one(one(signature, DSIG, 'Object'), XADES, 'QualifyingProperties')
  const properties = maybe(maybe(qualifying, XADES, 'UnsignedProperties'), XADES, 'UnsignedSignatureProperties')
  return {
    read,
    text: Buffer.from(xml.buffer, xml.byteOffset, xml.length)
      .toString('utf8')
      .replace(/^\uFEFF/, ''),
    wrapper,
    signature,
    signedInfo,
    value: one(signature, DSIG, 'SignatureValue'),
    keyInfo: one(signature, DSIG, 'KeyInfo'),
    qualifying,
    signedProperties: one(qualifying, XADES, 'SignedProperties'),
    references: childElements(signedInfo, DSIG, 'Reference').map((reference) => {
      const transforms = maybe(reference, DSIG, 'Transforms')
      const [transform] = transforms === undefined ? [] : childElements(transforms)
      return { uri: attributeOf(reference, 'URI') ?? '', mode: transform && c14nMode(transform) }
    }),
    unsigned: properties === undefined ? [] : childElements(properties),
  }
}

export function isSignatureTimestamp({ namespace, local }: XmlElement): boolean {
  return namespace === XADES && local === 'SignatureTimeStamp'
}

export function isArchiveTimestamp({ namespace, local }: XmlElement): boolean {
  return namespace === XADES_141 && local === 'ArchiveTimeStamp'
}

/**
 * One RFC 3161 token over what the property is over by itself; the canonicalisation that it names, else Canonical XML 1.0
 * (EN 319 132-1 §4.5, §5.1.4.2). Throws LongTermError `malformed_timestamps`.
 */
export function readTimestamp(element: XmlElement): TimestampProperty {
  const fields = element.children.filter(isElement)
  const method = fields.find(({ namespace, local }) => namespace === DSIG && local === 'CanonicalizationMethod')
  const tokens = fields.filter(({ namespace, local }) => namespace === XADES && local === 'EncapsulatedTimeStamp')
  const [holder] = tokens
  if (holder === undefined || tokens.length > 1 || fields.length > (method === undefined ? 1 : 2))
    throw malformed(`${element.local} holds more or less than one token`)
  const [text = '', ...more] = holder.children
  const token = typeof text === 'string' && more.length === 0 ? decodeBase64(text, { whitespace: true }) : undefined
  if (token === undefined || token.length === 0)
    throw malformed(`the token in ${element.local} is not canonical base64`)
  return { element, token, mode: method === undefined ? { kind: 'inclusive' } : c14nMode(method) }
}

function one(parent: XmlElement, namespace: string, local: string): XmlElement {
  const found = maybe(parent, namespace, local)
  if (found === undefined) throw new TypeError(`readSignature let a document without ${local} pass`)
  return found
}

function maybe(parent: XmlElement | undefined, namespace: string, local: string): XmlElement | undefined {
  return parent && childElements(parent, namespace, local)[0]
}

function malformed(why: string): LongTermError {
  return new LongTermError('malformed_timestamps', `The signature's time-stamps are malformed: ${why}`)
}
