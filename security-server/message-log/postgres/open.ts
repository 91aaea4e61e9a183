// The log in a PostgreSQL, put together: who has it, what a crash has left, what is read and written by which connection.
import { type Log, type PostgresSettings, reasonOf } from '#host'
import { threadBeside } from '../../threads/thread-calls.ts'
import type { LogFacts, LogStore, StoreKeys } from '../log-store.ts'
import { startThread } from '../log-thread.ts'
import type { KeyUse } from '../store.ts'
import { BodyChunks } from './body-chunks.ts'
import { Lanes } from './lanes.ts'
import { KEY_USES, Reader } from './reader.ts'
import type { ReadingOperations } from './reading-operations.ts'
import { Records } from './records.ts'
import { Removed } from './removal.ts'
import { Session } from './session.ts'
import { Timestamps } from './timestamps.ts'

/** Bodies and readers at the same time; more of them take turns. */
const LANES = 4

/** Bodies of messages that an earlier run did not finish to log: no record names them, and nobody writes them any more. */
const SWEEP = `DELETE FROM log_body WHERE file IN (
  SELECT file FROM log_body WHERE run >= $1 AND run < $2
    AND NOT EXISTS (SELECT FROM log_record WHERE log_record.body_file = log_body.file) LIMIT 100) RETURNING file`
const FACTS = `SELECT coalesce((SELECT max(seq) FROM log_record), 0) AS last, (SELECT count(*) FROM log_untimestamped) AS untimestamped,
  (SELECT at FROM log_timestamp ORDER BY id DESC LIMIT 1) AS last_timestamp_at,
  (SELECT value FROM log_state WHERE key = 'failing_since') AS failing_since`
const STATE =
  'INSERT INTO log_state SELECT $1::text, $2::bigint WHERE RUN ON CONFLICT (key) DO UPDATE SET value = excluded.value'

/**
 * Waits until no other process has the log, then takes it over.
 *
 * @throws {HostError} where the database cannot be used
 */
export async function openPostgres(settings: PostgresSettings, keys: StoreKeys, log: Log): Promise<LogStore> {
  let broken: string | undefined
  let lost: () => void = () => undefined
  const onDeath = (reason: string) => {
    broken ??= reason
    log.error('the message log is broken: no message is taken until this process starts again', { reason })
  }
  const session = await Session.open({
    settings,
    onWaiting: (reason) => log.warn('another process has the message log; this one waits until it ends', { reason }),
    onLost: (reason) => {
      log.error('the database of the message log is gone: no message is taken until it is back', { reason })
      lost()
    },
    onDeath,
  })
  const lanes = new Lanes(settings, LANES)
  const reading = startThread<ReadingOperations>(threadBeside(import.meta, 'reading-thread'), onDeath)
  const close = async () => {
    try {
      await reading.end()
      await lanes.close()
      await session.close()
    } catch (error) {
      log.error('the message log did not close cleanly', { reason: reasonOf(error) })
    }
  }
  try {
    keys.require((await session.ask(KEY_USES)) as unknown as KeyUse[])
    await reading.call('open', { settings, secrets: keys.secrets })
    const run = await session.begin()
    await sweep(session, run, log)
    const facts = await readFacts(session)
    const removal = new Removed(session, lanes, (await readState(session, 'removed_to')) ?? 0)
    const records = new Records(session, facts.last)
    return {
      facts,
      bodyFiles: new BodyChunks(lanes, run),
      records: new Reader({ lanes, reading, keys: keys.ring, removedTo: () => removal.removedTo }),
      timestamps: new Timestamps(session, reading),
      removal,
      append: (layouts) => records.append(layouts),
      async makeRoom() {
        await session.restore()
        await records.settle()
        return await readFacts(session)
      },
      async setState(key, value) {
        await session.write('state', STATE, [key, value])
      },
      addKey: (secret) => reading.call('addKey', secret),
      added: () => undefined,
      refusal: () => undefined,
      get broken() {
        return broken
      },
      get failure() {
        return session.usable || broken !== undefined ? undefined : 'the database does not answer'
      },
      onFailure(listener) {
        lost = listener
      },
      async probe() {
        await session.write('state', STATE, ['probe', Date.now()])
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

async function sweep(session: Session, run: number, log: Log): Promise<void> {
  const from = (await readState(session, 'swept_before')) ?? 0
  for (;;) {
    const removed = await session.ask(SWEEP, [from, run])
    if (removed.length === 0) break
    log.warn('bodies of messages that the last run did not finish to log were removed', {
      count: removed.length,
      files: removed.map((row) => row['file']),
    })
  }
  // A crash before this is durable sweeps the same runs again.
  await session.write('state', STATE, ['swept_before', run])
}

async function readState(session: Session, key: string): Promise<number | undefined> {
  const [row] = await session.ask('SELECT value FROM log_state WHERE key = $1', [key])
  return row?.['value'] as number | undefined
}

async function readFacts(session: Session): Promise<LogFacts> {
  const [row] = await session.ask(FACTS)
  return {
    last: Number(row?.['last']),
    untimestamped: Number(row?.['untimestamped']),
    lastTimestampAt: row?.['last_timestamp_at'] as number | null,
    failingSince: row?.['failing_since'] as number | null,
  }
}
