// What a search asks for, and what it answers.
import { type ClientId, idKey, type ServiceId } from '#protocol'
import { LogError } from '../error.ts'
import type { FoundRecord, LogDirection, LogSide } from '../record.ts'

/** All that is given must be so. Records come newest first, unless `order` says otherwise. */
export interface SearchQuery {
  /** The message id that the information system chose. */
  readonly id?: string | undefined
  /** Of the one exchange. */
  readonly requestId?: string | undefined
  /** Logged at or after it. */
  readonly from?: Date | undefined
  /** Logged before it. */
  readonly to?: Date | undefined
  /** A subsystem, or a member: then also each of its subsystems. So with `provider` and `member`. */
  readonly client?: ClientId | undefined
  readonly provider?: ClientId | undefined
  /** Any version of it, where none is named. */
  readonly service?: ServiceId | undefined
  /** Either party. */
  readonly member?: ClientId | undefined
  /** Whose the record is here, exactly (`FoundRecord.member`). */
  readonly owner?: ClientId | undefined
  readonly userId?: string | undefined
  readonly issue?: string | undefined
  readonly side?: LogSide | undefined
  readonly direction?: LogDirection | undefined
  readonly protocol?: 'rest' | 'soap' | undefined
  /** Stands in the message or in the first MiB of its body, whatever the case. Only where the log may be searched so (`textSearch`). */
  readonly text?: string | undefined
  /** Only records of which one of these is a party, as `member` means it. */
  readonly scope?: readonly ClientId[] | undefined
  readonly order?: 'newest' | 'oldest' | undefined
  /** `next` of the page before, of the same search. */
  readonly cursor?: string | undefined
  /** At most 1000; 100 where it is absent. */
  readonly limit?: number | undefined
}

export interface SearchPage {
  readonly records: readonly SearchedRecord[]
  /** Where it goes on; absent where all was seen. A page may have few records, or none, and go on: none is waited for longer than a moment. */
  readonly next?: string
  /** The last record that was looked at, where it goes on: how far the search came. */
  readonly reached?: { readonly seq: number; readonly at: Date }
}

export interface SearchedRecord extends FoundRecord {
  /** In words, where what was logged of it can no longer be read; what is said of it here comes from the index. */
  readonly damaged?: string
}

const MAX_LIMIT = 1000
const DEFAULT_LIMIT = 100
const MAX_TEXT = 4096
export const MIN_SOUGHT_TEXT = 3

/** A query in order, as it goes to the thread that searches. */
export interface PreparedQuery extends Omit<SearchQuery, 'cursor' | 'limit' | 'order'> {
  readonly newestFirst: boolean
  /** Records behind this one, in the order of the search. */
  readonly behind: number | undefined
  readonly limit: number
}

/** Throws LogError `invalid_query`. */
export function prepareQuery(query: SearchQuery): PreparedQuery {
  const { order = 'newest', cursor, limit = DEFAULT_LIMIT, ...wanted } = query
  if (!Number.isSafeInteger(limit) || limit < 1) throw invalid('its limit is not a number from 1')
  for (const date of [wanted.from, wanted.to])
    if (date !== undefined && Number.isNaN(date.getTime())) throw invalid('a time is none')
  for (const text of [wanted.id, wanted.requestId, wanted.userId, wanted.issue, wanted.text])
    if (text !== undefined && text.length > MAX_TEXT) throw invalid(`a text is longer than ${MAX_TEXT} characters`)
  if (wanted.text !== undefined && wanted.text.length < MIN_SOUGHT_TEXT)
    throw invalid(`the text that is sought must have at least ${MIN_SOUGHT_TEXT} characters`)
  return {
    ...wanted,
    newestFirst: order === 'newest',
    behind: cursor === undefined ? undefined : readCursor(cursor, order),
    limit: Math.min(limit, MAX_LIMIT),
  }
}

/** Says where a search goes on. Records never change their order, so no page repeats or leaves out one. */
export function writeCursor(seq: number, order: 'newest' | 'oldest'): string {
  return Buffer.from(`${order} ${seq}`).toString('base64url')
}

function readCursor(cursor: string, order: 'newest' | 'oldest'): number {
  const text = cursor.length > 64 ? '' : Buffer.from(cursor, 'base64url').toString()
  const [, of, seq] = /^(newest|oldest) (\d{1,15})$/.exec(text) ?? []
  if (of === undefined || seq === undefined) throw invalid('its cursor is not one that a page gave')
  if (of !== order) throw invalid('its cursor is of a search in the other order')
  return Number(seq)
}

function invalid(why: string): LogError {
  return new LogError('invalid_query', `This search cannot be done: ${why}`)
}

/** As records have it: any version, where none is named. */
export function serviceKey(service: ServiceId): { readonly provider: string; readonly code: string } {
  const { serviceCode, serviceVersion: _, ...client } = service
  return { provider: idKey(client), code: serviceCode }
}
