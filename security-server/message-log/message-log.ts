// The log, put together: bodies, commits, time-stamps and reading, in the order of design "The way of a message".
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError, type Lock, type Log, takeLock } from '#host'
import { Bodies, hasBodies, prepareFolders, sweep } from './bodies.ts'
import { Commits } from './commits.ts'
import { containerOf } from './container.ts'
import { LogError } from './error.ts'
import type { FindQuery, LogStatus, MessageLog, MessageLogOptions } from './index.ts'
import { Reader } from './reader.ts'
import type { BodyReference, LogRecord, StoredRecord } from './record.ts'
import type { RoundOperations } from './round.ts'
import { checkRecord, toRow } from './row.ts'
import { openForReading } from './schema.ts'
import type { BodySpool } from './spool.ts'
import { Timestamper } from './timestamper.ts'
import { WorkerCalls, workerBeside } from './worker-calls.ts'
import type { WriterOperations } from './writer-operations.ts'

const MAX_PAGE = 1000
/** How often a store that failed is tried, so that the log says it is well again without a message having to dare. */
const PROBE_MS = 5_000

/** @param writerThread The writer's entry; a test gives one whose disk fails. */
export async function openStore(
  options: MessageLogOptions,
  writerThread = workerBeside(import.meta, 'writer-thread'),
): Promise<MessageLog> {
  const { directory, settings, log } = options
  const database = join(directory, 'log.db')
  const bodiesDirectory = join(directory, 'bodies')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = lockDirectory(directory)
  // Whichever thread ends, nothing is logged any more: there is no half a log.
  let broken: string | undefined
  const onDeath = (reason: string) => {
    broken ??= reason
    log.error('the message log is broken: no message is taken until this process starts again', { reason })
  }
  const writer = new WorkerCalls<WriterOperations>(writerThread, onDeath)
  const rounds = new WorkerCalls<RoundOperations>(workerBeside(import.meta, 'round-thread'), onDeath)
  try {
    // Database before folders: a crash between leaves an empty log, never bodies without one.
    const facts = await writer.call('open', { file: database, mayCreate: !(await hasBodies(bodiesDirectory)) })
    await prepareFolders(bodiesDirectory)
    const reader = new Reader(openForReading(database))
    await rounds.call('open', database)
    const removed = await sweep(bodiesDirectory, { from: facts.sweptBefore, before: facts.run }, (file) =>
      reader.isReferenced(file),
    )
    if (removed.length > 0)
      log.warn('bodies of messages that the last run did not finish to log were removed', {
        count: removed.length,
        files: removed.slice(0, 100),
      })
    // A crash before this is durable sweeps the same runs again.
    await writer.call('setState', { key: 'swept_before', value: facts.run })
    const bodies = new Bodies({
      directory: bodiesDirectory,
      run: facts.run,
      keepUpTo: settings.maxLoggedBodyBytes ?? Number.POSITIVE_INFINITY,
    })
    const timestamper = new Timestamper({
      writer,
      rounds,
      facts,
      configuration: options.configuration,
      intervalSeconds: settings.timestampIntervalSeconds,
      acceptableFailureSeconds: settings.acceptableFailureSeconds,
      clock: options.clock,
      log,
    })
    timestamper.start()
    return new OpenLog({
      immediate: settings.timestamping === 'immediate',
      records: facts.lastSeq,
      writer,
      rounds,
      reader,
      bodies,
      timestamper,
      lock,
      log,
      broken: () => broken,
    })
  } catch (error) {
    await writer.end()
    await rounds.end()
    lock.release()
    throw error
  }
}

/** One process per log: two would sweep each other's bodies away. */
function lockDirectory(directory: string): Lock {
  try {
    return takeLock(join(directory, 'lock'), `a process with the message log ${directory}`)
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    throw new LogError('store_in_use', error.message, { cause: error })
  }
}

interface Parts {
  readonly immediate: boolean
  readonly records: number
  readonly writer: WorkerCalls<WriterOperations>
  readonly rounds: WorkerCalls<RoundOperations>
  readonly reader: Reader
  readonly bodies: Bodies
  readonly timestamper: Timestamper
  readonly lock: Lock
  readonly log: Log
  readonly broken: () => string | undefined
}

