// Sequences are in no log of changes, and no rollback takes them back: they are asked for where a transaction has ended, and told before it counts as whole. So
// whoever restores there never gives a number twice.
import type { PostgresConnection } from '#host'
import type { SequenceState } from './ddl/objects.ts'

export class Sequences {
  /** As last told, by oid. */
  readonly #told = new Map<number, string>()
  /** Whether one could not be asked, because a transaction that is not over holds it. */
  unsure = false

  /** What a statement told of one by itself. */
  note(state: SequenceState): void {
    this.#told.set(state.oid, textOf(state))
  }

  /** Those that moved since they were last told. */
  async moved(control: PostgresConnection): Promise<SequenceState[]> {
    const { rows } = await control.query(
      'SELECT id::int8 AS id, schema, name, last::text AS last, called FROM saadik.sequences()',
    )
    this.unsure = false
    const moved: SequenceState[] = []
    for (const { id, schema, name, last, called } of rows) {
      if (last === null) {
        this.unsure = true
        continue
      }
      const state = {
        oid: Number(id),
        schema: String(schema),
        name: String(name),
        last: String(last),
        called: called === true,
      }
      if (this.#told.get(state.oid) === textOf(state)) continue
      this.note(state)
      moved.push(state)
    }
    return moved
  }
}

function textOf({ last, called }: SequenceState): string {
  return `${last} ${called}`
}
