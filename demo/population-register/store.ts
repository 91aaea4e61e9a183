// The register's own store, as any institution has one: SQLite, filled once with the synthetic population.
import { DatabaseSync } from 'node:sqlite'
import { type Address, type Person, population } from './population.ts'

export interface StoredPerson extends Person {
  /** Grows by one with every update; the ETag. */
  readonly version: number
}

export interface Search {
  /** Every word must begin a word of the name; letters with and without accents are the same. */
  readonly name?: string
  readonly birthYear?: number
  readonly municipality?: string
  readonly page: number
  readonly pageSize: number
}

export interface Update {
  readonly givenName: string
  readonly surname: string
  readonly address: Address
}

export type UpdateResult =
  | { readonly kind: 'updated'; readonly person: StoredPerson }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'changed' }

export interface RegisterStore {
  find(personalCode: string): StoredPerson | undefined
  search(query: Search): { readonly total: number; readonly persons: readonly StoredPerson[] }
  /** With `version`, only if that is still the stored one. */
  update(personalCode: string, change: Update, version?: number): UpdateResult
  count(): number
  close(): void
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS person (
    personal_code TEXT PRIMARY KEY,
    given_name TEXT NOT NULL, surname TEXT NOT NULL, sex TEXT NOT NULL, date_of_birth TEXT NOT NULL,
    street TEXT NOT NULL, postal_code TEXT NOT NULL, municipality TEXT NOT NULL, county TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    search_name TEXT NOT NULL, birth_year INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS person_birth_year ON person (birth_year);`

type Row = {
  personal_code: string
  given_name: string
  surname: string
  sex: 'female' | 'male'
  date_of_birth: string
  street: string
  postal_code: string
  municipality: string
  county: string
  version: number
}

/** Opens the register and, if it is new, fills it. `:memory:` is allowed. */
export function openRegister(file: string): RegisterStore {
  const db = new DatabaseSync(file)
  db.exec(SCHEMA)
  fill(db)

  const one = db.prepare('SELECT * FROM person WHERE personal_code = ?')
  const change =
    db.prepare(`UPDATE person SET given_name = ?, surname = ?, search_name = ?, street = ?, postal_code = ?, municipality = ?,
    county = ?, version = version + 1 WHERE personal_code = ? AND version = ?`)
  const find = (personalCode: string) => {
    const row = one.get(personalCode) as Row | undefined
    return row && toPerson(row)
  }
  return {
    find,
    search(query) {
      const { where, values } = conditions(query)
      const { total } = db.prepare(`SELECT count(*) AS total FROM person ${where}`).get(...values) as { total: number }
      const page = db.prepare(
        `SELECT * FROM person ${where} ORDER BY surname, given_name, personal_code LIMIT ? OFFSET ?`,
      )
      const found = page.all(...values, query.pageSize, (query.page - 1) * query.pageSize)
      return { total, persons: found.map((row) => toPerson(row as Row)) }
    },
    update(personalCode, next, version) {
      const current = find(personalCode)
      if (!current) return { kind: 'unknown' }
      const { givenName, surname, address } = next
      const { street, postalCode, municipality, county } = address
      const name = searchName(givenName, surname)
      const expected = version ?? current.version
      const done = change.run(
        givenName,
        surname,
        name,
        street,
        postalCode,
        municipality,
        county,
        personalCode,
        expected,
      )
      const person = find(personalCode)
      return done.changes === 1 && person ? { kind: 'updated', person } : { kind: 'changed' }
    },
    count: () => (db.prepare('SELECT count(*) AS total FROM person').get() as { total: number }).total,
    close: () => db.close(),
  }
}

/** All or nothing: a start that is killed here leaves an empty table, and the next one fills it. */
function fill(db: DatabaseSync): void {
  if (db.prepare('SELECT 1 FROM person LIMIT 1').get()) return
  const insert =
    db.prepare(`INSERT INTO person (personal_code, given_name, surname, sex, date_of_birth, street, postal_code,
    municipality, county, search_name, birth_year) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  db.exec('BEGIN IMMEDIATE')
  for (const { personalCode, givenName, surname, sex, dateOfBirth, address } of population()) {
    const { street, postalCode, municipality, county } = address
    const year = Number(dateOfBirth.slice(0, 4))
    const name = searchName(givenName, surname)
    insert.run(personalCode, givenName, surname, sex, dateOfBirth, street, postalCode, municipality, county, name, year)
  }
  db.exec('COMMIT')
}

/** Lower case without accents, a space before each word: SQLite's own LIKE folds ASCII only. */
function searchName(...names: readonly string[]): string {
  return names.flatMap(nameWords).join('')
}

function nameWords(text: string): string[] {
  const folded = text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
  return folded
    .split(/[\s-]+/)
    .filter((word) => word !== '')
    .map((word) => ` ${word}`)
}

function conditions(query: Search): { where: string; values: (string | number)[] } {
  const parts: string[] = []
  const values: (string | number)[] = []
  for (const word of nameWords(query.name ?? '')) {
    parts.push('instr(search_name, ?) > 0')
    values.push(word)
  }
  if (query.birthYear !== undefined) {
    parts.push('birth_year = ?')
    values.push(query.birthYear)
  }
  if (query.municipality !== undefined) {
    parts.push('municipality = ?')
    values.push(query.municipality)
  }
  return { where: parts.length > 0 ? `WHERE ${parts.join(' AND ')}` : '', values }
}

function toPerson(row: Row): StoredPerson {
  return {
    personalCode: row.personal_code,
    givenName: row.given_name,
    surname: row.surname,
    sex: row.sex,
    dateOfBirth: row.date_of_birth,
    address: { street: row.street, postalCode: row.postal_code, municipality: row.municipality, county: row.county },
    version: row.version,
  }
}
