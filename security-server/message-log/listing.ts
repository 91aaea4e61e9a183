// Records as JSON, on the control socket and for auditors.
import { readSignature } from '#evidence'
import { clientOf, idKey, type ServiceId } from '#protocol'
import { parseTimestampToken } from '#trust'
import type { LogEntry, LogListing, LogRecordDescription } from '../contract.ts'
import { LogError } from './error.ts'
import type { MessageLog } from './index.ts'
import type { BodyReference, FoundRecord, StoredRecord } from './record.ts'
import type { SearchedRecord, SearchPage } from './search/query.ts'

export function listingOf({ records, next, reached }: SearchPage): LogListing {
  return {
    records: records.map(entryOf),
    ...(next === undefined ? {} : { next }),
    ...(reached === undefined ? {} : { reached: { seq: reached.seq, at: reached.at.toISOString() } }),
  }
}

function entryOf(record: SearchedRecord): LogEntry {
  const { bodySize, damaged } = record
  return {
    ...factsOf(record),
    ...(bodySize === undefined ? {} : { bodySize }),
    ...(damaged === undefined ? {} : { damaged }),
  }
}

function factsOf(record: FoundRecord | StoredRecord): LogEntry {
  const { seq, at, side, direction, protocol, queryId, requestId, client, service, member, timestamped } = record
  const { userId, issue, representedParty } = record
  return {
    ...{ seq, at: at.toISOString(), side, direction, protocol, queryId, requestId },
    ...{ client: idKey(client), service: serviceText(service), member: idKey(member) },
    ...(userId === undefined ? {} : { userId }),
    ...(issue === undefined ? {} : { issue }),
    ...(representedParty === undefined ? {} : { representedParty }),
    timestamped,
  }
}

/** As a search takes it: the subsystem of a service of a member itself is empty. */
function serviceText(service: ServiceId): string {
  const { serviceCode, serviceVersion } = service
  const provider = clientOf(service)
  const own = [serviceCode, ...(serviceVersion === undefined ? [] : [serviceVersion])].map(encodeURIComponent)
  return [idKey(provider), ...(provider.subsystemCode === undefined ? [''] : []), ...own].join('/')
}

/**
 * One record, as far as it can be told without its container.
 *
 * @param withHead Whether the message itself is told, without its body.
 * @throws LogError `record_missing`, `record_damaged`.
 */
export async function describeRecord(log: MessageLog, seq: number, withHead: boolean): Promise<LogRecordDescription> {
  const record = await log.get(seq)
  if (record === undefined) throw new LogError('record_missing', `The log has no record ${seq}`)
  const timestamp = await log.timestampOf(seq)
  const { body, head, headDigest, signature, chain } = record
  return {
    ...factsOf(record),
    ...(withHead ? { message: new TextDecoder().decode(head) } : {}),
    reduced: headDigest !== undefined,
    signature: { batch: chain !== undefined, ...signerOf(signature) },
    ...(timestamp === undefined ? {} : { timestamp: stampOf(timestamp) }),
    ...(body === undefined ? {} : { body: describeBody(body) }),
  }
}

/** What the signature says of itself; nothing here judges it. */
function signerOf(signature: Uint8Array): Partial<LogRecordDescription['signature']> {
  try {
    const { algorithm, certificate } = readSignature(signature)
    const { subject, issuer, serialNumber } = certificate
    return {
      algorithm: algorithm.name,
      subject: subject.text,
      issuer: issuer.text,
      serialNumber: serialNumber.toString(16),
    }
  } catch {
    return {}
  }
}

function stampOf({ token }: { readonly token: Uint8Array }): NonNullable<LogRecordDescription['timestamp']> {
  const { genTime, certificates } = parseTimestampToken(token)
  // The authority's own is the first (tsa.ts).
  const authority = certificates[0]?.subject.text
  return { at: genTime.toISOString(), ...(authority === undefined ? {} : { authority }) }
}

function describeBody({ size, digest, truncated, parts }: BodyReference): NonNullable<LogRecordDescription['body']> {
  return {
    size,
    sha512: hex(digest),
    kept: truncated !== true,
    ...(parts === undefined
      ? {}
      : { attachments: parts.map((part) => ({ size: part.size, sha512: hex(part.digest) })) }),
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
