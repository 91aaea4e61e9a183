// The memory of keys that sign checkpoints: of each log the newest tree that a key signed. A file for each key and log,
//
//   heads/<key id>/<SHA-256 of the origin>.json   {format, origin, size, root}
//
// A key's folder is made before the key, so a key without one has lost its memory: it signs nothing any more. So does one with a file
// that cannot be read. Who can write here can put an older copy back, as who restores the machine does: witnesses see that.
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { sweepTemporary, syncFolder, writeFileDurable } from '#host'
import { originHash } from '#transparency'
import type { SignedHead } from './contract.ts'
import { SignerError } from './error.ts'

/** A key may follow so many logs; a stranger's list of origins must not fill the disk. */
const MAX_LOGS = 1000

const headSchema = z.strictObject({
  format: z.literal(1),
  origin: z.string(),
  size: z.int().min(0),
  root: z.base64(),
})

export interface SignedHeads {
  /** Before a key is made. Durable when it resolves; of a key that then is not made, an empty folder is left, which nobody reads. */
  begin(key: string): Promise<void>
  /** By origin. @throws {SignerError} `store_failed` when the memory of the key is lost or damaged */
  of(key: string): readonly SignedHead[]
  /** Undefined where the key has signed nothing of that log. @throws {SignerError} as `of` */
  head(key: string, origin: string): SignedHead | undefined
  /** Durable when it resolves; a crash before leaves the old head or this one. One call at a time for each key. */
  remember(key: string, head: SignedHead): Promise<void>
}

type Memory = { readonly heads: Map<string, SignedHead>; readonly damaged?: string }

/** Opens the memory in `directory`, making it when it is missing. */
export async function openSignedHeads(directory: string): Promise<SignedHeads> {
  const home = join(directory, 'heads')
  await mkdir(home, { recursive: true, mode: 0o700 })
  await syncFolder(directory)
  const known = new Map<string, Memory>()
  for (const key of await readdir(home)) known.set(key, await readMemory(join(home, key)))

  const memoryOf = (key: string): Memory => {
    const memory = known.get(key)
    if (memory?.damaged === undefined && memory !== undefined) return memory
    const what = memory === undefined ? `${join(home, key)} is missing` : `${memory.damaged} is damaged`
    throw new SignerError('store_failed', `what the key ${key} has signed is not known any more: ${what}`)
  }
  return {
    async begin(key) {
      await mkdir(join(home, key), { mode: 0o700 })
      await syncFolder(home)
      known.set(key, { heads: new Map() })
    },
    of: (key) => [...memoryOf(key).heads.values()].sort((a, b) => (a.origin < b.origin ? -1 : 1)),
    head: (key, origin) => memoryOf(key).heads.get(origin),
    async remember(key, head) {
      const { heads } = memoryOf(key)
      if (!heads.has(head.origin) && heads.size >= MAX_LOGS)
        throw new SignerError('policy', `the key ${key} signs for ${MAX_LOGS} logs already`)
      const file = join(home, key, fileOf(head.origin))
      try {
        await writeFileDurable(file, JSON.stringify({ format: 1, ...head }), 0o600)
      } catch (cause) {
        // Whichever of the two is on the disk now: the new one was not signed.
        throw new SignerError('store_failed', `${file} cannot be written, so nothing is signed`, { cause })
      }
      heads.set(head.origin, head)
    },
  }
}

const fileOf = (origin: string) => `${originHash(origin)}.json`

async function readMemory(folder: string): Promise<Memory> {
  await sweepTemporary(folder)
  const heads = new Map<string, SignedHead>()
  for (const name of await readdir(folder)) {
    const file = join(folder, name)
    try {
      const { format: _format, ...head } = headSchema.parse(JSON.parse(await readFile(file, 'utf8')))
      if (name !== fileOf(head.origin)) return { heads, damaged: file }
      heads.set(head.origin, head)
    } catch {
      return { heads, damaged: file }
    }
  }
  return { heads }
}
