// The database of the log: the index of the segments, and the time-stamps. What was appended never changes: the tables of
// evidence refuse UPDATE, and DELETE of what was not given up (removal.ts), themselves, and a record is only taken under the next number.
// What becomes known later (time-stamps) stands in tables beside.
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LogError } from './error.ts'
import { RUNS_SCHEMA } from './search/runs.ts'
import { syncDirectory } from './sync-directory.ts'

/** "SaLg": no other program's database is taken for a log. */
const APPLICATION_ID = 0x53614c67
const VERSION = 5

/** Records up to this state were given up. */
const NOT_GIVEN_UP = "old.seq > coalesce((SELECT value FROM state WHERE key = 'removed_to'), 0)"

const SCHEMA = `
  CREATE TABLE records (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('consumer', 'provider')),
    direction TEXT NOT NULL CHECK (direction IN ('request', 'response')),
    protocol TEXT NOT NULL CHECK (protocol IN ('rest', 'soap')),
    query_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    client TEXT NOT NULL,
    provider TEXT NOT NULL,
    service_code TEXT NOT NULL,
    service_version TEXT,
    user_id TEXT,
    issue TEXT,
    represented_party TEXT,
    body_size INTEGER CHECK (body_size >= 0),
    body_file TEXT CHECK (body_file IS NULL OR body_size IS NOT NULL),
    commitment BLOB NOT NULL CHECK (length(commitment) = 32),
    sealed_by TEXT,
    segment INTEGER NOT NULL,
    place INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX records_by_file ON records (body_file) WHERE body_file IS NOT NULL;

  CREATE TABLE timestamps (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    token BLOB NOT NULL,
    result BLOB
  ) STRICT;

  CREATE TABLE record_timestamps (
    seq INTEGER PRIMARY KEY REFERENCES records,
    timestamp INTEGER NOT NULL REFERENCES timestamps,
    chain BLOB
  ) STRICT;

  CREATE INDEX record_timestamps_by_timestamp ON record_timestamps (timestamp);

  CREATE TABLE untimestamped (
    seq INTEGER PRIMARY KEY REFERENCES records,
    signature_digest BLOB NOT NULL CHECK (length(signature_digest) = 64)
  ) STRICT;
${RUNS_SCHEMA}
  CREATE TABLE key_uses (sealed_by TEXT PRIMARY KEY, records INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE state (key TEXT PRIMARY KEY, value INTEGER) STRICT, WITHOUT ROWID;

  CREATE TRIGGER records_are_dense BEFORE INSERT ON records
    WHEN new.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM records)
    BEGIN SELECT raise(ABORT, 'a record takes the next number, no other'); END;
  CREATE TRIGGER records_need_their_key AFTER INSERT ON records WHEN new.sealed_by IS NOT NULL
    BEGIN
      INSERT INTO key_uses VALUES (new.sealed_by, 1) ON CONFLICT (sealed_by) DO UPDATE SET records = records + 1;
    END;
  CREATE TRIGGER records_give_up_their_key AFTER DELETE ON records WHEN old.sealed_by IS NOT NULL
    BEGIN UPDATE key_uses SET records = records - 1 WHERE sealed_by = old.sealed_by; END;
  CREATE TRIGGER records_are_served AFTER INSERT ON record_timestamps
    BEGIN DELETE FROM untimestamped WHERE seq = new.seq; END;
  ${appendOnly('records', NOT_GIVEN_UP)}
  ${appendOnly('record_timestamps', NOT_GIVEN_UP)}
  ${appendOnly('timestamps', 'EXISTS (SELECT 1 FROM record_timestamps WHERE timestamp = old.id)')}
`

/** @param needed When a row may not be deleted. */
function appendOnly(table: string, needed: string): string {
  return `
  CREATE TRIGGER ${table}_never_change BEFORE UPDATE ON ${table}
    BEGIN SELECT raise(ABORT, '${table} is append-only'); END;
  CREATE TRIGGER ${table}_never_go BEFORE DELETE ON ${table} WHEN ${needed}
    BEGIN SELECT raise(ABORT, '${table} is append-only'); END;`
}

/**
 * Opens the log's database for its one writer.
 *
 * @param mayCreate Whether a new log may begin here. Where bodies or segments lie already it may not: their database is
 *   lost, with the time-stamps, and an empty one would have the next sweep remove what is left.
 *
 * WAL with synchronous=FULL: a COMMIT that returned has fsynced its frames in the write-ahead log, so its rows survive
 * a power cut; a COMMIT that did not return left either all of them or none.
 */
export function openForWriting(file: string, mayCreate: boolean): DatabaseSync {
  if (!mayCreate && !existsSync(file)) throw lost(file)
  const db = new DatabaseSync(file, { defensive: true })
  try {
    const mode = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
    if (mode !== 'wal') throw new LogError('store_foreign', `${file} cannot be put into write-ahead mode (${mode})`)
    // recursive_triggers: INSERT OR REPLACE would otherwise delete a record without firing its trigger.
    // A checkpoint of 16 MB finds more rows in each page that it copies than one of 4 MB.
    db.exec(`PRAGMA synchronous = FULL; PRAGMA recursive_triggers = ON; PRAGMA journal_size_limit = 67108864;
      PRAGMA wal_autocheckpoint = 4096`)
    if (pragma(db, 'application_id') === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) {
      if (!mayCreate) throw lost(file)
      create(db, file)
    }
    checkIdentity(db, file)
    return db
  } catch (error) {
    db.close()
    if (error instanceof LogError) throw error
    throw new LogError('store_foreign', `${file} cannot be opened as a message log: ${(error as Error).message}`, {
      cause: error,
    })
  }
}

/** Opens the database beside the writer. Readers see what is committed and hold nothing up. */
export function openForReading(file: string): DatabaseSync {
  return new DatabaseSync(file, { readOnly: true })
}

function lost(file: string): LogError {
  return new LogError(
    'store_missing',
    `There are messages beside ${file}, but the log itself is gone; restore it before starting`,
  )
}

function create(db: DatabaseSync, file: string): void {
  db.exec(
    `BEGIN IMMEDIATE; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${VERSION}; COMMIT`,
  )
  // The transaction is durable, the name of the file is not before this. A crash in between leaves no log and no bodies.
  syncDirectory(dirname(file))
}

function checkIdentity(db: DatabaseSync, file: string): void {
  if (pragma(db, 'application_id') !== APPLICATION_ID)
    throw new LogError('store_foreign', `${file} is not a message log`)
  const version = pragma(db, 'user_version')
  if (version !== VERSION)
    throw new LogError(
      'store_foreign',
      `${file} is a message log of version ${version}; this program writes version ${VERSION}`,
    )
}

function pragma(db: DatabaseSync, name: string): unknown {
  return db.prepare(`PRAGMA ${name}`).get()?.[name]
}
