// The open log: bodies, commits, time-stamps and reading, in the order of design "The way of a message".
import type { Log } from '#host'
import { digest, equalBytes } from '#trust'
import type { Bodies } from './bodies.ts'
import { Commits } from './commits.ts'
import { containerOf } from './container.ts'
import { LogError } from './error.ts'
import { layOut } from './frame.ts'
import type { LogStatus, MessageLog, MessageLogOptions } from './index.ts'
import type { KeyRing } from './key-ring.ts'
import type { LogKeys } from './log-keys.ts'
import type { LogStore, RecordTimestamp } from './log-store.ts'
import type { BodyReference, FoundRecord, Keeping, LogRecord, RecordEvidence, StoredRecord } from './record.ts'
import type { Removal } from './removal.ts'
import { checkRecord, toRow } from './row.ts'
import { prepareQuery, type SearchPage, type SearchQuery } from './search/query.ts'
import { sliceOf } from './slice.ts'
import type { BodySpool } from './spool.ts'
import type { Timestamper } from './timestamper.ts'

const MAX_PAGE = 1000
/** How often a store that failed is tried, so that the log says it is well again without a message having to dare. */
const PROBE_MS = 5_000

interface Parts {
  readonly immediate: boolean
  readonly textSearch: boolean
  readonly store: LogStore
  readonly bodies: Bodies
  /** For new records. */
  readonly ring: KeyRing
  readonly keys: LogKeys
  readonly timestamper: Timestamper
  readonly removal: Removal
  readonly log: Log
  readonly refusal: MessageLogOptions['refusal']
}

export class OpenLog implements MessageLog {
  readonly #parts: Parts
  readonly #commits: Commits
  #records: number
  #closed = false
  /** What the last write failed with, until one succeeds. */
  #failure: string | undefined
  #probe: NodeJS.Timeout | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#commits = new Commits(parts.store)
    this.#records = parts.store.facts.last
    parts.store.onFailure(() => this.#probeLater())
  }

  get keys(): LogKeys {
    return this.#parts.keys
  }

  spool(keeping?: Keeping): BodySpool {
    return this.#parts.bodies.spool(keeping)
  }

  async *read(body: BodyReference, number = 1): AsyncGenerator<Uint8Array> {
    const { file, inline, stored } = body
    const slice = sliceOf(body, number)
    const end = slice.start + slice.size
    if (inline !== undefined) return yield inline.subarray(slice.start, end)
    if (file !== undefined) return yield* this.#parts.bodies.read({ ...body, file }, slice, stored !== undefined)
    if (body.truncated)
      throw new LogError('body_not_kept', `The body of ${body.size} bytes was longer than this log keeps`)
    const all = stored === undefined ? undefined : await this.#parts.store.records.inlineBody(stored)
    if (all === undefined) throw new LogError('body_missing', 'The log has no such body')
    const bytes = all.subarray(slice.start, end)
    if (all.length !== body.size || !equalBytes(digest('SHA-512', bytes), slice.digest))
      throw new LogError('body_damaged', `The body of record ${stored} is not the one that was logged`)
    yield bytes
  }

  drop(body: BodyReference): Promise<void> {
    return this.#parts.bodies.drop(body)
  }

  async append(record: LogRecord): Promise<number> {
    const { immediate, store, timestamper } = this.#parts
    const refusal = this.#refusal() ?? this.#refusalBeside() ?? store.refusal() ?? timestamper.refusal(immediate)
    if (refusal !== undefined) throw refusal
    checkRecord(record)
    const seq = await this.#commit(record)
    if (immediate) await timestamper.now([seq])
    return seq
  }

