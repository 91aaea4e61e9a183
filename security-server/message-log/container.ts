// From a record to the ASiC-E container that an auditor judges (wire-message §8.1). Streams: a body is never whole in memory.
import { insertTimestamp, writeContainer } from '#evidence'
import { LogError } from './error.ts'
import type { RecordTimestamp } from './reader.ts'
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
    attachments: record.body === undefined ? [] : attachments(record.body, read),
  })
}

/** The REST body is `attachment1`. What was not kept is named by what was signed of it, under a name no verifier reads. */
function attachments(body: BodyReference, read: (body: BodyReference, number: number) => AsyncIterable<Uint8Array>) {
  return (body.parts ?? [body]).map(({ size, digest }, index) => {
    const number = index + 1
    if (!body.truncated) return { name: `attachment${number}`, size, body: () => read(body, number) }
    const note = Buffer.from(
      `The body of this message was longer than this server keeps, and is not here.\nsize: ${size} bytes\nSHA-512: ${Buffer.from(digest).toString('base64')}\n`,
    )
    return {
      name: index === 0 ? 'body-not-kept.txt' : `body-not-kept-${number}.txt`,
      async *body() {
        yield note
      },
    }
  })
}