class OpenLog implements MessageLog {
  readonly #parts: Parts
  readonly #commits: Commits
  #records: number
  #closed = false
  /** What the last write failed with, until one succeeds. */
  #failure: string | undefined
  #probe: NodeJS.Timeout | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#commits = new Commits(parts.writer)
    this.#records = parts.records
  }

  spool(): BodySpool {
    return this.#parts.bodies.spool()
  }

  async *read(body: BodyReference): AsyncGenerator<Uint8Array> {
    const { file, inline, stored } = body
    if (inline !== undefined) return yield inline
    if (file !== undefined) return yield* this.#parts.bodies.read({ ...body, file }, stored !== undefined)
    if (body.truncated)
      throw new LogError('body_not_kept', `The body of ${body.size} bytes was longer than this log keeps`)
    const bytes = stored === undefined ? undefined : this.#parts.reader.inlineBody(stored)
    if (bytes === undefined) throw new LogError('body_missing', 'The log has no such body')
    yield bytes
  }

  drop(body: BodyReference): Promise<void> {
    return this.#parts.bodies.drop(body)
  }

  async append(record: LogRecord): Promise<number> {
    const { immediate, timestamper } = this.#parts
    const refusal = this.#refusal() ?? timestamper.refusal(immediate)
    if (refusal !== undefined) throw refusal
    checkRecord(record)
    const seq = await this.#commit(record)
    if (immediate) await timestamper.now([seq])
    return seq
  }

  /** The body is claimed before the record is under way, so that nobody can remove it from under the commit. */
  async #commit(record: LogRecord): Promise<number> {
    const { bodies, timestamper, log } = this.#parts
    const { body, side, direction } = record
    if (body !== undefined) bodies.claim(body)
    let seq: number
    try {
      seq = await this.#commits.append(toRow(record))
    } catch (error) {
      // An unknown outcome keeps the body: it may be evidence after the next start, or be swept then.
      if (body !== undefined && !(error as LogError).mayRemain) bodies.release(body)
      this.#failed((error as Error).message)
      throw error
    }
    // Durable from here on. A crash leaves a logged message that never went on; its peers see a cut connection.
    this.#failure = undefined
    this.#records = Math.max(this.#records, seq)
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

  async find(query: FindQuery): Promise<readonly StoredRecord[]> {
    const { after = 0, limit = MAX_PAGE } = query
    return this.#parts.reader.find({ ...query, after, limit: Math.min(limit, MAX_PAGE) })
  }

  async get(seq: number): Promise<StoredRecord | undefined> {
    return Number.isSafeInteger(seq) ? this.#parts.reader.get(seq) : undefined
  }

  async list(query: { queryId?: string; after: number; limit: number }): Promise<readonly StoredRecord[]> {
    return this.#parts.reader.list({ ...query, limit: Math.min(query.limit, MAX_PAGE) })
  }

  async *container(seq: number): AsyncGenerator<Uint8Array> {
    const record = await this.get(seq)
    if (record === undefined) throw new LogError('record_missing', `The log has no record ${seq}`)
    yield* containerOf(record, this.#parts.reader.timestamp(seq), (body) => this.read(body))
  }

  timestampNow(seqs: readonly number[]): Promise<void> {
    const refusal = this.#refusal()
    return refusal === undefined ? this.#parts.timestamper.now(seqs) : Promise.reject(refusal)
  }

  status(): LogStatus {
    const { immediate, timestamper } = this.#parts
    const refusing = (this.#refusal() ?? timestamper.refusal(immediate))?.message ?? this.#failure
    return { records: this.#records, ...timestamper.status(), ...(refusing === undefined ? {} : { refusing }) }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#probe)
    const { timestamper, writer, rounds, reader, lock, log, broken } = this.#parts
    timestamper.stop()
    await this.#commits.idle()
    reader.close()
    await rounds.end()
    if (broken() === undefined)
      await writer
        .call('close', undefined)
        .catch((error) => log.error('the message log did not close cleanly', { reason: error.message }))
    await writer.end()
    lock.release()
  }

  #refusal(): LogError | undefined {
    if (this.#closed) return new LogError('closed', 'The message log is closed')
    const broken = this.#parts.broken()
    return broken === undefined
      ? undefined
      : new LogError('store_broken', `The message log is broken until this process starts again: ${broken}`)
  }

  #failed(reason: string): void {
    const { writer, log, broken } = this.#parts
    if (this.#failure === undefined) log.error('records cannot be written', { reason })
    this.#failure = `The last write failed: ${reason}`
    if (this.#probe !== undefined) return
    const probe = async () => {
      this.#probe = undefined
      if (this.#failure === undefined || broken() !== undefined || this.#closed) return
      try {
        await writer.call('setState', { key: 'probe', value: this.#records })
        this.#failure = undefined
        log.info('the message log can be written again')
      } catch (error) {
        this.#failed((error as Error).message)
      }
    }
    this.#probe = setTimeout(() => void probe(), PROBE_MS)
  }
}
