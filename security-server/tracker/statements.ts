// Statements: built of what the store has, kept, and then entered into the transparent log. Answers are proved by the newest that is there.
//
//   maps built, on the disk     a crash here leaves a folder that the next start removes
//   statement in the store      a crash here leaves one that is not in the log: the next start enters it
//   entry in the log            a crash here leaves an entry that the store does not know: the statement is entered once more
//   old uses erased             a crash here leaves some, for the next statement
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { formatStatement, SALT_BYTES, secretDigest, statementEntry } from '#evidence'
import type { Clock, Log } from '#host'
import type { ServerId } from '#protocol'
import type { Transparency } from '../transparency/index.ts'
import { DataTrackerError } from './error.ts'
import type { MapHeads } from './maps.ts'
import type { TrackerPlace } from './operations.ts'
import type { TrackerSettings } from './settings.ts'
import type { StoredStatement } from './store.ts'
import { startMapsThread, type TrackerThread } from './thread.ts'

/** The newest, which may not be in the log yet, the one that answers are made with, and the one that they were made with a moment ago. */
const KEPT = 3
const DAY_MS = 86_400_000
/** A statement that is on its way into the log is waited for this long at a stop. */
const STOP_MS = 2_000

export interface StatementParts {
  readonly server: ServerId
  readonly place: TrackerPlace
  readonly thread: TrackerThread
  readonly transparency: Transparency
  /** When the oldest record was logged that the log holds; 0 where none was removed. */
  readonly heldFrom: () => Promise<number>
  readonly settings: TrackerSettings
  readonly clock: Clock
  readonly log: Log
}

export class Statements {
  readonly #parts: StatementParts
  #newest: StoredStatement | undefined
  /** Those whose maps are there, the newest first. */
  #kept: readonly StoredStatement[] = []
  #entering: Promise<void> | undefined
  #building: ReturnType<typeof startMapsThread> | undefined
  #stopped = false

  private constructor(parts: StatementParts) {
    this.#parts = parts
  }

  static async open(parts: StatementParts): Promise<Statements> {
    const statements = new Statements(parts)
    await statements.#reread()
    return statements
  }

  /** The newest that the log has; undefined before the first. */
  get current(): StoredStatement | undefined {
    return this.#kept.find((one) => this.#isEntered(one))
  }

  /** Whether it is time for the next. The last one must be in the log. */
  isDue(): boolean {
    const newest = this.#newest
    // What is on its way into the log looks after the folders of maps.
    if (this.#entering !== undefined) return false
    if (newest === undefined || this.#kept[0]?.number !== newest.number) return true
    const passed = this.#parts.clock.now().getTime() - newest.at
    // A clock that was put back has no statement wait for it.
    return this.#isEntered(newest) && (passed < 0 || passed >= this.#parts.settings.intervalSeconds * 1000)
  }

  /** States what the store has of the records up to one. Nothing may be taken into it meanwhile. */
  async make(records: number): Promise<void> {
    const { server, thread, settings, clock, heldFrom } = this.#parts
    const last = this.#newest
    const number = (last?.number ?? 0) + 1
    const at = clock.now().getTime()
    const kept = settings.keepDays === 'log' ? await heldFrom() : at - settings.keepDays * DAY_MS
    // What is erased stays so, whatever is configured later.
    const erasedBefore = Math.max(0, Math.floor(kept), last?.erased_before ?? 0)
    const { news } = await thread.call('statements', 1)
    const same = last !== undefined && !news && this.#kept[0]?.number === last.number ? last : undefined
    const { persons, secret } = same === undefined ? await this.#build(number, records) : headsOf(same)
    const [salt, secretSalt] = [randomBytes(SALT_BYTES), randomBytes(SALT_BYTES)]
    const key = await thread.call('publicKey', undefined)
    const stated = { server, at, records, erasedBefore, key, persons, secret: secretDigest(secretSalt, secret) }
    await thread.call('state', {
      ...{ number, at, records, salt, content: formatStatement(stated), erased_before: erasedBefore },
      ...{ persons: persons.count, persons_root: persons.root },
      ...{ secret_salt: secretSalt, secret_persons: secret.count, secret_root: secret.root },
      ...{ maps: same?.maps ?? number, origin: null, entry: null },
    })
    await this.#reread()
  }

  /** Whether all that was stated is in the log. */
  get isEntered(): boolean {
    return this.#newest === undefined || this.#isEntered(this.#newest)
  }

  /**
   * Resolves when the newest statement is in the log; it may wait for the log to be written again. Rejects with HistoryError `unavailable`,
   * DataTrackerError.
   */
  enter(): Promise<void> {
    if (this.#entering !== undefined) return this.#entering
    const newest = this.#newest
    if (newest === undefined || this.#isEntered(newest)) return Promise.resolve()
    if (this.#stopped) return Promise.reject(new DataTrackerError('unavailable', 'The data tracker is being closed'))
    this.#entering = this.#enter(newest).finally(() => {
      this.#entering = undefined
    })
    return this.#entering
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#building?.end()
    await Promise.race([this.#entering?.catch(() => {}), pause(STOP_MS, undefined, { ref: false })])
  }

  async #enter({ number, salt, content, erased_before: before }: StoredStatement): Promise<void> {
    const { thread, transparency, log } = this.#parts
    const { origin } = transparency.status()
    const entry = await transparency.append(statementEntry(salt, content))
    await thread.call('entered', { number, origin, entry })
    await this.#reread()
    log.info('the data tracker has stated', { statement: number, entry })
    // Only now: answers must not show less than the statement that proves them says.
    while (before > 0 && !this.#stopped && (await thread.call('erase', before)));
  }

  async #build(number: number, records: number): Promise<MapHeads> {
    const { place } = this.#parts
    const thread = startMapsThread(place)
    this.#building = thread
    try {
      return await thread.call('build', { folder: join(place.maps, String(number)), records })
    } finally {
      this.#building = undefined
      await thread.end()
    }
  }

  async #reread(): Promise<void> {
    const { thread } = this.#parts
    const { newest } = await thread.call('statements', KEPT)
    const there = new Set(
      await thread.call(
        'keepMaps',
        newest.map(({ maps }) => maps),
      ),
    )
    this.#newest = newest[0]
    this.#kept = newest.filter(({ maps }) => there.has(maps))
  }

  /** In this log: a log that was begun anew has none of them. */
  #isEntered({ entry, origin }: StoredStatement): boolean {
    return entry !== null && origin === this.#parts.transparency.status().origin
  }
}

function headsOf({ persons, persons_root, secret_persons, secret_root }: StoredStatement): MapHeads {
  return { persons: { count: persons, root: persons_root }, secret: { count: secret_persons, root: secret_root } }
}
