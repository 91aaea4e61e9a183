// Time-stamps over signatures: what is stamped, singly or for a whole batch, and where the token goes (wire-message §7).
import { type DigestName, digest, encodeBase64 } from '#trust'
import { EvidenceError } from './error.ts'
import { buildHashChains } from './hash-chain.ts'
import { readSignature } from './signature-reader.ts'

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
 * A single token inside the signature: first child of UnsignedSignatureProperties, inserted as text so that no other octet changes.
 * The element is found by its literal name, as the reference does (§4.3).
 */
export function insertTimestamp(xml: Uint8Array, token: Uint8Array): Uint8Array {
  const text = Buffer.from(xml).toString('utf8')
  const opening = /<xades:UnsignedSignatureProperties(?:\s[^<>]*)?>/.exec(text)
  if (opening === null)
    throw new EvidenceError(
      'malformed_signature',
      'The signature has no xades:UnsignedSignatureProperties to hold a time-stamp',
    )
  const at = opening.index + opening[0].length
  const element = `<xades:SignatureTimeStamp><xades:EncapsulatedTimeStamp>${encodeBase64(token)}</xades:EncapsulatedTimeStamp></xades:SignatureTimeStamp>`
  return Buffer.from(text.slice(0, at) + element + text.slice(at), 'utf8')
}
