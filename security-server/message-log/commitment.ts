// What a record's entry in a transparent log is made of, from the record as it lies in its segment.
import { type CommittedRecord, commitmentOf, encodeRecord } from '#evidence'
import { digest } from '#trust'
import { memberIn } from './row.ts'
import type { RecordRow } from './store.ts'

/** @param signatureDigest SHA-512 of the signature, which the index keeps too. */
export function committed(
  row: RecordRow & Pick<CommittedRecord, 'seq'>,
  signatureDigest: Uint8Array,
): { readonly record: Uint8Array; readonly commitment: Uint8Array } {
  const record = encodeRecord({
    ...row,
    member: memberIn(row),
    headDigest: row.headDigest ?? digest('SHA-512', row.head),
    signatureDigest,
    chainDigest: row.chain && digest('SHA-512', row.chain),
    chainResultDigest: row.chainResult && digest('SHA-512', row.chainResult),
  })
  return { record, commitment: commitmentOf(row.salt, record) }
}
