// The tables of a message log in PostgreSQL. What was appended never changes: they refuse UPDATE and TRUNCATE, and DELETE of what was not
// given up (removal.ts), themselves, and a record is only taken under the next number. What becomes known later (time-stamps) stands in
// tables beside.
//
// A record is the same frame that it would be in a segment, with the columns of the index beside it.
import { sql } from 'kysely'
import type { Migration } from '#host'

/** Records of one span of time, which says when they were logged. */
export const SPAN_RECORDS = 16_384

/** What searches look up, by its hash: a text may be longer than an index takes. Parties by their member. */
export const LOOKED_UP = {
  query_id: 'query_id',
  request_id: 'request_id',
  user_id: 'user_id',
  issue: 'issue',
  client: memberOf('client'),
  provider: memberOf('provider'),
} as const
export type LookedUp = keyof typeof LOOKED_UP

/** The member of a client, as keys have it. */
function memberOf(column: string): string {
  return `(split_part(${column}, '/', 1) || '/' || split_part(${column}, '/', 2) || '/' || split_part(${column}, '/', 3))`
}

/** Frames and bodies are not compressed: signatures, base64, ciphertext. */
const TABLES = `
  CREATE TABLE log_record (
    seq bigint PRIMARY KEY,
    at bigint NOT NULL,
    side text NOT NULL CHECK (side IN ('consumer', 'provider')),
    direction text NOT NULL CHECK (direction IN ('request', 'response')),
    protocol text NOT NULL CHECK (protocol IN ('rest', 'soap')),
    query_id text NOT NULL,
    request_id text NOT NULL,
    client text COLLATE "C" NOT NULL,
    provider text COLLATE "C" NOT NULL,
    service_code text NOT NULL,
    service_version text,
    user_id text,
    issue text,
    represented_party text,
    body_size bigint CHECK (body_size >= 0),
    body_file text CHECK (body_file IS NULL OR body_size IS NOT NULL),
    commitment bytea NOT NULL CHECK (octet_length(commitment) = 32),
    sealed_by text,
    frame bytea NOT NULL
  );
  ALTER TABLE log_record ALTER COLUMN frame SET STORAGE EXTERNAL;
  CREATE UNIQUE INDEX log_record_by_file ON log_record (body_file) WHERE body_file IS NOT NULL;
  ${Object.keys(LOOKED_UP).map(lookUpIndex).join('\n  ')}

  CREATE TABLE log_span (span bigint PRIMARY KEY, from_at bigint NOT NULL, to_at bigint NOT NULL);

  CREATE TABLE log_timestamp (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at bigint NOT NULL,
    token bytea NOT NULL,
    result bytea
  );
  CREATE TABLE log_record_timestamp (
    seq bigint PRIMARY KEY REFERENCES log_record,
    timestamp bigint NOT NULL REFERENCES log_timestamp,
    chain bytea
  );
  CREATE INDEX log_record_timestamp_by_timestamp ON log_record_timestamp (timestamp);
  CREATE TABLE log_untimestamped (
    seq bigint PRIMARY KEY,
    signature_digest bytea NOT NULL CHECK (octet_length(signature_digest) = 64)
  );

  -- What the transparent log is made of outlives the record.
  CREATE TABLE log_removed (seq bigint PRIMARY KEY, commitment bytea NOT NULL);
  CREATE TABLE log_key_use (sealed_by text PRIMARY KEY, records bigint NOT NULL);
  CREATE TABLE log_state (key text PRIMARY KEY, value bigint);

  -- Bodies that are too long for their record, in chunks of one size but the last; run says which start of the log made it.
  CREATE TABLE log_body (file text PRIMARY KEY, run bigint NOT NULL);
  CREATE TABLE log_body_chunk (
    file text REFERENCES log_body ON DELETE CASCADE,
    number bigint,
    bytes bytea NOT NULL,
    PRIMARY KEY (file, number)
  );
  ALTER TABLE log_body_chunk ALTER COLUMN bytes SET STORAGE EXTERNAL;
`

