// The data tracker at work: a round each second follows the log and, when it is time, states. What goes wrong is told and tried again; exchanges go on.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { reasonOf, turnstile } from '#host'
import { heldFrom } from '../message-log/index.ts'
import { OWN_CODES } from '../services/index.ts'
import { type AnswerParts, answerOf } from './answers.ts'
import { checkTracker } from './check.ts'
import { DataTrackerError } from './error.ts'
import { extract } from './extract.ts'
import { Following } from './following.ts'
import type { DataTracker, RequestToLog, TrackerOptions, TrackerStatus } from './index.ts'
import { makeKey, readKey } from './key-file.ts'
import { Noted } from './noted.ts'
import { answerQuestion } from './service.ts'
import { Statements } from './statements.ts'
import { startTrackerThread, type TrackerThread } from './thread.ts'

const ROUND_MS = 1_000
/** After a round that failed. */
const RETRY_MS = 10_000
/** A statement is in the log within a second, unless something is wrong with the log. */
const PATIENCE_MS = 10_000
/** The first request that is ever tracked waits for a store to write to, so that nothing can lose it; but no longer than this. */
const FIRST_MS = 5_000

interface Opened extends AnswerParts {
  readonly following: Following
}

export async function openTracking(options: TrackerOptions): Promise<DataTracker> {
  const directory = join(options.directory, 'tracker')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const place = { place: options.place, maps: join(directory, 'maps') }
  const { server, messageLog, transparency, snapshot, settings, clock, log } = options
  const noted = new Noted(messageLog.status().records)
  const requests = { tracked: 0, nobody: 0, unreadable: 0 }
  const inTurn = turnstile()
  /** Whether there is, or was, something to tell of. */
  let known = (await readKey(directory).catch(() => null)) !== undefined
  let opened: Opened | undefined
  let opening: Promise<void> | undefined
  let lastError: DataTrackerError | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  function isTracking(): boolean {
    const now = snapshot()
    return now.clients.some(({ id }) => now.service({ ...id, serviceCode: OWN_CODES.tracker }) !== undefined)
  }

  async function open(): Promise<Opened> {
    if (opened !== undefined) return opened
    if (stopped) throw new DataTrackerError('unavailable', 'The data tracker is being closed')
    const thread = startTrackerThread(place, (reason) => {
      log.warn('the data tracker is opened anew', { reason })
      opened = undefined
    })
    try {
      const was = await thread.call('open', undefined)
      const key = await readKey(directory)
      if (was.key !== undefined && key === undefined) throw keyLost()
      const { records, removedTo } = messageLog.status()
      // With a key but without a store, everything that the log holds is read again.
      const cursor = was.cursor ?? (key === undefined ? records : removedTo)
      await thread.call('begin', { secret: key ?? (await makeKey(directory)), cursor })
      opened = await parts(thread, cursor)
      known = true
      return opened
    } catch (error) {
      await thread.end()
      throw error
    }
  }

  function keyLost(): DataTrackerError {
    const key = join(directory, 'key')
    return new DataTrackerError(
      'key_lost',
      `The key of the data tracker is gone (${key}): put it back, or begin anew (saadik tracker new-key)`,
    )
  }

  async function parts(thread: TrackerThread, cursor: number): Promise<Opened> {
    const following = new Following({ messageLog, noted, thread, cursor, log })
    const held = () => heldFrom(messageLog)
    const statements = await Statements.open({
      server,
      place,
      thread,
      transparency,
      heldFrom: held,
      settings,
      clock,
      log,
    })
    return { thread, following, statements, transparency }
  }

  async function state({ following, statements }: Opened): Promise<void> {
    if ((await readKey(directory)) === undefined) throw keyLost()
    await following.write()
    await statements.make(following.cursor)
  }

  async function round(): Promise<void> {
    if (!known && !isTracking()) return
    const parts = await open()
    await parts.following.follow()
    if (parts.statements.isDue()) await state(parts)
    parts.statements.enter().catch((error: unknown) => failed(error))
  }

  function failed(error: unknown): void {
    const { code = 'unavailable', message } = error as Error & { code?: string }
    const now = error instanceof DataTrackerError ? error : new DataTrackerError('unavailable', message)
    if (lastError?.message !== now.message && !stopped)
      log.error('the data tracker stands still', { code, reason: message })
    lastError = now
  }

  function later(pause: number): void {
    if (stopped) return
    timer = setTimeout(async () => {
      try {
        await inTurn(round)
        if (opened?.statements.isEntered ?? true) lastError = undefined
        later(ROUND_MS)
      } catch (error) {
        failed(error)
        later(RETRY_MS)
      }
    }, pause)
  }

  /** Before the first use is logged there is a store that knows where to begin. */
  async function ready(): Promise<void> {
    if (known) return
    opening ??= inTurn(async () => void (await open())).catch(failed)
    await Promise.race([opening, pause(FIRST_MS, undefined, { ref: false })])
  }

  async function found({ rules, request, requestId }: RequestToLog) {
    if (rules === undefined) return undefined
    try {
      const tracked = await extract(request, rules)
      if (tracked === undefined) requests.nobody += 1
      return tracked
    } catch (error) {
      requests.unreadable += 1
      log.warn('whom a request is about cannot be found out', { requestId, reason: reasonOf(error) })
      return undefined
    }
  }

  later(0)
  return {
    async logged(request, append) {
      const tracked = await found(request)
      if (tracked === undefined) return await append(undefined)
      requests.tracked += 1
      await ready()
      const noting = noted.begin(messageLog.status().records)
      try {
        const seq = await append(tracked)
        const { client, service } = request.about
        noting.done({ seq, client, service, tracked })
        return seq
      } catch (error) {
        noting.failed()
        throw error
      }
    },
    isTracker: ({ serviceCode }) => serviceCode === OWN_CODES.tracker,
    answerRest: (question) => answerQuestion({ answer, counts }, question),
    answer,
    counts,
    async stateNow() {
      const before = await inTurn(open)
      await soon(before.statements.enter())
      const { statements } = await inTurn(async () => {
        const parts = await open()
        await parts.following.follow()
        await state(parts)
        return parts
      })
      await soon(statements.enter())
    },
    async *check() {
      const { thread, following, statements } = usable()
      const { cursor } = following
      yield* checkTracker({
        ...{ messageLog, snapshot, transparency, thread, place, cursor, inTurn },
        statement: statements.current,
      })
    },
    async renew() {
      await inTurn(async () => {
        await opened?.statements.stop()
        await opened?.thread.end()
        opened = undefined
        const thread = startTrackerThread(place, () => {})
        try {
          // The old key is of no use without what it made; a crash between the two leaves a key that is not the store's, which is told.
          await thread.call('renew', { secret: await makeKey(directory), cursor: messageLog.status().removedTo })
          await thread.call('close', undefined)
        } finally {
          await thread.end()
        }
        known = true
        log.warn('the data tracker begins anew, with another key')
      })
    },
    status,
    async close() {
      stopped = true
      clearTimeout(timer)
      opened?.following.stop()
      await opened?.statements.stop()
      await inTurn(async () => {
        await opened?.thread.call('close', undefined)
        await opened?.thread.end()
      })
    },
  }

  async function soon(entering: Promise<void>): Promise<void> {
    const late = pause(PATIENCE_MS, undefined, { ref: false }).then(() => {
      throw new DataTrackerError('not_stated_yet', 'The transparent log takes no statement now')
    })
    await Promise.race([entering, late])
  }

  function usable(): Opened {
    if (opened !== undefined) return opened
    throw lastError ?? new DataTrackerError('unavailable', 'The data tracker is being opened')
  }

  async function answer(wanted: Parameters<DataTracker['answer']>[0]) {
    return await answerOf(usable(), wanted)
  }

  async function counts(provider: Parameters<DataTracker['counts']>[0]) {
    return await usable().thread.call('counts', provider)
  }

  function status(): TrackerStatus {
    const statement = opened?.statements.current
    return {
      tracking: isTracking(),
      ...(opened === undefined ? {} : { records: opened.following.cursor }),
      ...(statement === undefined || statement.entry === null
        ? {}
        : {
            statement: {
              number: statement.number,
              at: new Date(statement.at).toISOString(),
              records: statement.records,
              persons: statement.persons,
              entry: statement.entry,
              ...(statement.erased_before === 0
                ? {}
                : { erasedBefore: new Date(statement.erased_before).toISOString() }),
            },
          }),
      requests: { ...requests },
      lost: opened?.following.lost ?? 0,
      ...(lastError === undefined ? {} : { lastError: { code: lastError.code, message: lastError.message } }),
    }
  }
}
