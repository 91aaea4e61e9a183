// Time-stamps over signatures: what is stamped, singly or for a whole batch, and where the token goes (wire-message §7).
import { SaxesParser } from 'saxes'
import { type DigestName, digest, encodeBase64 } from '#trust'
import { EvidenceError } from './error.ts'
import { buildHashChains } from './hash-chain.ts'
import { DSIG, readSignature, XADES } from './signature-reader.ts'

export const TS_HASH_CHAIN = '/ts-hashchain.xml'
export const SIGNATURES_ENTRY = '/META-INF/signatures.xml'

export interface TimestampBatch {
  /** The octets whose digest is sent to the authority. */
  readonly imprint: Uint8Array
  /** Undefined for the single form. */
  readonly result: Uint8Array | undefined
  /** One for each signature, in order; empty for the single form. */
  readonly chains: readonly Uint8Array[]
}

/**
 * Exactly one signature: the decoded SignatureValue (not the canonical element: the single form is X-Road's own, §7.2).
 * More: a hash tree over the digests of the signature documents.
 */
export function timestampInput(
  signatures: readonly { readonly signatureDigest: Uint8Array; readonly signatureValue: Uint8Array }[],
  name: DigestName,
): TimestampBatch {
  const [first] = signatures
  if (first === undefined) throw new TypeError('there is nothing to time-stamp')
  if (signatures.length === 1) return { imprint: digest(name, first.signatureValue), result: undefined, chains: [] }
  const leaves = signatures.map((signature) => [{ name: SIGNATURES_ENTRY, digest: signature.signatureDigest }])
  const { result, chains } = buildHashChains(leaves, name, TS_HASH_CHAIN)
  return { imprint: digest(name, result), result, chains }
}

/** Decoded SignatureValue of a signature document. */
export function signatureValueOf(xml: Uint8Array): Uint8Array {
  return readSignature(xml).value
}

/**
 * A single token inside the signature: first child of UnsignedSignatureProperties, inserted as text so that no other octet changes
 * (wire-message §7.3). The place is found by parsing: text that only looks like it, in a comment or elsewhere, is not it. The new
 * elements take the prefix of their parent; where that is not `xades` the reference does not find them (§4.3), we do.
 */
export function insertTimestamp(xml: Uint8Array, token: Uint8Array): Uint8Array {
  const text = Buffer.from(xml.buffer, xml.byteOffset, xml.length).toString('utf8')
  const { at, prefix } = placeForTimestamp(text)
  const [outer, inner] = [`${prefix}SignatureTimeStamp`, `${prefix}EncapsulatedTimeStamp`]
  const element = `<${outer}><${inner}>${encodeBase64(token)}</${inner}></${outer}>`
  return Buffer.from(text.slice(0, at) + element + text.slice(at), 'utf8')
}

/**
 * The signature as it was before a token of ours was put into it; undefined where the first time-stamp is not written as
 * {@link insertTimestamp} writes it, so that nobody can say how the octets were before.
 */
export function withoutTimestamp(xml: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(xml.buffer, xml.byteOffset, xml.length).toString('utf8')
  const { at, prefix } = placeForTimestamp(text)
  const [outer, inner] = [`<${prefix}SignatureTimeStamp><`, `${prefix}EncapsulatedTimeStamp>`]
  const begin = `${outer}${inner}`
  if (!text.startsWith(begin, at)) return undefined
  const end = text.indexOf('<', at + begin.length)
  const close = `</${inner}</${prefix}SignatureTimeStamp>`
  if (!text.startsWith(close, end)) return undefined
  return Buffer.from(text.slice(0, at) + text.slice(end + close.length), 'utf8')
}

const PATH: readonly (readonly [namespace: string, local: string])[] = [
  [DSIG, 'Signature'],
  [DSIG, 'Object'],
  [XADES, 'QualifyingProperties'],
  [XADES, 'UnsignedProperties'],
  [XADES, 'UnsignedSignatureProperties'],
]

/** Just behind the start tag of UnsignedSignatureProperties, as an index into the text. */
function placeForTimestamp(text: string): { readonly at: number; readonly prefix: string } {
  let place: { at: number; prefix: string } | undefined
  let depth = 0
  let matched = 0
  let above = 0
  const parser = new SaxesParser({ xmlns: true })
  parser.on('opentag', ({ uri, local, prefix, isSelfClosing }) => {
    // The wrapper stands above the path when the root is not the signature itself.
    if (depth === 0 && local !== 'Signature') above = 1
    const [namespace, name] = PATH[matched] ?? []
    if (depth - above === matched && uri === namespace && local === name) {
      matched += 1
      if (matched === PATH.length && !isSelfClosing)
        place ??= { at: parser.position, prefix: prefix === '' ? '' : `${prefix}:` }
    }
    depth += 1
  })
  parser.on('closetag', () => {
    depth -= 1
    matched = Math.min(matched, Math.max(0, depth - above))
  })
  try {
    parser.write(text).close()
  } catch (cause) {
    throw new EvidenceError('invalid_xml', 'The signature is not XML', { cause })
  }
  if (place === undefined)
    throw new EvidenceError('malformed_signature', 'The signature has no place to hold a time-stamp')
  return place
}
