// From a record to the ASiC-E container that an auditor judges (wire-message §8.1). Streams: a body is never whole in memory.
import { insertTimestamp, writeContainer } from '#evidence'
import { LogError } from './error.ts'
import type { RecordTimestamp } from './log-store.ts'
import type { BodyReference, StoredRecord } from './record.ts'

/**
 * @param timestamp What covers the record. Directly: it goes into the signature as an unsigned property; by a hash
 *   chain: beside it.
 * @param read Opens the record's body.
 */
export function containerOf(
  record: StoredRecord,
  timestamp: RecordTimestamp | undefined,
  read: (body: BodyReference, number: number) => AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  if (timestamp === undefined)
    throw new LogError('timestamp_missing', 'The signature of this message has no time-stamp yet')
  const { token, result, chain } = timestamp
  const batch = result !== undefined && chain !== undefined
  return writeContainer({
    createdAt: record.at,
    message: record.head,
    signature: batch ? record.signature : insertTimestamp(record.signature, token),
    ...(record.chainResult === undefined ? {} : { chainResult: record.chainResult }),
    ...(record.chain === undefined ? {} : { chain: record.chain }),
    ...(batch ? { timestamp: { token, result, chain } } : {}),
    ...contentOf(record, read),
  })
}

/** The REST body is `attachment1`. What was not kept is named as withheld; its digest is proved by the signature. */
function contentOf(
  { headDigest, body }: StoredRecord,
  read: (body: BodyReference, number: number) => AsyncIterable<Uint8Array>,
) {
  const parts = (body === undefined ? [] : (body.parts ?? [body])).map(({ size }, index) => ({
    name: `attachment${index + 1}`,
    size,
  }))
  const withheld = [...(headDigest === undefined ? [] : [{ name: 'message.xml' }]), ...(body?.truncated ? parts : [])]
  return {
    attachments:
      body === undefined || body.truncated
        ? []
        : parts.map((part, index) => ({ ...part, body: () => read(body, index + 1) })),
    ...(withheld.length === 0 ? {} : { withheld }),
  }
}
