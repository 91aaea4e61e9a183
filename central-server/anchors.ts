// Configuration anchors (wire-conf §2.9): what a server, or another instance, starts its trust with.
import type { Kysely } from 'kysely'
import type { Clock } from '#host'
import { type Anchor, parseAnchor, writeAnchor } from '#protocol'
import { equalBytes } from '#trust'
import type { Source } from './contract.ts'
import type { CentralTables } from './registry/schema.ts'
import type { SourceKey } from './signing-keys.ts'

/** The names under which directories are given out. */
export const DIRECTORY_NAMES: Readonly<Record<Source, string>> = { internal: 'internalconf', external: 'externalconf' }

/**
 * The anchor of a source. It is the same bytes, and so the same hash, until the keys, the address or the instance change;
 * activating a key changes nothing, because every key is listed from its first day.
 */
export async function anchorOf(
  source: Source,
  about: { readonly instance: string; readonly address: string; readonly keys: readonly SourceKey[] },
  { db, clock }: { readonly db: Kysely<CentralTables>; readonly clock: Clock },
): Promise<Uint8Array> {
  const certificates = about.keys.filter((key) => key.source === source).map((key) => key.certificate)
  const anchor = (generatedAt: Date): Anchor => ({
    generatedAt,
    instance: about.instance,
    // http first and always: a reference client makes the https URL of it, and of https alone it makes nothing (§10, 7).
    sources: [{ url: `http://${about.address}/${DIRECTORY_NAMES[source]}`, certificates }],
  })
  const last = await db.selectFrom('anchor').select('xml').where('source', '=', source).executeTakeFirst()
  const generatedAt = last && parseAnchor(last.xml).generatedAt
  if (last !== undefined && generatedAt !== undefined && equalBytes(writeAnchor(anchor(generatedAt)), last.xml))
    return last.xml
  const xml = writeAnchor(anchor(clock.now()))
  await db
    .insertInto('anchor')
    .values({ source, xml })
    .onConflict((conflict) => conflict.column('source').doUpdateSet({ xml }))
    .execute()
  return xml
}
