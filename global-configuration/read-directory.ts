// A folder in X-Road's layout, taken for what it is: no signature and no expiry is judged here. Whoever passes it believes it
// (`verify --conf`, as X-Road's asicverifier does).
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ifThere, reasonOf } from '#host'
import {
  CONFIGURATION_VERSIONS,
  type ConfigurationVersion,
  MINIMUM_OCSP_FETCH_SECONDS,
  OPTIONAL_DEFAULTS,
  PART_FILES,
  parsePrivateParameters,
  parseSharedParameters,
  parseVerifyNextUpdate,
} from '#protocol'
import { ConfigurationError } from './error.ts'
import type { InstanceParameters } from './instance.ts'
import { INSTANCE_FILE, instanceFolder, METADATA, type PartMetadata } from './layout.ts'
import { type GlobalConfiguration, snapshot } from './snapshot.ts'

const MAX_PART_BYTES = 32 << 20
const MAX_INSTANCES = 256
/** Without metadata, or without a date in it, a part never expires (wire-conf §2.7). */
const NEVER = new Date(8_640_000_000_000_000)

/**
 * Reads the configuration in `directory`. Instances other than the main one that cannot be read are passed over, as X-Road does.
 *
 * @throws {ConfigurationError} `directory_unreadable`
 */
export async function readConfigurationDirectory(directory: string): Promise<GlobalConfiguration> {
  try {
    const instance = (await readFile(join(directory, INSTANCE_FILE), 'utf8')).trim()
    if (instance === '') throw new Error(`${INSTANCE_FILE} is empty`)
    const mainFolder = instanceFolder(instance)
    const own = await readInstanceFolder(join(directory, mainFolder))
    if (own.instance !== instance) throw new Error(`the folder ${mainFolder} is about ${own.instance}`)
    const federated: InstanceParameters[] = []
    for (const entry of (await readdir(directory, { withFileTypes: true })).slice(0, MAX_INSTANCES)) {
      if (!entry.isDirectory() || entry.name.startsWith('.') || entry.name === mainFolder) continue
      const other = await readInstanceFolder(join(directory, entry.name)).catch(() => undefined)
      if (other !== undefined && other.instance !== instance) federated.push(other)
    }
    return snapshot(own, federated, new Date(), directory)
  } catch (cause) {
    throw new ConfigurationError('directory_unreadable', `${directory} is no configuration: ${reasonOf(cause)}`, {
      cause,
    })
  }
}

async function readInstanceFolder(folder: string): Promise<InstanceParameters> {
  const sharedFile = join(folder, PART_FILES['SHARED-PARAMETERS'])
  const metadata = await readMetadata(sharedFile)
  const version = versionOf(metadata)
  const shared = parseSharedParameters(await readPart(sharedFile), version)
  const privatePart = await ifThere(readPart(join(folder, PART_FILES['PRIVATE-PARAMETERS'])))
  const nextUpdate = await ifThere(readPart(join(folder, PART_FILES.NEXTUPDATE)))
  return {
    instance: shared.instance,
    version,
    expiresAt: expiryOf(metadata),
    shared,
    ...(privatePart && { private: parsePrivateParameters(privatePart) }),
    ocspFetchIntervalSeconds: Math.max(MINIMUM_OCSP_FETCH_SECONDS, OPTIONAL_DEFAULTS.ocspFetchIntervalSeconds),
    verifyNextUpdate: nextUpdate === undefined ? OPTIONAL_DEFAULTS.verifyNextUpdate : parseVerifyNextUpdate(nextUpdate),
    omissions: shared.unreadable ?? [],
  }
}

async function readMetadata(file: string): Promise<PartMetadata> {
  const text = await ifThere(readPart(file + METADATA))
  if (text === undefined) return {}
  const metadata = JSON.parse(Buffer.from(text).toString('utf8')) as PartMetadata | null
  if (typeof metadata !== 'object' || metadata === null) throw new Error(`${file}${METADATA} is not an object`)
  return metadata
}

function expiryOf({ expirationDate }: PartMetadata): Date {
  if (expirationDate === undefined) return NEVER
  const date = new Date(expirationDate)
  if (Number.isNaN(date.getTime())) throw new Error(`${expirationDate} is not a date of expiry`)
  return date
}

/** Absent means 2 (wire-conf §2.7). */
function versionOf({ configurationVersion }: PartMetadata): ConfigurationVersion {
  const text = String(configurationVersion ?? 2)
  const version = CONFIGURATION_VERSIONS.find((known) => String(known) === text)
  if (version === undefined) throw new Error(`version ${text} is not read`)
  return version
}

async function readPart(path: string): Promise<Uint8Array> {
  const { size } = await stat(path)
  if (size > MAX_PART_BYTES) throw new Error(`${path} is larger than ${MAX_PART_BYTES} bytes`)
  return readFile(path)
}
