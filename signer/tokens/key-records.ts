// The files of the software token: vault.json and keys/<id>.json. Formats are checked, meaning is left to the token.
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { ifThere, sweepTemporary, syncFolder, writeFileDurable } from '#host'
import { KEY_ALGORITHMS, KEY_USES, NOTE_KEY_ALGORITHMS } from '../contract.ts'
import { SignerError } from '../error.ts'
import type { Vault } from './sealing.ts'

const ID = /^[0-9a-f]{32}$/

const vaultSchema = z.strictObject({
  format: z.literal(1),
  kdf: z.strictObject({ name: z.literal('scrypt'), N: z.int(), r: z.int(), p: z.int(), salt: z.base64() }),
  sealed: z.base64(),
})

const recordSchema = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(ID),
  use: z.enum(KEY_USES),
  algorithm: z.enum([...KEY_ALGORITHMS, ...NOTE_KEY_ALGORITHMS]),
  label: z.string().optional(),
  /** Of a key for notes. */
  name: z.string().optional(),
  createdAt: z.iso.datetime(),
  spki: z.base64(),
  /** PKCS#8 under the record key, authenticated together with everything above: `aboutRecord`. */
  sealed: z.base64(),
})

export type KeyRecord = z.infer<typeof recordSchema>

/** What is authenticated with the private key: a record whose use or algorithm was edited does not open. */
export function aboutRecord(record: Omit<KeyRecord, 'sealed'>): string {
  const { format, id, use, algorithm, label, name, createdAt, spki } = record
  const named = name === undefined ? [] : [name]
  return JSON.stringify([format, id, use, algorithm, label ?? null, createdAt, spki, ...named])
}

/** Trusted with the keys: who can write here can destroy them; who can read here needs the PIN as well. */
export interface KeyRecords {
  readonly vault: Vault | undefined
  writeVault(vault: Vault): Promise<void>
  /** Records as found at the start; those that cannot be read are in `damaged`, by file name, and are never used. */
  readonly records: readonly KeyRecord[]
  readonly damaged: readonly { readonly file: string; readonly reason: string }[]
  write(record: KeyRecord): Promise<void>
}

/** Opens the folder, making it when it is missing. Only one process may: main.ts holds the lock. */
export async function openKeyRecords(directory: string): Promise<KeyRecords> {
  const folder = join(directory, 'keys')
  const vaultFile = join(directory, 'vault.json')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await syncFolder(directory)
  await sweepTemporary(directory)
  await sweepTemporary(folder)

  const records: KeyRecord[] = []
  const damaged: { file: string; reason: string }[] = []
  for (const name of (await readdir(folder)).sort()) {
    const file = join(folder, name)
    try {
      const record = recordSchema.parse(JSON.parse(await readFile(file, 'utf8')))
      if (name !== `${record.id}.json`) throw new Error('it is named after another key')
      records.push(record)
    } catch (error) {
      damaged.push({ file, reason: (error as Error).message })
    }
  }
  let vault = await readVault(vaultFile)
  // A first PIN would make a new vault that opens none of them: somebody has to find the old one first.
  if (vault === undefined && records.length > 0) {
    throw new SignerError(
      'store_failed',
      `${vaultFile} is missing, and without it the ${records.length} keys in ${folder} cannot be opened`,
    )
  }
  return {
    records,
    damaged,
    get vault() {
      return vault
    },
    async writeVault(made) {
      await writeFileDurable(vaultFile, JSON.stringify(made, null, 2), 0o600)
      vault = made
    },
    write: (record) => writeFileDurable(join(folder, `${record.id}.json`), JSON.stringify(record, null, 2), 0o600),
  }
}

async function readVault(file: string): Promise<Vault | undefined> {
  const text = await ifThere(readFile(file, 'utf8'))
  if (text === undefined) return undefined
  try {
    return vaultSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new SignerError('store_failed', `${file} is damaged`, { cause })
  }
}
