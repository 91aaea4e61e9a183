// The secret key of the pseudonyms: a file of its own, because the signer's keys sign, and this one must never sign. Who has it and the tracker's
// store can try out who stands for what; who has lost it can answer nobody any more.
import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ifThere, writeFileDurable } from '#host'
import { VRF_KEY_BYTES } from '#transparency'
import { DataTrackerError } from './error.ts'

const NAME = 'key'

/** Undefined where there is none. Throws DataTrackerError `key_replaced` for a file that is no key. */
export async function readKey(directory: string): Promise<Uint8Array | undefined> {
  const path = join(directory, NAME)
  const key = await ifThere(readFile(path))
  if (key === undefined || key.length === VRF_KEY_BYTES) return key
  throw new DataTrackerError('key_replaced', `${path} is not a key of the data tracker: it has ${key.length} octets`)
}

/** Durable when it resolves. A crash before leaves the old one, or none. */
export async function makeKey(directory: string): Promise<Uint8Array> {
  const key = randomBytes(VRF_KEY_BYTES)
  await writeFileDurable(join(directory, NAME), key, 0o600)
  return key
}
