// Random registers and what random programs do to them: tables of every kind of key and type, rows that lie outside their pages, transactions one within another's
// time, and schemas that change under all of it. From a seed, so that a failure can be run again.
import type { Client } from 'pg'

export type Random = (below: number) => number

/** Whole numbers below a bound, from a seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

export const SCHEMA = `
  CREATE SCHEMA "Odd ""space"".";
  CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s');
  CREATE TYPE place AS (street text, "no" int);
  CREATE DOMAIN code AS varchar(12) CHECK (value <> 'never');
  CREATE TYPE span AS RANGE (subtype = float8);
  CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * a';
  CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.noted (what) VALUES (TG_OP || TG_TABLE_NAME); RETURN NULL; END';
  CREATE TABLE noted (id bigserial PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), what text);
  CREATE SEQUENCE free START 100 INCREMENT 7;
`

type Value = (random: Random) => string

const quote = (text: string) => `'${text.replaceAll("'", "''")}'`
const number: Value = (r) => `${r(2_000_000) - 1_000_000}`
/** Longer than a page, and not to be made shorter by compression. */
const long = (length: string) =>
  `(SELECT string_agg(md5((g * random())::text), '') FROM generate_series(1, ${length}) g)`
const word: Value = (r) =>
  quote(
    [
      '',
      'Mari',
      "O'Brien",
      'tab\there',
      'line\nbreak',
      'back\\slash',
      '\\N',
      'Õ€𝄞',
      '"quoted"',
      '{a,b}',
      '(x,y)',
      'NULL',
    ][r(12)] ?? '',
  )
const text: Value = (r) => (r(8) === 0 ? long(`${300 + r(900)}`) : word(r))

const TYPES: readonly (readonly [type: string, value: Value])[] = [
  ['int', number],
  ['bigint', (r) => (r(4) === 0 ? '9223372036854775807' : number(r))],
  ['smallint', (r) => `${r(30_000)}`],
  ['numeric(20,4)', (r) => `${r(1_000_000)}.${r(10_000)}`],
  ['numeric', (r) => ['1.0', '1.00', "'NaN'", '1e300', '-0.000'][r(5)] ?? '1'],
  ['real', (r) => `${r(1000)}.1::real`],
  ['double precision', (r) => ["'-0'", "'Infinity'", '0.1', '1e-310', "'NaN'"][r(5)] ?? '1'],
  ['text', text],
  ['text COLLATE "C"', text],
  ['varchar(5000)', word],
  ['char(9)', (r) => `left(${word(r)}, 9)`],
  ['citext', word],
  ['code', (r) => `left(${word(r)}, 12)`],
  ['bytea', (r) => (r(6) === 0 ? `decode(${long(`${2500 + r(3000)}`)}, 'hex')` : `'\\x${'00ff5c27'.repeat(r(3))}'`)],
  ['boolean', (r) => (r(2) === 0 ? 'true' : 'false')],
  ['date', (r) => `date '2020-01-01' + ${r(3000)}`],
  ['timestamptz', (r) => `timestamptz '2020-01-01 12:34:56.789+02' + ${r(3000)} * interval '1 day 1 microsecond'`],
  ['timestamp(0)', (r) => `timestamp '1999-12-31 23:59:59' + ${r(3000)} * interval '1 hour'`],
  ['interval', (r) => `${r(100)} * interval '1 month -3 days 04:05:06.007'`],
  ['time', (r) => `time '00:00' + ${r(80_000)} * interval '1 second'`],
  ['uuid', () => 'gen_random_uuid()'],
  ['json', (r) => `json_build_object('a', ${word(r)}::text, 'b', ${r(9)})`],
  ['jsonb', (r) => `jsonb_build_object('a', ${text(r)}::text, 'b', ${r(9)})`],
  ['int[]', (r) => (r(3) === 0 ? "'{}'" : `ARRAY[${r(9)}, NULL, ${r(9)}]`)],
  ['text[]', (r) => `ARRAY[${word(r)}::text, NULL, ${text(r)}::text]`],
  ['mood', (r) => ["'sad'", "'ok'", "'it''s'"][r(3)] ?? "'ok'"],
  ['mood[]', () => "ARRAY['sad', 'it''s']::mood[]"],
  ['place', (r) => (r(4) === 0 ? 'ROW(NULL, NULL)::place' : `ROW(${text(r)}, ${r(99)})::place`)],
  ['span', (r) => `span(${r(9)}, ${10 + r(9)})`],
  ['int4multirange', () => "'{[1,3), [5,9)}'"],
  ['inet', (r) => `inet '10.0.0.${r(255)}'`],
  ['bit varying(16)', () => "B'1011'"],
  ['bit(5)', () => "B'10110'"],
  ['money', (r) => `${r(10_000)}.25::money`],
  ['point', (r) => `point(${r(9)}, 0.1)`],
  ['xml', () => `xml '<a>&lt;</a>'`],
  ['tsvector', () => "to_tsvector('simple', 'a b c b')"],
]