function lookUpIndex(column: string): string {
  const value = LOOKED_UP[column as LookedUp]
  return `CREATE INDEX log_record_by_${column} ON log_record (hashtextextended(${value}, 0), seq) WHERE ${column} IS NOT NULL;`
}

const RULES = `
  ${trigger('log_refuse', `RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;`)}
  ${trigger(
    'log_keep',
    `IF OLD.seq > coalesce((SELECT value FROM log_state WHERE key = 'removed_to'), 0) THEN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    RETURN OLD;`,
  )}
  ${trigger(
    'log_take',
    `SELECT min(seq), max(seq), count(*) INTO first, last, number FROM added;
    IF number > 0 AND (last - first + 1 <> number
      OR first <> 1 + (SELECT coalesce(max(seq), 0) FROM log_record WHERE seq < first)) THEN
      RAISE EXCEPTION 'a record takes the next number, no other';
    END IF;
    INSERT INTO log_span SELECT (seq - 1) / ${SPAN_RECORDS}, min(at), max(at) FROM added GROUP BY 1
      ON CONFLICT (span) DO UPDATE
        SET from_at = least(log_span.from_at, excluded.from_at), to_at = greatest(log_span.to_at, excluded.to_at);
    INSERT INTO log_key_use SELECT sealed_by, count(*) FROM added WHERE sealed_by IS NOT NULL GROUP BY sealed_by
      ON CONFLICT (sealed_by) DO UPDATE SET records = log_key_use.records + excluded.records;
    RETURN NULL;`,
    'DECLARE first bigint; last bigint; number bigint;',
  )}
  ${trigger(
    'log_release_keys',
    `UPDATE log_key_use SET records = records - gone.number
      FROM (SELECT sealed_by, count(*) AS number FROM removed GROUP BY sealed_by) AS gone WHERE gone.sealed_by = log_key_use.sealed_by;
    RETURN NULL;`,
  )}
  ${trigger(
    'log_serve',
    `DELETE FROM log_untimestamped USING added WHERE log_untimestamped.seq = added.seq;
    RETURN NULL;`,
  )}
  CREATE TRIGGER log_record_takes AFTER INSERT ON log_record REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION log_take();
  CREATE TRIGGER log_record_releases_keys AFTER DELETE ON log_record REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION log_release_keys();
  CREATE TRIGGER log_record_timestamp_serves AFTER INSERT ON log_record_timestamp REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION log_serve();
  ${['log_record', 'log_record_timestamp', 'log_timestamp', 'log_removed'].map(neverChanges).join('\n  ')}
  ${['log_record', 'log_record_timestamp'].map(goesWhenGivenUp).join('\n  ')}
  CREATE TRIGGER log_removed_never_goes BEFORE DELETE ON log_removed FOR EACH STATEMENT EXECUTE FUNCTION log_refuse();
`

function trigger(name: string, body: string, declare = ''): string {
  return `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    ${declare} BEGIN ${body} END $$;`
}

function neverChanges(table: string): string {
  return `CREATE TRIGGER ${table}_never_changes BEFORE UPDATE OR TRUNCATE ON ${table}
    FOR EACH STATEMENT EXECUTE FUNCTION log_refuse();`
}

/** A time-stamp goes with its last record: until then the reference to it holds it. */
function goesWhenGivenUp(table: string): string {
  return `CREATE TRIGGER ${table}_goes_when_given_up BEFORE DELETE ON ${table}
    FOR EACH ROW EXECUTE FUNCTION log_keep();`
}

export const LOG_MIGRATIONS: readonly Migration[] = [
  {
    name: '001-log',
    async up(db) {
      await sql.raw(TABLES).execute(db)
      await sql.raw(RULES).execute(db)
    },
  },
]
