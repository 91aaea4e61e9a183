// Whether a message that a side shows was signed by the other: by its digests alone, so that nobody has to show what was said.
import { attachmentPart, type ClientId, messagePart, type TrustMaterial } from '#protocol'
import { digest, equalBytes } from '#trust'
import { EvidenceError } from '../error.ts'
import type { CommittedRecord } from '../log-record.ts'
import type { MessagePart } from '../signature-writer.ts'
import { verifyMessage } from '../verify-signature.ts'
import type { ShownSignature } from './frames.ts'
import type { ShownRecord } from './proof-reader.ts'

/** Undefined where it is; in words, why it is not. Judged for the time that the record has. */
export function whyNotSigned(
  { record, signed }: ShownRecord,
  signer: ClientId,
  trust: TrustMaterial,
): string | undefined {
  if (signed === undefined) return 'no signature was shown'
  const { signature, chain, chainResult } = signed
  const same = (bytes: Uint8Array | undefined, expected: Uint8Array | null) =>
    bytes === undefined || expected === null
      ? bytes === undefined && expected === null
      : equalBytes(digest('SHA-512', bytes), expected)
  if (!same(signature, record.signatureDigest)) return 'it is not the signature of the record'
  if (!same(chain, record.chainDigest) || !same(chainResult, record.chainResultDigest))
    return 'it is not the hash chain of the record'
  const parts = partsOf(record, signed)
  if (parts === undefined) return 'the attachments are not those of the record'
  try {
    verifyMessage({
      signature,
      ...(chain && { chain }),
      ...(chainResult && { chainResult }),
      ...{ parts, signer, trust, at: new Date(record.at) },
    })
    return undefined
  } catch (error) {
    if (error instanceof EvidenceError) return error.message
    throw error
  }
}

function partsOf(
  { headDigest, bodyDigest }: CommittedRecord,
  { attachments }: ShownSignature,
): readonly MessagePart[] | undefined {
  const head = { name: messagePart, digest: headDigest }
  if (bodyDigest === null) return attachments === undefined ? [head] : undefined
  if (attachments === undefined) return [head, { name: attachmentPart(1), digest: bodyDigest }]
  if (!equalBytes(digest('SHA-512', ...attachments), bodyDigest)) return undefined
  return [head, ...attachments.map((each, at) => ({ name: attachmentPart(at + 1), digest: each }))]
}
