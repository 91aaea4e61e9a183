// Brings what the message log has of uses into the tracker's store: from memory what was only just logged, from the log what is not remembered.
import { setTimeout as pause } from 'node:timers/promises'
import { commitmentOf, decodeRecord } from '#evidence'
import type { Log } from '#host'
import { clientOf, idKey } from '#protocol'
import { LogError, type MessageLog } from '../message-log/index.ts'
import type { Noted, NotedUse } from './noted.ts'
import type { LoggedUse } from './operations.ts'
import type { TrackerThread } from './thread.ts'

const PAGE = 500
/** Persons that are brought in at once; a record is not divided. */
const PERSONS_AT_ONCE = 200
/** A cursor that moves without a use is written so often. */
const WRITE_MS = 60_000

export interface FollowingParts {
  readonly messageLog: MessageLog
  readonly noted: Noted
  readonly thread: TrackerThread
  /** Where an earlier run has come to. */
  readonly cursor: number
  readonly log: Log
}

export class Following {
  readonly #parts: FollowingParts
  #cursor: number
  #written: number
  #writtenAt = performance.now()
  #lost = 0
  #stopped = false

  constructor(parts: FollowingParts) {
    this.#parts = parts
    this.#cursor = parts.cursor
    this.#written = parts.cursor
  }

  /** All uses up to this record are in the store. */
  get cursor(): number {
    return this.#cursor
  }

  /** Records that were removed, or are damaged, before their uses could be read. */
  get lost(): number {
    return this.#lost
  }

  /** To the end of what is settled in the log. */
  async follow(): Promise<void> {
    const { messageLog, noted } = this.#parts
    const { records, removedTo } = messageLog.status()
    const settled = noted.settledUpTo(records)
    if (this.#cursor < removedTo) {
      this.#lost += removedTo - this.#cursor
      this.#parts.log.error('records were removed before the data tracker had read them', {
        ...{ from: this.#cursor + 1, to: removedTo },
      })
      this.#cursor = removedTo
    }
    while (this.#cursor < settled && !this.#stopped) {
      if (this.#cursor < noted.rememberedFrom) await this.#read(Math.min(settled, noted.rememberedFrom))
      else await this.#take(noted.between(this.#cursor, settled), settled)
    }
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.#stopped = true
  }

  /** Where it has come to: the next start goes on from there. */
  async write(): Promise<void> {
    if (this.#written === this.#cursor) return
    await this.#parts.thread.call('take', { uses: [], cursor: this.#cursor })
    this.#written = this.#cursor
    this.#writtenAt = performance.now()
  }

  /** A page of the log. */
  async #read(upTo: number): Promise<void> {
    const { messageLog } = this.#parts
    const page = (await messageLog.list({ after: this.#cursor, limit: PAGE })).filter(({ seq }) => seq <= upTo)
    const uses: NotedUse[] = []
    for (const { seq, side, direction, client, service } of page) {
      if (side !== 'provider' || direction !== 'request') continue
      const record = await damagedIsNone(messageLog.get(seq))
      if (record === undefined) this.#lose(seq)
      else if (record.tracked !== undefined) uses.push({ seq, client, service, tracked: record.tracked })
    }
    await this.#take(uses, page.length < PAGE ? upTo : (page.at(-1)?.seq ?? upTo))
  }

  async #take(found: readonly NotedUse[], upTo: number): Promise<void> {
    const { thread, noted } = this.#parts
    let waiting: LoggedUse[] = []
    const bringIn = async (cursor: number) => {
      await thread.call('take', { uses: waiting, cursor })
      waiting = []
      this.#cursor = cursor
      this.#written = cursor
      this.#writtenAt = performance.now()
      // Exchanges have their turn.
      await pause()
    }
    for (const one of found) {
      if (this.#stopped) return
      waiting.push(...(await this.#usesOf(one)))
      if (waiting.length >= PERSONS_AT_ONCE) await bringIn(one.seq)
    }
    if (waiting.length > 0) await bringIn(upTo)
    else this.#cursor = upTo
    noted.taken(this.#cursor)
    if (performance.now() - this.#writtenAt > WRITE_MS) await this.write()
  }

  #lose(seq: number): void {
    this.#lost += 1
    this.#parts.log.error('the data tracker cannot read a record', { seq })
  }

  async #usesOf({ seq, client, service, tracked }: NotedUse): Promise<readonly LoggedUse[]> {
    const evidence = await damagedIsNone(this.#parts.messageLog.evidenceOf(seq))
    if (evidence === undefined) {
      this.#lose(seq)
      return []
    }
    return usesIn({ seq, client, service, tracked }, evidence)
  }
}

/** What is asked of the log, or nothing where what lies there is not what was logged. */
export async function damagedIsNone<T>(reading: Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof LogError && error.code === 'record_damaged') return undefined
    throw error
  }
}

/** What a record says of each person. */
export function usesIn(
  { seq, client, service, tracked }: NotedUse,
  { salt, record }: { readonly salt: Uint8Array; readonly record: Uint8Array },
): readonly LoggedUse[] {
  const { persons, operation, basis, user, secret = false } = tracked
  const use = {
    at: decodeRecord(record).at,
    client: idKey(client),
    service: idKey(service),
    ...(operation === undefined ? {} : { operation }),
    ...(basis === undefined ? {} : { basis }),
    ...(user === undefined ? {} : { user }),
    record: commitmentOf(salt, record),
  }
  return persons.map((person) => ({ seq, provider: clientOf(service), person, secret, use }))
}
