// The plain copy on disk, as X-Road's own tools read it (wire-conf §2.7). Written for them and for people; we read it only where
// somebody hands us such a folder as what he believes (`verify --conf`).
//
//   instance-identifier
//   <instance>/shared-params.xml  <instance>/shared-params.xml.metadata  …
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileDurable } from '#host'
import {
  INSTANCE_FILE,
  type InstanceConfiguration,
  instanceFolder,
  METADATA,
  type PartMetadata,
  type VerifiedPart,
} from '#protocol'

/** Makes the folder say what these configurations say, the own one first; other instances are removed. */
export async function writeLayout(
  directory: string,
  configurations: readonly [own: InstanceConfiguration, ...federated: InstanceConfiguration[]],
): Promise<void> {
  await mkdir(directory, { recursive: true })
  const [own] = configurations
  await replaceIfOther(join(directory, INSTANCE_FILE), Buffer.from(own.parameters.instance))
  for (const configuration of configurations) await writeInstance(directory, configuration)
  const present = new Set(configurations.map(({ parameters }) => instanceFolder(parameters.instance)))
  for (const folder of await readdir(directory, { withFileTypes: true })) {
    if (!folder.isDirectory() || folder.name.startsWith('.') || present.has(folder.name)) continue
    await rm(join(directory, folder.name), { recursive: true, force: true })
  }
}

async function writeInstance(directory: string, { parts, parameters }: InstanceConfiguration): Promise<void> {
  const folder = join(directory, instanceFolder(parameters.instance))
  await mkdir(folder, { recursive: true })
  for (const { file, bytes, part } of parts) {
    await replaceIfOther(join(folder, file), bytes)
    const metadata: PartMetadata = {
      ...(part.contentIdentifier !== undefined && { contentIdentifier: part.contentIdentifier }),
      instanceIdentifier: parameters.instance,
      expirationDate: parameters.expiresAt.toISOString().replace(/\.\d+Z$/, 'Z'),
      ...(part.fileName !== undefined && { contentFileName: part.fileName }),
      contentLocation: part.location,
      configurationVersion: String(parameters.version),
    }
    await replaceIfOther(join(folder, file + METADATA), Buffer.from(JSON.stringify(metadata)))
  }
  const wanted = new Set(parts.flatMap(({ file }: VerifiedPart) => [file, file + METADATA]))
  for (const name of await readdir(folder)) {
    if (!wanted.has(name)) await rm(join(folder, name), { recursive: true, force: true })
  }
}

/** A directory is signed anew every minute; most of its parts stay what they were. */
async function replaceIfOther(path: string, bytes: Uint8Array): Promise<void> {
  const present = await readFile(path).catch(() => undefined)
  if (present === undefined || Buffer.compare(present, bytes) !== 0) await writeFileDurable(path, bytes)
}
