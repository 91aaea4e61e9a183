// The maps of a statement as files: built from the chains, read for proofs. A folder for each; it is whole before anybody hears of it.
import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { mapValue } from '#evidence'
import { ifThere, syncFolder } from '#host'
import { buildMap, MAP_RECORD_BYTES, type MapEntry, type MapHead, type MapProof, proveKey } from '#transparency'
import type { TrackerDb } from './store.ts'
import { countUpTo, headAt } from './uses.ts'

export interface MapHeads {
  readonly persons: MapHead
  readonly secret: MapHead
}

type MapName = keyof MapHeads

const ROWS_AT_ONCE = 5000
const HASH_BYTES = 32

/**
 * Of the uses in records up to one. Nothing may be taken into the store meanwhile. What a crash leaves is removed by `keepMaps`.
 */
export async function buildMaps(db: TrackerDb, folder: string, records: number): Promise<MapHeads> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const later = await growthSince(db, records)
  const heads = {
    persons: await buildOne(db, folder, 'persons', later),
    secret: await buildOne(db, folder, 'secret', later),
  }
  await syncFolder(folder)
  await syncFolder(join(folder, '..'))
  return heads
}

/** What the map has, or that it has nothing, for a key. Rejects where the files are not those of a map of so many. */
export async function proveIn(folder: string, map: MapName, count: number, key: Uint8Array): Promise<MapProof> {
  const files = new Map<number, FileHandle>()
  try {
    return await proveKey(key, count, async (level, first, many) => {
      const file = files.get(level) ?? (await open(join(folder, `${map}.${level}`)))
      files.set(level, file)
      const width = level === 0 ? MAP_RECORD_BYTES : HASH_BYTES
      const bytes = Buffer.alloc(many * width)
      const { bytesRead } = await file.read(bytes, 0, bytes.length, first * width)
      return bytes.subarray(0, bytesRead)
    })
  } finally {
    for (const file of files.values()) await file.close()
  }
}

/** Removes all folders but these, of which it says what is there. */
export async function keepMaps(directory: string, kept: ReadonlySet<string>): Promise<readonly string[]> {
  const there = (await ifThere(readdir(directory))) ?? []
  for (const name of there) if (!kept.has(name)) await rm(join(directory, name), { recursive: true, force: true })
  return there.filter((name) => kept.has(name))
}

async function buildOne(db: TrackerDb, folder: string, map: MapName, later: Growth): Promise<MapHead> {
  const files: FileHandle[] = []
  try {
    const head = await buildMap(entries(db, map === 'secret', later), async (level, bytes) => {
      files[level] ??= await open(join(folder, `${map}.${level}`), 'ax', 0o600)
      await files[level].appendFile(bytes)
    })
    for (const file of files) await file.sync()
    return head
  } finally {
    for (const file of files) await file.close()
  }
}

/** Of chains that have grown since, what they were. */
type Growth = ReadonlyMap<number, { readonly count: number; readonly head: Uint8Array }>

/** Mostly none: a statement has all that was taken in. */
async function growthSince(db: TrackerDb, records: number): Promise<Growth> {
  const rows = await db.selectFrom('tracker_use').select('chain').distinct().where('seq', '>', records).execute()
  const growth = new Map<number, { count: number; head: Uint8Array }>()
  for (const { chain } of rows) {
    const count = await countUpTo(db, chain, records)
    growth.set(chain, { count, head: await headAt(db, chain, count) })
  }
  return growth
}

async function* entries(db: TrackerDb, secret: boolean, later: Growth): AsyncGenerator<MapEntry> {
  for (let last: Uint8Array = new Uint8Array(0); ; ) {
    const rows = await db
      .selectFrom('tracker_chain')
      .select(['id', 'pseudonym', 'count', 'head'])
      .where('secret', '=', secret ? 1 : 0)
      .where('pseudonym', '>', last)
      .orderBy('pseudonym')
      .limit(ROWS_AT_ONCE)
      .execute()
    for (const { id, pseudonym, ...now } of rows) {
      const { count, head } = later.get(id) ?? now
      if (count > 0) yield { key: pseudonym, value: mapValue(count, head) }
    }
    const end = rows.at(-1)
    if (end === undefined || rows.length < ROWS_AT_ONCE) return
    last = end.pseudonym
  }
}
