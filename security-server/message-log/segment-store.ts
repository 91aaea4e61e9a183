// The log on this machine: records in segments, SQLite as their index (decision 15), long bodies in files.
import type { Lock, Log } from '#host'
import type { BodyFiles } from './body-files.ts'
import type { LogError } from './error.ts'
import type { Layout } from './frame.ts'
import type { Indexing } from './indexing.ts'
import type { Journal } from './journal.ts'
import type { LogFacts, LogStore, RecordReader, RemovalStore, TimestampStore } from './log-store.ts'
import type { LogThread } from './log-thread.ts'
import type { Reader } from './reader.ts'
import type { ReadingOperations } from './reading-operations.ts'
import type { StateKey } from './store.ts'
import type { WriterOperations } from './writer-operations.ts'

export interface SegmentParts {
  readonly facts: LogFacts
  readonly bodyFiles: BodyFiles
  readonly writer: LogThread<WriterOperations>
  readonly reading: LogThread<ReadingOperations>
  readonly journal: Journal
  readonly indexing: Indexing
  readonly reader: Reader
  readonly lock: Lock
  readonly log: Log
  readonly broken: () => string | undefined
}

export class SegmentStore implements LogStore {
  readonly facts: LogFacts
  readonly bodyFiles: BodyFiles
  readonly records: RecordReader
  readonly timestamps: TimestampStore
  readonly removal: RemovalStore
  readonly #parts: SegmentParts

  constructor(parts: SegmentParts) {
    this.facts = parts.facts
    this.bodyFiles = parts.bodyFiles
    this.records = readRecords(parts)
    this.timestamps = storeTimestamps(parts)
    this.removal = removeRecords(parts)
    this.#parts = parts
  }

  append(layouts: readonly Layout[]): Promise<number> {
    return this.#parts.journal.append(layouts)
  }

  async makeRoom(): Promise<undefined> {
    await this.#parts.journal.makeRoom()
  }

  setState(key: StateKey, value: number | null): Promise<void> {
    return this.#parts.writer.call('setState', { key, value })
  }

  async addKey(secret: Uint8Array): Promise<void> {
    const { writer, reading } = this.#parts
    await Promise.all([writer.call('addKey', secret), reading.call('addKey', secret)])
  }

  added(seq: number): void {
    this.#parts.indexing.added(seq)
  }

  refusal(): LogError | undefined {
    return this.#parts.indexing.refusal()
  }

  get broken(): string | undefined {
    return this.#parts.broken()
  }

  get failure(): string | undefined {
    return this.#parts.indexing.failure
  }

  onFailure(listener: () => void): void {
    const { indexing, log } = this.#parts
    indexing.onFailure = ({ message }, again) => {
      if (!again) log.error('records are durable but cannot be entered into the index', { reason: message })
      listener()
    }
  }

  async probe(): Promise<void> {
    await this.#parts.indexing.settle()
    await this.setState('probe', Date.now())
  }

  async close(): Promise<void> {
    const { writer, reading, journal, indexing, reader, lock, log, broken } = this.#parts
    indexing.stop()
    reader.close()
    await reading.end()
    try {
      await journal.close()
      // What is not in the index yet, the next start enters; it is only slower then.
      if (broken() === undefined) await indexing.settle()
      if (broken() === undefined) await writer.call('close', undefined)
    } catch (error) {
      log.error('the message log did not close cleanly', { reason: (error as Error).message })
    }
    await writer.end()
    lock.release()
  }
}

function readRecords({ reader, reading, indexing }: SegmentParts): RecordReader {
  /** What the index knows is read also while a full disk keeps it from following. */
  const known = async <T>(read: () => T | undefined): Promise<T | undefined> => {
    const found = read()
    if (found !== undefined) return found
    await indexing.settle()
    return read()
  }
  return {
    async search(query) {
      await indexing.settle()
      return await reading.call('search', query)
    },
    async list(query) {
      await indexing.settle()
      return reader.list(query)
    },
    get: (seq) => known(() => reader.get(seq)),
    evidence: (seq) => known(() => reader.evidence(seq)),
    inlineBody: async (seq) => reader.inlineBody(seq),
    timestamp: async (seq) => reader.timestamp(seq),
    async keyUses() {
      await indexing.settle()
      return reader.keyUses()
    },
  }
}

function storeTimestamps({ writer, reading, indexing }: SegmentParts): TimestampStore {
  return {
    async prepare(selection) {
      await indexing.settle()
      return await reading.call('prepare', selection)
    },
    save: (timestamp, links) => writer.call('saveTimestamp', { timestamp, links }),
    link: (timestamp, links) => writer.call('linkTimestamp', { timestamp, links }),
  }
}

function removeRecords({ writer, reader, indexing }: SegmentParts): RemovalStore {
  return {
    get removedTo() {
      return reader.removedTo
    },
    async giveUp(upTo) {
      await indexing.settle()
      reader.removedTo = await writer.call('giveUp', upTo)
    },
    givenUpFiles: async (after, limit) => reader.givenUpFiles(after, limit),
    forget: (limit) => writer.call('forget', limit),
    async forgetRest() {
      if (await writer.call('forgetRun', undefined)) return true
      await writer.call('forgetTimestamps', undefined)
      await writer.call('forgetSegments', undefined)
      return false
    },
  }
}
