// A record on its way into a segment: looked at once more, then plain values and bytes.
import { randomFillSync } from 'node:crypto'
import { SALT_BYTES } from '#evidence'
import { clientOf, idKey } from '#protocol'
import { LogError } from './error.ts'
import type { BodyPart, LogRecord, LogSide } from './record.ts'
import type { PartRow, RecordRow } from './store.ts'

/** A message of which everything but the body is this long is no message. */
const MAX_RECORD_BYTES = 64 * 1024 * 1024
const MAX_TEXT_LENGTH = 4096
/** A thousand codes with their legal basis. */
const MAX_TRACKED_LENGTH = 512 * 1024

/** What only a mistake in this program can send here, and what the index would refuse when it is durable. Throws LogError. */
export function checkRecord(record: LogRecord): void {
  const wrong = faultOf(record)
  if (wrong !== undefined) throw new LogError('invalid_record', `The record cannot be logged: ${wrong}`)
}

function faultOf(record: LogRecord): string | undefined {
  const { at, queryId, requestId, userId = '', issue = '', representedParty = '' } = record
  const { head, signature, chain, chainResult, body, tracked } = record
  if (!(at.getTime() >= 0)) return 'its time is no time'
  if (head.length === 0 || signature.length === 0) return 'it has no message or no signature'
  if ((chain === undefined) !== (chainResult === undefined)) return 'it has one half of a hash chain'
  const bytes = head.length + signature.length + (chain?.length ?? 0) + (chainResult?.length ?? 0)
  if (bytes > MAX_RECORD_BYTES) return `it is longer than ${MAX_RECORD_BYTES} bytes without its body`
  if ([queryId, requestId, userId, issue, representedParty].some(({ length }) => length > MAX_TEXT_LENGTH))
    return `a text is longer than ${MAX_TEXT_LENGTH} characters`
  if (tracked !== undefined && JSON.stringify(tracked).length > MAX_TRACKED_LENGTH) return 'it is about too much'
  if (body === undefined) return undefined
  const fresh = body.stored === undefined && (body.inline !== undefined || body.file !== undefined || body.truncated)
  return fresh ? undefined : 'its body was not spooled for it'
}

/** @param sealing Id of the key for new records, where they are encrypted. */
export function toRow(record: LogRecord, sealing?: string): RecordRow {
  const { body } = record
  const kept = body !== undefined && !body.truncated
  // One key for a record and its body: whoever counts what a key is needed for counts both.
  const sealedBy = kept && body.file !== undefined ? body.sealedBy : sealing
  return {
    at: record.at.getTime(),
    side: record.side,
    direction: record.direction,
    queryId: record.queryId,
    requestId: record.requestId,
    protocol: record.protocol,
    client: idKey(record.client),
    provider: idKey(clientOf(record.service)),
    serviceCode: record.service.serviceCode,
    serviceVersion: record.service.serviceVersion ?? null,
    userId: record.userId ?? null,
    issue: record.issue ?? null,
    representedParty: record.representedParty ?? null,
    salt: newSalt(),
    head: record.head,
    headDigest: record.headDigest ?? null,
    signature: record.signature,
    chain: record.chain ?? null,
    chainResult: record.chainResult ?? null,
    bodySize: body?.size ?? null,
    bodyDigest: body?.digest ?? null,
    bodyInline: (kept ? body.inline : undefined) ?? null,
    bodyFile: (kept ? body.file : undefined) ?? null,
    bodyTruncated: body?.truncated ?? false,
    ...(sealedBy === undefined ? {} : { sealedBy }),
    ...(body?.parts === undefined ? {} : { bodyParts: body.parts.map(toPartRow) }),
    ...(record.tracked === undefined ? {} : { tracked: record.tracked }),
  }
}

/** Random bytes are drawn for many records at once: a call costs as much as a hundred salts. */
const pool = Buffer.alloc(128 * SALT_BYTES)
let drawn = pool.length

function newSalt(): Uint8Array {
  if (drawn === pool.length) {
    randomFillSync(pool)
    drawn = 0
  }
  drawn += SALT_BYTES
  return Uint8Array.prototype.slice.call(pool, drawn - SALT_BYTES, drawn)
}

function toPartRow({ size, digest }: BodyPart): PartRow {
  return [size, Buffer.from(digest).toString('base64')]
}

/** What the record's `member` is, of its parties. */
export function memberIn<T>({
  side,
  client,
  provider,
}: {
  readonly side: LogSide
  readonly client: T
  readonly provider: T
}): T {
  return side === 'consumer' ? client : provider
}

/** The attachments of a stored body, where it has several. */
export function toParts(rows: readonly PartRow[] | undefined): readonly BodyPart[] | undefined {
  return rows?.map(([size, digest]) => ({ size, digest: Buffer.from(digest, 'base64') }))
}
