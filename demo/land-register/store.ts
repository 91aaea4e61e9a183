// The land register's own store: what is where, and whose it is. People are known here by their personal codes alone.
import { DatabaseSync } from 'node:sqlite'
import { type Ownership, type Property, properties } from './properties.ts'

export interface LandStore {
  find(cadastralCode: string): Property | undefined
  ownersOf(cadastralCode: string): readonly Ownership[]
  /** Ordered by cadastral code. */
  propertiesOf(personalCode: string): readonly (Property & { readonly share: string })[]
  count(): number
  close(): void
}

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS property (
    cadastral_code TEXT PRIMARY KEY,
    street TEXT NOT NULL, postal_code TEXT NOT NULL, municipality TEXT NOT NULL, county TEXT NOT NULL,
    area INTEGER NOT NULL, purpose TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS ownership (
    cadastral_code TEXT NOT NULL REFERENCES property, personal_code TEXT NOT NULL, share TEXT NOT NULL,
    PRIMARY KEY (cadastral_code, personal_code)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS ownership_person ON ownership (personal_code);`

type Row = {
  cadastral_code: string
  street: string
  postal_code: string
  municipality: string
  county: string
  area: number
  purpose: Property['purpose']
  share: string
}

/** Opens the register and, if it is new, fills it. `:memory:` is allowed. */
export function openLandStore(file: string): LandStore {
  const db = new DatabaseSync(file)
  db.exec(SCHEMA)
  fill(db)
  const one = db.prepare('SELECT * FROM property WHERE cadastral_code = ?')
  const owners = db.prepare(
    'SELECT personal_code, share FROM ownership WHERE cadastral_code = ? ORDER BY personal_code',
  )
  const owned = db.prepare(
    'SELECT * FROM property JOIN ownership USING (cadastral_code) WHERE personal_code = ? ORDER BY cadastral_code',
  )
  return {
    find(cadastralCode) {
      const row = one.get(cadastralCode) as Row | undefined
      return row && toProperty(row)
    },
    ownersOf: (cadastralCode) =>
      (owners.all(cadastralCode) as { personal_code: string; share: string }[]).map(({ personal_code, share }) => ({
        personalCode: personal_code,
        share,
      })),
    propertiesOf: (personalCode) =>
      (owned.all(personalCode) as Row[]).map((row) => ({ ...toProperty(row), share: row.share })),
    count: () => (db.prepare('SELECT count(*) AS total FROM property').get() as { total: number }).total,
    close: () => db.close(),
  }
}

/** All or nothing: a start that is killed here leaves empty tables, and the next one fills them. */
function fill(db: DatabaseSync): void {
  if (db.prepare('SELECT 1 FROM property LIMIT 1').get()) return
  const property = db.prepare('INSERT INTO property VALUES (?, ?, ?, ?, ?, ?, ?)')
  const ownership = db.prepare('INSERT INTO ownership VALUES (?, ?, ?)')
  db.exec('BEGIN IMMEDIATE')
  for (const { cadastralCode, address, areaSquareMetres, purpose, owners } of properties()) {
    const { street, postalCode, municipality, county } = address
    property.run(cadastralCode, street, postalCode, municipality, county, areaSquareMetres, purpose)
    for (const { personalCode, share } of owners) ownership.run(cadastralCode, personalCode, share)
  }
  db.exec('COMMIT')
}

function toProperty(row: Row): Property {
  const { street, postal_code: postalCode, municipality, county } = row
  return {
    cadastralCode: row.cadastral_code,
    address: { street, postalCode, municipality, county },
    areaSquareMetres: row.area,
    purpose: row.purpose,
  }
}