  /** The body is claimed before the record is under way, so that nobody can remove it from under the commit. */
  async #commit(record: LogRecord): Promise<number> {
    const { bodies, ring, store, timestamper, log } = this.#parts
    const { body, side, direction } = record
    const layout = layOut(toRow(record, ring.current?.id), ring)
    if (body !== undefined) bodies.claim(body)
    let seq: number
    try {
      seq = await this.#commits.append(layout)
    } catch (error) {
      // An unknown outcome keeps the body: it may be evidence after the next start, or be swept then.
      if (body !== undefined && !(error as LogError).mayRemain) bodies.release(body)
      this.#failed((error as Error).message)
      throw error
    }
    // Durable from here on. A crash leaves a logged message that never went on; its peers see a cut connection.
    this.#failure = undefined
    this.#records = Math.max(this.#records, seq)
    store.added(seq)
    timestamper.recordAdded()
    try {
      if (body !== undefined) await bodies.recorded(body, (side === 'provider') === (direction === 'request'))
    } catch (error) {
      log.warn('a body that is not to be kept could not be removed; the next start does it', {
        reason: (error as Error).message,
      })
    }
    return seq
  }

  async search(query: SearchQuery): Promise<SearchPage> {
    const prepared = prepareQuery(query)
    if (query.text !== undefined && !this.#parts.textSearch)
      throw new LogError('text_search_forbidden', 'This log must not be searched by what was said in messages')
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    return await this.#parts.store.records.search(prepared)
  }

  async get(seq: number): Promise<StoredRecord | undefined> {
    return Number.isSafeInteger(seq) ? await this.#parts.store.records.get(seq) : undefined
  }

  async list(query: { after: number; limit: number }): Promise<readonly FoundRecord[]> {
    return await this.#parts.store.records.list({ ...query, limit: Math.min(query.limit, MAX_PAGE) })
  }

  async *container(seq: number): AsyncGenerator<Uint8Array> {
    const record = await this.get(seq)
    if (record === undefined) throw new LogError('record_missing', `The log has no record ${seq}`)
    const timestamp = await this.#parts.store.records.timestamp(seq)
    yield* containerOf(record, timestamp, (body, number) => this.read(body, number))
  }

  async evidenceOf(seq: number): Promise<RecordEvidence | undefined> {
    return Number.isSafeInteger(seq) ? await this.#parts.store.records.evidence(seq) : undefined
  }

  async timestampOf(seq: number): Promise<RecordTimestamp | undefined> {
    return await this.#parts.store.records.timestamp(seq)
  }

  timestampNow(seqs: readonly number[]): Promise<void> {
    const refusal = this.#refusal()
    return refusal === undefined ? this.#parts.timestamper.now(seqs) : Promise.reject(refusal)
  }

  async removeUpTo(seq: number): Promise<void> {
    const refusal = this.#refusal()
    if (refusal !== undefined) throw refusal
    await this.#parts.removal.upTo(seq)
  }

  status(): LogStatus {
    const { immediate, timestamper, store } = this.#parts
    const refusing =
      (this.#refusal() ?? this.#refusalBeside() ?? timestamper.refusal(immediate))?.message ?? this.#lastFailure()
    const { removedTo } = store.removal
    return {
      records: this.#records,
      removedTo,
      ...timestamper.status(),
      ...(refusing === undefined ? {} : { refusing }),
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#probe)
    const { timestamper, removal, store } = this.#parts
    await timestamper.stop()
    await removal.stop()
    await this.#commits.idle()
    await store.close()
  }

  #refusal(): LogError | undefined {
    if (this.#closed) return new LogError('closed', 'The message log is closed')
    const { broken } = this.#parts.store
    return broken === undefined
      ? undefined
      : new LogError('store_broken', `The message log is broken until this process starts again: ${broken}`)
  }

  #refusalBeside(): LogError | undefined {
    const reason = this.#parts.refusal?.()
    return reason === undefined ? undefined : new LogError('transparency_failed', reason)
  }

  /** Of records, or of what is done with them afterwards. */
  #lastFailure(): string | undefined {
    const reason = this.#failure ?? this.#parts.store.failure
    return reason === undefined ? undefined : `The last write failed: ${reason}`
  }

  #failed(reason: string): void {
    if (this.#failure === undefined) this.#parts.log.error('records cannot be written', { reason })
    this.#failure = reason
    this.#probeLater()
  }

  #probeLater(): void {
    if (this.#closed) return
    this.#probe ??= setTimeout(() => void this.#tryAgain(), PROBE_MS)
  }

  async #tryAgain(): Promise<void> {
    const { store, log } = this.#parts
    this.#probe = undefined
    if (this.#lastFailure() === undefined || store.broken !== undefined || this.#closed) return
    try {
      const found = await this.#commits.makeRoom()
      if (found !== undefined) {
        this.#records = found.last
        this.#parts.timestamper.recount(found.untimestamped)
      }
      await store.probe()
      this.#failure = undefined
      log.info('the message log can be written again')
    } catch (error) {
      this.#failed((error as Error).message)
    }
  }
}
