// A row of the index, as what is told of a record.
import { decodeClientId } from '#protocol'
import type { BodyReference, FoundRecord, LogDirection, LogSide, StoredRecord } from './record.ts'
import { memberIn, toParts } from './row.ts'
import type { RecordRow } from './store.ts'

/** What the index knows of a record, as its database hands it over. */
export interface FoundRow {
  readonly seq: number
  readonly at: number
  readonly side: LogSide
  readonly direction: LogDirection
  readonly protocol: 'rest' | 'soap'
  readonly query_id: string
  readonly request_id: string
  readonly client: string
  readonly provider: string
  readonly service_code: string
  readonly service_version: string | null
  readonly user_id: string | null
  readonly issue: string | null
  readonly represented_party: string | null
  readonly body_size: number | null
  /** 0 or 1. */
  readonly timestamped: number
}

/** A row of the index beside segments; what a message is made of lies in one of them. */
export interface Row extends FoundRow {
  readonly segment: number
  readonly place: number
}

export const FOUND_COLUMNS = `seq, at, side, direction, protocol, query_id, request_id, client, provider, service_code, service_version,
  user_id, issue, represented_party, body_size`
export const COLUMNS = `${FOUND_COLUMNS}, segment, place, seq NOT IN (SELECT seq FROM untimestamped) AS timestamped`

export function toFound(row: FoundRow): FoundRecord {
  return { ...toFacts(row), ...(row.body_size === null ? {} : { bodySize: row.body_size }) }
}

function toFacts(row: FoundRow): Omit<FoundRecord, 'bodySize'> {
  const { client, provider } = { client: decodeClientId(row.client), provider: decodeClientId(row.provider) }
  return {
    seq: row.seq,
    at: new Date(row.at),
    side: row.side,
    direction: row.direction,
    protocol: row.protocol,
    queryId: row.query_id,
    requestId: row.request_id,
    client,
    service: {
      ...provider,
      serviceCode: row.service_code,
      ...(row.service_version === null ? {} : { serviceVersion: row.service_version }),
    },
    member: memberIn({ side: row.side, client, provider }),
    ...(row.user_id === null ? {} : { userId: row.user_id }),
    ...(row.issue === null ? {} : { issue: row.issue }),
    ...(row.represented_party === null ? {} : { representedParty: row.represented_party }),
    timestamped: row.timestamped === 1,
  }
}

/** A record from its row and its frame. Copies what it takes: the frame, with a small body in it, is gone with the next. */
export function toStored(row: FoundRow, placed: RecordRow): StoredRecord {
  const body = toBody(row.seq, placed)
  return {
    ...toFacts(row),
    head: Buffer.from(placed.head),
    ...(placed.headDigest === null ? {} : { headDigest: Buffer.from(placed.headDigest) }),
    signature: Buffer.from(placed.signature),
    ...(placed.chain === null ? {} : { chain: Buffer.from(placed.chain) }),
    ...(placed.chainResult === null ? {} : { chainResult: Buffer.from(placed.chainResult) }),
    ...(body === undefined ? {} : { body }),
    ...(placed.tracked === undefined ? {} : { tracked: placed.tracked }),
  }
}

/** The body of a record, as it lies in its frame. */
export function toBody(seq: number, placed: RecordRow): BodyReference | undefined {
  const { bodySize: size, bodyDigest: digest, bodyFile: file, bodyTruncated: truncated, sealedBy } = placed
  if (size === null || digest === null) return undefined
  const parts = toParts(placed.bodyParts)
  const facts = { size, digest: Buffer.from(digest), stored: seq, ...(parts === undefined ? {} : { parts }) }
  if (truncated) return { ...facts, truncated }
  if (file === null) return facts
  return { ...facts, file, ...(sealedBy === undefined ? {} : { sealedBy }) }
}
