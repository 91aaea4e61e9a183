// Where sequences will stand when a register is made again. A sequence is known by the oid that it had at home: what was told of it may bear a name that it got only
// later, or had only before.
import type { Client } from 'pg'
import { qualified } from './ddl/quote.ts'
import { readName } from './names.ts'

interface Value {
  readonly last: string
  readonly called: boolean
}

export class TargetSequences {
  readonly #db: Client
  /** From the oid at home to the one here. */
  #here = new Map<string, string>()
  #values = new Map<string, Value>()

  constructor(db: Client) {
    this.#db = db
  }

  async tell(home: string, relation: string, value: Value): Promise<void> {
    const known = this.#here.get(home) ?? (await this.#find(relation))
    // Made later than what was asked for: it will be told again when it is made.
    if (known === undefined) return
    this.#here.set(home, known)
    this.#values.set(known, value)
  }

  /** Nothing is there any more. */
  clear(): void {
    this.#here = new Map()
    this.#values = new Map()
  }

  async set(): Promise<void> {
    for (const [oid, { last, called }] of this.#values)
      await this.#db.query(
        `SELECT setval(c.oid, $2::int8, $3::boolean) FROM pg_class c WHERE c.oid = $1::oid AND c.relkind = 'S'`,
        [oid, last, `${called}`],
      )
  }

  /** By its name, unless that is another's. */
  async #find(relation: string): Promise<string | undefined> {
    const { rows } = await this.#db.query(
      `SELECT oid::text AS oid FROM pg_class WHERE oid = to_regclass($1) AND relkind = 'S'`,
      [qualified(readName(relation))],
    )
    const oid = (rows[0] as { oid: string } | undefined)?.oid
    return oid === undefined || [...this.#here.values()].includes(oid) ? undefined : oid
  }
}
