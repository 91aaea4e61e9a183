// By which columns a row of a table was found at a place in the log. A replica identity that tells the whole row does not say which of it is the key, and the
// key of today is not that of then; so the database keeps what it was since when (server/state.sql), and tells what is new in its own stream.
import { z } from 'zod'
import { malformed } from './bytes.ts'
import { readLsn } from './position.ts'

interface Since {
  readonly lsn: bigint
  /** Null where rows are found by all that is in them. */
  readonly columns: readonly string[] | null
}

const columnsSchema = z.array(z.string().min(1)).min(1).nullable()

export class Keys {
  readonly #known = new Map<number, Since[]>()

  /** @param columns JSON of an array of names, or null. */
  add(relation: number, since: string, columns: string | null): void {
    const parsed = columnsSchema.safeParse(columns === null ? null : JSON.parse(columns))
    if (!parsed.success) throw malformed('a key is no list of columns')
    const entry = { lsn: readLsn(since), columns: parsed.data }
    const known = (this.#known.get(relation) ?? []).filter(({ lsn }) => lsn !== entry.lsn)
    const at = known.findIndex(({ lsn }) => lsn > entry.lsn)
    this.#known.set(relation, known.toSpliced(at < 0 ? known.length : at, 0, entry))
  }

  /** Undefined for a table that nobody had told of at that place. */
  at(relation: number, lsn: bigint): Since | undefined {
    return this.#known.get(relation)?.findLast((entry) => entry.lsn <= lsn)
  }
}
