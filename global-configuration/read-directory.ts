// A folder in X-Road's layout, taken for what it is: no signature and no expiry is judged here. Whoever passes it believes it
// (`verify --conf`, as X-Road's asicverifier does).
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { reasonOf } from '#host'
import { readPlainCopy } from '#protocol'
import { ConfigurationError } from './error.ts'
import { type GlobalConfiguration, snapshot } from './snapshot.ts'

const MAX_PART_BYTES = 32 << 20
const MAX_INSTANCES = 256

/**
 * Reads the configuration in `directory`. Instances other than the main one that cannot be read are passed over, as X-Road does.
 *
 * @throws {ConfigurationError} `directory_unreadable`
 */
export async function readConfigurationDirectory(directory: string): Promise<GlobalConfiguration> {
  try {
    const { own, federated } = readPlainCopy(await filesOf(directory))
    return snapshot(own, federated, new Date(), directory)
  } catch (cause) {
    throw new ConfigurationError('directory_unreadable', `${directory} is no configuration: ${reasonOf(cause)}`, {
      cause,
    })
  }
}

/** What stands in the folder and in the folders of its instances. */
async function filesOf(directory: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  const entries = await readdir(directory, { withFileTypes: true })
  for (const entry of entries.filter((one) => one.isFile()))
    files.set(entry.name, await readPart(join(directory, entry.name)))
  const folders = entries.filter((one) => one.isDirectory() && !one.name.startsWith('.')).slice(0, MAX_INSTANCES)
  for (const { name } of folders)
    for (const file of await readdir(join(directory, name), { withFileTypes: true }))
      if (file.isFile()) files.set(`${name}/${file.name}`, await readPart(join(directory, name, file.name)))
  return files
}

async function readPart(path: string): Promise<Uint8Array> {
  const { size } = await stat(path)
  if (size > MAX_PART_BYTES) throw new Error(`${path} is larger than ${MAX_PART_BYTES} bytes`)
  return readFile(path)
}
