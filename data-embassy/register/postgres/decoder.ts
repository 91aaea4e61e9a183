// From messages of replication to changes of the register. What the database's own side tells (server/follow.sql) comes in the same stream, as rows of tables
// in the schema `saadik`, which nobody else may write.
import { EmbassyError } from '../../error.ts'
import { malformed } from './bytes.ts'
import { readSchemaChange, type SchemaChange, type SequenceState } from './ddl/objects.ts'
import { changeStatements } from './ddl/statements.ts'
import type { Keys } from './keys.ts'
import { nameOf } from './names.ts'
import { type Message, type Relation, UNCHANGED } from './pgoutput.ts'
import { inPieces } from './pieces.ts'
import { keyOf, rowOf } from './rows.ts'
import type { Told } from './told.ts'

/** The schema of what belongs to the capture, and not to the register. */
export const OWN_SCHEMA = 'saadik'
const RETOLD = /^retold_(\d+)$/

export class Decoder {
  readonly keys: Keys
  readonly #relations = new Map<number, Relation>()
  /** Tables with rows that stand in the log before the table itself (CREATE TABLE AS); they are told again behind it. */
  readonly #early = new Map<number, string>()
  /** Tables whose rows are being told again, by their oid. */
  readonly #retold = new Map<number, string>()
  readonly #onSequence: (state: SequenceState) => void

  /** @param onSequence Called for each sequence that a statement made or changed. */
  constructor(keys: Keys, onSequence: (state: SequenceState) => void) {
    this.keys = keys
    this.#onSequence = onSequence
  }

  /** What a message tells, in order. Begin and commit are the caller's, who calls {@link commit} for the latter. */
  *changes(message: Message, lsn: bigint): Generator<Told> {
    switch (message.kind) {
      case 'relation':
        this.#relations.set(message.relation.oid, message.relation)
        break
      case 'insert': {
        const relation = this.#relation(message.oid)
        if (relation.schema === OWN_SCHEMA) yield* this.#own(relation, message, lsn)
        else if (this.#known(relation, lsn)) {
          const row = rowOf(relation, message.row)
          yield* inPieces({
            operation: 'insert',
            relation: nameOf(relation),
            key: keyOf(row, this.#key(relation, lsn)),
            row,
          })
        }
        break
      }
      case 'update':
        yield* this.#update(message, lsn)
        break
      case 'delete': {
        const relation = this.#relation(message.oid)
        if (relation.schema === OWN_SCHEMA || !this.#known(relation, lsn)) break
        const key = keyOf(rowOf(relation, message.old), this.#identified(relation, message.keyOnly, lsn))
        yield* inPieces({ operation: 'delete', relation: nameOf(relation), key, row: null })
        break
      }
      case 'truncate':
        for (const oid of message.oids) {
          const relation = this.#relation(oid)
          if (relation.schema !== OWN_SCHEMA && this.#known(relation, lsn))
            yield { operation: 'truncate', relation: nameOf(relation), key: null, row: null }
        }
        break
    }
  }

  /** At the end of a transaction. Throws `source_lost` where rows came of a table that nobody told of. */
  commit(): void {
    this.#retold.clear()
    if (this.#early.size === 0) return
    const names = [...this.#early.values()].join(', ')
    this.#early.clear()
    throw new EmbassyError(
      'source_lost',
      `Rows came of ${names}, of which nobody told: the event triggers of the database were off`,
    )
  }

  *#update(message: Extract<Message, { kind: 'update' }>, lsn: bigint): Generator<Told> {
    const relation = this.#relation(message.oid)
    if (relation.schema === OWN_SCHEMA || !this.#known(relation, lsn)) return
    const columns = this.#identified(relation, message.keyOnly, lsn)
    const row = rowOf(relation, message.row, message.keyOnly ? undefined : message.old)
    const old = message.old === undefined ? row : rowOf(relation, message.old)
    // Without the row as it was, only a key that did not change says which row it is.
    if (message.old === undefined && columns === null)
      throw new EmbassyError(
        'source_unsupported',
        `${nameOf(relation)} has no key, and its replica identity was not FULL`,
      )
    yield* inPieces({ operation: 'update', relation: nameOf(relation), key: keyOf(old, columns), row })
  }

  /** The columns that find a row whose old values were told. */
  #identified(relation: Relation, keyOnly: boolean, lsn: bigint): readonly string[] | null {
    const columns = this.#key(relation, lsn)
    if (keyOnly && columns === null)
      throw new EmbassyError(
        'source_unsupported',
        `${nameOf(relation)} has no key, and its replica identity was not FULL`,
      )
    return columns
  }

  #own(relation: Relation, { row }: Extract<Message, { kind: 'insert' }>, lsn: bigint): Iterable<Told> {
    const text = (column: string): string | null => {
      const value = row[relation.columns.findIndex(({ name }) => name === column)]
      if (value === undefined || value === UNCHANGED) throw malformed(`${nameOf(relation)} has no ${column}`)
      return value
    }
    if (relation.name === 'key') this.keys.add(Number(text('relation')), text('since') ?? '', text('columns'))
    if (relation.name === 'told') return this.#schema(text('changes') ?? '')
    const [, oid] = RETOLD.exec(relation.name) ?? []
    const name = this.#retold.get(Number(oid))
    if (oid === undefined || name === undefined) return []
    const values = rowOf(relation, row)
    const columns = this.keys.at(Number(oid), lsn)?.columns ?? null
    return inPieces({ operation: 'insert', relation: name, key: keyOf(values, columns), row: values })
  }

  *#schema(json: string): Generator<Told> {
    const change = read(json)
    const created = new Set(
      change.objects.filter(({ before }) => before === null).map(({ kind, oid }) => `${kind} ${oid}`),
    )
    for (const table of change.rewritten) {
      this.#early.delete(table.oid)
      this.#retold.set(table.oid, nameOf(table))
      if (!created.has(`table ${table.oid}`))
        yield { operation: 'truncate', relation: nameOf(table), key: null, row: null }
    }
    for (const { about, sql } of changeStatements(change))
      yield { operation: 'schema', relation: about, key: null, row: { sql } }
    for (const state of change.sequences) {
      this.#onSequence(state)
      yield toldSequence(state)
    }
  }

  #known(relation: Relation, lsn: bigint): boolean {
    if (this.keys.at(relation.oid, lsn) !== undefined) return true
    this.#early.set(relation.oid, nameOf(relation))
    return false
  }

  #key(relation: Relation, lsn: bigint): readonly string[] | null {
    return this.keys.at(relation.oid, lsn)?.columns ?? null
  }

  #relation(oid: number): Relation {
    const relation = this.#relations.get(oid)
    if (relation === undefined) throw malformed(`nobody told of the relation ${oid}`)
    return relation
  }
}

/** Where a sequence stands, by the oid that it keeps whatever it is called. */
export function toldSequence({ oid, schema, name, last, called }: SequenceState): Told {
  return {
    operation: 'sequence',
    relation: nameOf({ schema, name }),
    key: { oid: `${oid}` },
    row: { last, called: called ? 't' : 'f' },
  }
}

function read(json: string): SchemaChange {
  try {
    return readSchemaChange(json)
  } catch (cause) {
    throw new EmbassyError('source_lost', `What became of the schema cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}
