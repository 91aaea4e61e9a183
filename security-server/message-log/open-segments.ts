// The log on this machine, put together: what is opened in which order, and what a crash between leaves.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError, type Lock, type Log, takeLock } from '#host'
import { threadBeside } from '../threads/thread-calls.ts'
import { BodyFolder, hasBodies, prepareFolders, sweep } from './body-files.ts'
import { LogError } from './error.ts'
import { Indexing } from './indexing.ts'
import { Journal, type JournalOptions } from './journal.ts'
import type { LogStore, StoreKeys } from './log-store.ts'
import { startThread } from './log-thread.ts'
import { Reader } from './reader.ts'
import type { ReadingOperations } from './reading-operations.ts'
import { openForReading } from './schema.ts'
import { SegmentStore } from './segment-store.ts'
import { segmentsIn } from './segments.ts'
import type { WriterOperations } from './writer-operations.ts'

/** What a test puts in their place, to have it fail. */
export interface Replaceable {
  readonly writerThread?: URL
  readonly openSegment?: JournalOptions['openFile']
}

export async function openSegments(
  directory: string,
  keys: StoreKeys,
  log: Log,
  replaced: Replaceable = {},
): Promise<LogStore> {
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
    const { secrets, ring } = keys
    const facts = await writer.call('open', { file: database, segments, mayCreate, secrets })
    keys.require(facts.keyUses)
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
    return new SegmentStore({
      facts: { ...facts, last: facts.tail.seq },
      bodyFiles: new BodyFolder(bodiesDirectory, facts.run),
      writer,
      reading,
      journal: new Journal({ directory: segments, tail: facts.tail, onDeath, openFile: replaced.openSegment }),
      indexing: new Indexing(writer, facts.tail.seq),
      reader: index,
      lock,
      log,
      broken: () => broken,
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