const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T
const nullable = (random: Random, value: Value) => (random(6) === 0 ? 'NULL' : value(random))

interface Known {
  readonly name: string
  readonly columns: readonly { readonly name: string; readonly type: string; readonly written: boolean }[]
}

const valueFor = (random: Random, type: string): string => {
  const found = TYPES.find(([name]) => name === type) ?? TYPES.find(([name]) => type.startsWith(name))
  return nullable(random, found?.[1] ?? number)
}

export class Work {
  readonly #random: Random
  #names = 0
  /** Statements that PostgreSQL refused: some are, in time, but not most. */
  refused = 0
  done = 0

  constructor(random: Random) {
    this.#random = random
  }

  /** A transaction, or a part of one that is rolled back. Whatever PostgreSQL refuses is rolled back, too. */
  async transaction(db: Client, statements: number, schema: boolean): Promise<void> {
    const r = this.#random
    await db.query('BEGIN')
    for (let at = 0; at < statements; at += 1) {
      const sql = schema && r(4) === 0 ? await this.#definition(db) : await this.#change(db)
      if (sql === undefined) continue
      await db.query('SAVEPOINT s')
      try {
        await db.query(sql)
        this.done += 1
        // What is undone must not be told.
        if (r(8) === 0) await db.query('ROLLBACK TO SAVEPOINT s')
      } catch (error) {
        this.refused += 1
        if (process.env['SAADIK_SHOW'] !== undefined) console.error(`${(error as Error).message}: ${sql.slice(0, 300)}`)
        await db.query('ROLLBACK TO SAVEPOINT s')
      }
    }
    await db.query(r(10) === 0 ? 'ROLLBACK' : 'COMMIT').catch(() => undefined)
  }

  newTable(): string {
    const r = this.#random
    this.#names += 1
    const name = r(5) === 0 ? `"Odd ""space""."."T ${this.#names}"` : `public.t${this.#names}`
    const columns = Array.from({ length: 1 + r(6) }, (_, at) => this.#column(`c${at}`))
    const key = pick(r, [
      [],
      ['id int PRIMARY KEY'],
      ['id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY'],
      ['id int GENERATED BY DEFAULT AS IDENTITY (START 1000 INCREMENT 5)', 'PRIMARY KEY (id)'],
      ['"Kéy" serial PRIMARY KEY'],
      ['id text PRIMARY KEY'],
      ['id uuid DEFAULT gen_random_uuid() PRIMARY KEY'],
      ['a int', 'b varchar(5000)', 'PRIMARY KEY (b, a)'],
      ['id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED'],
      ['id int', 'twice int GENERATED ALWAYS AS (twice(id)) STORED', 'PRIMARY KEY (id)'],
      ['id int', 'CHECK (id > -5000000)'],
    ])
    const trigger =
      r(6) === 0
        ? `; CREATE TRIGGER noting AFTER INSERT OR UPDATE ON ${name} FOR EACH ROW EXECUTE FUNCTION stamp()`
        : ''
    const always = trigger !== '' && r(2) === 0 ? `; ALTER TABLE ${name} ENABLE ALWAYS TRIGGER noting` : ''
    return `CREATE TABLE ${name} (${[...key.filter((part) => /^["a-z]/.test(part)), ...columns, ...key.filter((part) => /^[A-Z]/.test(part))].join(', ')})${trigger}${always}`
  }

  #column(name: string): string {
    const r = this.#random
    const [type, value] = pick(r, TYPES)
    const initial = r(4) === 0 && !/SELECT/.test(value(seeded(1))) ? ` DEFAULT ${withoutSelect(r, value)}` : ''
    return `${name} ${type}${initial}`
  }

