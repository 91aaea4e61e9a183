// The store of operational records: batches go in, windows come out, what is old ends. All of it happens in a thread of its own.
import { type Clock, type Log, reasonOf, type StorePlace, turnstile } from '#host'
import { clientOf, idKey } from '#protocol'
import type { NewRow, Position, Window, WindowQuestion } from './queries.ts'
import type { FieldName } from './record.ts'
import { RestingThread } from './resting-thread.ts'
import { type Finished, toRecord } from './to-record.ts'

const THREAD_IDLE_MS = 60_000
/** As often as the reference cleans. */
const CLEAN_EVERY_MS = 12 * 3_600_000
const CLEAN_ROWS = 5_000
const PAGE_ROWS = 1_000
/** Answers that are looked up at the same time; anybody registered may ask, and each costs the thread a walk. */
const MAX_QUESTIONS = 16

export interface StoreSettings {
  readonly place: StorePlace
  readonly keepDays: number
  /** The oldest above it end before their days. */
  readonly keepRecords: number
  readonly clock: Clock
  readonly log: Log
}

/** Why a question was not taken. */
export class StoreBusyError extends Error {
  override readonly name = 'StoreBusyError'
}

export class OperationalStore {
  readonly #settings: StoreSettings
  readonly #calls: RestingThread
  readonly #cleaning: NodeJS.Timeout
  readonly #cleanAlone = turnstile()
  #questions = 0

  constructor(settings: StoreSettings) {
    this.#settings = settings
    this.#calls = new RestingThread(settings.place, THREAD_IDLE_MS)
    this.#cleaning = setInterval(() => void this.clean(), CLEAN_EVERY_MS)
    this.#cleaning.unref()
  }

  /** Stores a batch under the present second. Rejects when it may not have been stored. */
  async append(batch: readonly Finished[]): Promise<void> {
    await this.#calls.call('append', { rows: batch.map(row), ts: seconds(this.#settings.clock) })
  }

  /** @throws StoreBusyError when too many ask at once. */
  async window(question: WindowQuestion): Promise<Window> {
    if (this.#questions >= MAX_QUESTIONS) throw new StoreBusyError('too many questions at once')
    this.#questions++
    try {
      return await this.#calls.call('window', question)
    } finally {
      this.#questions--
    }
  }

  /** `{"records":[…]}` of a window in pieces; the next piece is read when this one was taken. */
  async *json(question: Omit<WindowQuestion, 'limit'>, fields: readonly FieldName[]): AsyncGenerator<Uint8Array> {
    let text = '{"records":['
    let after: Position | undefined
    for (let first = true; ; first = false) {
      const page = await this.#calls.call('page', {
        ...question,
        fields,
        rows: PAGE_ROWS,
        ...(after === undefined ? {} : { after }),
      })
      if (!first && page.json !== '') text += ','
      text += page.json
      after = page.last
      if (after === undefined) break
      yield Buffer.from(text)
      text = ''
    }
    yield Buffer.from(`${text}]}`)
  }

  /** Ends what is older than its days or above the number that is kept; failures are logged and tried again the next time. */
  clean(): Promise<void> {
    const { keepDays, keepRecords, clock, log } = this.#settings
    return this.#cleanAlone(async () => {
      const before = seconds(clock) - keepDays * 86_400
      let ended = 0
      try {
        for (let gone = CLEAN_ROWS; gone === CLEAN_ROWS; ended += gone)
          gone = await this.#calls.call('clean', { before, keep: keepRecords, rows: CLEAN_ROWS })
        if (ended > 0) log.info('old operational data ended', { records: ended })
      } catch (error) {
        log.error('old operational data could not be ended', { reason: reasonOf(error) })
      }
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#cleaning)
    await this.#calls.close()
  }
}

function row(finished: Finished): NewRow {
  const { client, service } = finished.exchange
  return {
    client: client === undefined ? '' : idKey(client),
    provider: service === undefined ? '' : idKey(clientOf(service)),
    record: toRecord(finished),
  }
}

function seconds(clock: Clock): number {
  return Math.floor(clock.now().getTime() / 1000)
}
