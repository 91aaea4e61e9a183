// The log, put together: what is opened in which order, and what a crash between leaves.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError, type Lock, takeLock } from '#host'
import { threadBeside } from '../threads/thread-calls.ts'
import { Bodies } from './bodies.ts'
import { BodyFolder, hasBodies, prepareFolders, sweep } from './body-files.ts'
import { LogError } from './error.ts'
import type { MessageLog, MessageLogOptions } from './index.ts'
import { Indexing } from './indexing.ts'
import { Journal, type JournalOptions } from './journal.ts'
import { KeyRing } from './key-ring.ts'
import { readKeys } from './keys-file.ts'
import { OpenKeys, requireKeys } from './log-keys.ts'
import { startThread } from './log-thread.ts'
import { OpenLog } from './message-log.ts'
import { Reader } from './reader.ts'
import type { ReadingOperations } from './reading-operations.ts'
import { Removal } from './removal.ts'
import { openForReading } from './schema.ts'
import { segmentsIn } from './segments.ts'
import { Timestamper } from './timestamper.ts'
import type { WriterOperations } from './writer-operations.ts'

/** What a test puts in their place, to have it fail. */
export interface Replaceable {
  readonly writerThread?: URL
  readonly openSegment?: JournalOptions['openFile']
}

export async function openStore(options: MessageLogOptions, replaced: Replaceable = {}): Promise<MessageLog> {
  const { directory, settings, log } = options
  const database = join(directory, 'log.db')
  const bodiesDirectory = join(directory, 'bodies')
  const segments = join(directory, 'segments')
  await mkdir(segments, { recursive: true, mode: 0o700 })
  const lock = lockDirectory(directory)
  // Whichever thread ends, nothing is logged any more: there is no half a log.
  let broken: string | undefined
  const onDeath = (reason: string) => {
    broken ??= reason
    log.error('the message log is broken: no message is taken until this process starts again', { reason })
  }
  const writerThread = replaced.writerThread ?? threadBeside(import.meta, 'writer-thread')
  const writer = startThread<WriterOperations>(writerThread, onDeath)
  const reading = startThread<ReadingOperations>(threadBeside(import.meta, 'reading-thread'), onDeath)
  let reader: Reader | undefined
  try {
    // Database before records and bodies: a crash between leaves an empty log, never those without one.
    const mayCreate = segmentsIn(segments).size === 0 && !(await hasBodies(bodiesDirectory))
    const source = settings.encryption
    const held = source && (await readKeys(source))
    const secrets = (held ?? []).map(({ secret }) => secret)
    const ring = new KeyRing(secrets)
    const facts = await writer.call('open', { file: database, segments, mayCreate, secrets })
    requireKeys(facts.keyUses, ring, source)
    if (facts.torn !== undefined)
      log.warn(
        'the last run ended while it wrote to the message log; what it had not finished was never said to be logged',
        { ...facts.torn },
      )
    await prepareFolders(bodiesDirectory)
    const index = new Reader(openForReading(database), segments, ring, facts.removedTo)
    reader = index
    await reading.call('open', { file: database, segments, bodies: bodiesDirectory, secrets })
    const removed = await sweep(bodiesDirectory, { from: facts.sweptBefore, before: facts.run }, (file) =>
      index.isReferenced(file),
    )
    if (removed.length > 0)
      log.warn('bodies of messages that the last run did not finish to log were removed', {
        count: removed.length,
        files: removed.slice(0, 100),
      })
    // A crash before this is durable sweeps the same runs again.
    await writer.call('setState', { key: 'swept_before', value: facts.run })
    const bodies = new Bodies({
      files: new BodyFolder(bodiesDirectory, facts.run),
      keepUpTo: settings.maxLoggedBodyBytes ?? Number.POSITIVE_INFINITY,
      keys: ring,
    })
    const journal = new Journal({ directory: segments, tail: facts.tail, onDeath, openFile: replaced.openSegment })
    const indexing = new Indexing(writer, facts.tail.seq)
    const keys = new OpenKeys({
      source,
      keys: held ?? [],
      ring,
      async add(secret) {
        await Promise.all([writer.call('addKey', secret), reading.call('addKey', secret)])
      },
      async uses() {
        await indexing.settle()
        return index.keyUses()
      },
      clock: options.clock,
      log,
    })
    if (source !== undefined && held === undefined) await keys.create()
    const timestamper = new Timestamper({
      writer,
      reading,
      settle: () => indexing.settle(),
      facts,
      configuration: options.configuration,
      intervalSeconds: settings.timestampIntervalSeconds,
      acceptableFailureSeconds: settings.acceptableFailureSeconds,
      clock: options.clock,
      log,
    })
    timestamper.start()
    const removal = new Removal({ writer, reader: index, bodies, log })
    removal.resume()
    return new OpenLog({
      immediate: settings.timestamping === 'immediate',
      textSearch: settings.textSearch ?? false,
      records: facts.tail.seq,
      writer,
      reading,
      journal,
      indexing,
      reader: index,
      bodies,
      ring,
      keys,
      timestamper,
      removal,
      lock,
      log,
      broken: () => broken,
      refusal: options.refusal,
    })
  } catch (error) {
    reader?.close()
    await writer.end()
    await reading.end()
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