  async #tables(db: Client): Promise<Known[]> {
    const { rows } = await db.query(`
      SELECT c.oid::regclass::text AS name, json_agg(json_build_object('name', quote_ident(a.attname), 'type', format_type(a.atttypid, a.atttypmod),
        'written', a.attgenerated = '' AND a.attidentity <> 'a') ORDER BY a.attnum) AS columns
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('public', 'Odd "space".') AND c.relname <> 'noted' GROUP BY c.oid ORDER BY c.oid`)
    return rows as Known[]
  }

  async #change(db: Client): Promise<string | undefined> {
    const r = this.#random
    const tables = await this.#tables(db)
    if (tables.length === 0) return this.newTable()
    const { name, columns } = pick(r, tables)
    const written = columns.filter((column) => column.written)
    const some = `ctid IN (SELECT ctid FROM ${name} ORDER BY random() LIMIT ${1 + r(3)})`
    const kind = r(20)
    if (written.length === 0 && kind < 14) return `INSERT INTO ${name} DEFAULT VALUES`
    if (kind < 9) {
      const chosen = written.filter(() => r(5) > 0)
      if (chosen.length === 0) return `INSERT INTO ${name} DEFAULT VALUES`
      const rows = Array.from({ length: 1 + r(4) }, () => `(${chosen.map(({ type }) => valueFor(r, type)).join(', ')})`)
      return `INSERT INTO ${name} (${chosen.map((column) => column.name).join(', ')}) VALUES ${rows.join(', ')}`
    }
    if (kind < 15) {
      const column = pick(r, written)
      return `UPDATE ${name} SET ${column.name} = ${valueFor(r, column.type)} WHERE ${some}`
    }
    if (kind < 18) return `DELETE FROM ${name} WHERE ${some}`
    if (kind === 18)
      return r(3) === 0 ? `TRUNCATE ${name}${r(2) === 0 ? ' RESTART IDENTITY' : ''} CASCADE` : `SELECT nextval('free')`
    return `SELECT setval('free', ${r(5000) + 1}, ${r(2) === 0})`
  }

  async #definition(db: Client): Promise<string> {
    const r = this.#random
    const tables = await this.#tables(db)
    const kind = r(26)
    this.#names += 1
    const n = this.#names
    if (tables.length < 3 || kind < 4) return this.newTable()
    const { name, columns } = pick(r, tables)
    const column = pick(r, columns).name
    switch (kind) {
      case 4:
      case 5:
        return `ALTER TABLE ${name} ADD COLUMN ${this.#column(`n${n}`)}`
      case 6:
        return `ALTER TABLE ${name} ADD COLUMN n${n} timestamptz NOT NULL DEFAULT now()`
      case 7:
        return `ALTER TABLE ${name} ADD COLUMN n${n} uuid DEFAULT gen_random_uuid(), ADD COLUMN m${n} serial`
      case 8:
        return `ALTER TABLE ${name} DROP COLUMN ${column} CASCADE`
      case 9:
        return `ALTER TABLE ${name} RENAME COLUMN ${column} TO "R ${n}"`
      case 10:
        return `ALTER TABLE ${name} ALTER COLUMN ${column} TYPE text USING ${column}::text || 'x'`
      case 11:
        return `DROP TABLE ${name} CASCADE`
      case 12:
        return `ALTER TABLE ${name} RENAME TO "Renamed ${n}"`
      case 13:
        return `CREATE INDEX i${n} ON ${name} (${column})`
      case 14:
        return `CREATE TABLE public.t${n} AS SELECT * FROM ${name}`
      case 15:
        return `CREATE TABLE public.t${n} (id int PRIMARY KEY, at int) PARTITION BY RANGE (id); CREATE TABLE public.t${n}a PARTITION OF public.t${n} FOR VALUES FROM (MINVALUE) TO (0); CREATE TABLE public.t${n}b PARTITION OF public.t${n} DEFAULT; INSERT INTO public.t${n} VALUES (-1, 1), (1, 1)`
      case 16:
        return `DO $$ BEGIN EXECUTE 'CREATE TABLE public.t${n} (a int, b text)'; INSERT INTO public.t${n} VALUES (1, repeat('y', 9000)); ALTER TABLE public.t${n} ADD PRIMARY KEY (a); UPDATE public.t${n} SET a = 2; END $$`
      case 17:
        return `CREATE VIEW public.v${n} AS SELECT ${column} FROM ${name}`
      case 18:
        return `ALTER TYPE mood ADD VALUE 'm${n}' BEFORE 'ok'`
      case 19:
        return `ALTER TABLE ${name} SET SCHEMA ${name.startsWith('"Odd') ? 'public' : '"Odd ""space""."'}`
      case 20:
        return `ALTER TABLE ${name} ALTER COLUMN ${column} SET NOT NULL`
      case 21:
        return `ALTER TABLE ${name} ADD CONSTRAINT k${n} PRIMARY KEY (${column})`
      case 22:
        return `CREATE SEQUENCE public.s${n} CACHE 3; SELECT nextval('public.s${n}'); ALTER SEQUENCE free RENAME TO free${n}; ALTER SEQUENCE free${n} RENAME TO free`
      case 23:
        return `CREATE OR REPLACE FUNCTION public.f(a int) RETURNS int LANGUAGE sql AS 'SELECT ${n} + a'; COMMENT ON TABLE ${name} IS 'Number ${n}'; COMMENT ON COLUMN ${name}.${column} IS 'it''s \\ ${n}'`
      case 24:
        return `ALTER TABLE ${name} ADD COLUMN g${n} text GENERATED ALWAYS AS (md5(tableoid::text || ${n})) STORED`
      default:
        return `ALTER TABLE ${name} ALTER COLUMN ${column} SET DEFAULT NULL, ALTER COLUMN ${column} SET STATISTICS ${n}`
    }
  }
}

/** A default may be no query. */
function withoutSelect(random: Random, value: Value): string {
  for (;;) {
    const sql = value(random)
    if (!sql.includes('SELECT')) return sql
  }
}
