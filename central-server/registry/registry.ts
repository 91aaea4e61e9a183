// The one service through which the registry changes. A document, and later a management request or an admin API, ends here.
import type { Kysely } from 'kysely'
import { type Clock, turnstile } from '#host'
import { CentralServerError } from '../error.ts'
import { difference, type Entry, Facts } from './entries.ts'
import { readFederation } from './federation.ts'
import type { CentralTables } from './schema.ts'

export interface Registry {
  /** Makes the registry say what the document says. Returns the changes in words; none when it said so already. @throws {CentralServerError} `federation_invalid` */
  apply(document: unknown): Promise<readonly string[]>
  /** What is registered now; undefined before the first document. */
  facts(): Promise<Facts | undefined>
}

export function openRegistry(db: Kysely<CentralTables>, clock: Clock): Registry {
  const entries = async (): Promise<readonly Entry[]> => {
    const rows = await db.selectFrom('entry').selectAll().execute()
    return rows.map(({ kind, key, content }) => ({ kind, key, content: JSON.parse(content) }) as Entry)
  }
  const apply = async (document: unknown): Promise<readonly string[]> => {
    const after = readFederation(document)
    const before = await entries()
    checkInstance(before, after)
    const { put, remove, changes } = difference(before, after)
    if (changes.length === 0) return []
    const at = clock.now().toISOString()
    // All of it or nothing: a crash leaves the registry as it was.
    await db.transaction().execute(async (transaction) => {
      for (const { kind, key } of remove)
        await transaction.deleteFrom('entry').where('kind', '=', kind).where('key', '=', key).execute()
      for (const { kind, key, content } of put) {
        const text = JSON.stringify(content)
        await transaction
          .insertInto('entry')
          .values({ kind, key, content: text })
          .onConflict((conflict) => conflict.columns(['kind', 'key']).doUpdateSet({ content: text }))
          .execute()
      }
      for (const what of changes) await transaction.insertInto('change').values({ at, what }).execute()
    })
    return changes
  }
  // One at a time: what is compared must be what is replaced.
  const takeTurns = turnstile()
  return {
    apply: (document) => takeTurns(() => apply(document)),
    async facts() {
      const all = await entries()
      return all.length === 0 ? undefined : new Facts(all)
    },
  }
}

/** Identifiers, anchors and evidence of years carry the name. */
function checkInstance(before: readonly Entry[], after: readonly Entry[]): void {
  const [was, is] = [before, after].map((entries) => new Facts(entries).get('instance', '')?.name)
  if (was !== undefined && was !== is)
    throw new CentralServerError(
      'federation_invalid',
      `The federation is not usable:\ninstance: it is ${was} and stays so`,
    )
}
