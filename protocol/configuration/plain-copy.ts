// A copy of the configuration in X-Road's layout (wire-conf §2.7), taken for what it is: no signature and no expiry is judged here. Whoever
// passes it believes it.
import { malformed } from './elements.ts'
import type { InstanceParameters } from './instance.ts'
import { MINIMUM_OCSP_FETCH_SECONDS, OPTIONAL_DEFAULTS, PART_FILES, parseVerifyNextUpdate } from './optional-parts.ts'
import { parsePrivateParameters } from './private-parameters.ts'
import { parseSharedParameters } from './read-shared.ts'
import { CONFIGURATION_VERSIONS, type ConfigurationVersion } from './shared-parameters.ts'

export const INSTANCE_FILE = 'instance-identifier'
export const METADATA = '.metadata'

/** `<part>.metadata`; as the reference writes it, version as text. */
export interface PartMetadata {
  readonly contentIdentifier?: string
  readonly instanceIdentifier?: string
  readonly expirationDate?: string
  readonly contentFileName?: string
  readonly contentLocation?: string
  readonly configurationVersion?: string | number
}

/** Form-style URL encoding in UTF-8, as Java's; a leading dot is escaped too, so that no name means another folder. */
export function instanceFolder(instance: string): string {
  return encodeURIComponent(instance)
    .replace(/[!~'()]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+')
    .replace(/^\./, '%2E')
}

/** Without metadata, or without a date in it, a part never expires (wire-conf §2.7). */
const NEVER = new Date(8_640_000_000_000_000)

/**
 * Reads the copy: `instance-identifier`, and a folder for each instance. Instances other than the main one that cannot be read are passed
 * over, as X-Road does.
 *
 * @param files By path, with `/` between folder and file.
 * @throws ProtocolError, or SyntaxError for metadata: the main instance cannot be read
 */
export function readPlainCopy(files: ReadonlyMap<string, Uint8Array>): {
  readonly own: InstanceParameters
  readonly federated: readonly InstanceParameters[]
} {
  const instance = textOf(files.get(INSTANCE_FILE))?.trim() ?? ''
  if (instance === '') throw malformed(`there is no ${INSTANCE_FILE}, or it is empty`)
  const mainFolder = instanceFolder(instance)
  const own = readInstanceFolder(mainFolder, files)
  if (own.instance !== instance) throw malformed(`the folder ${mainFolder} is about ${own.instance}`)
  const folders = new Set(
    [...files.keys()].filter((path) => path.includes('/')).map((path) => path.split('/')[0] ?? ''),
  )
  const federated: InstanceParameters[] = []
  for (const folder of folders) {
    if (folder.startsWith('.') || folder === mainFolder) continue
    const other = orUndefined(() => readInstanceFolder(folder, files))
    if (other !== undefined && other.instance !== instance) federated.push(other)
  }
  return { own, federated }
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

function readInstanceFolder(folder: string, files: ReadonlyMap<string, Uint8Array>): InstanceParameters {
  const part = (identifier: keyof typeof PART_FILES) => files.get(`${folder}/${PART_FILES[identifier]}`)
  const sharedPart = part('SHARED-PARAMETERS')
  if (sharedPart === undefined) throw malformed(`${folder} has no ${PART_FILES['SHARED-PARAMETERS']}`)
  const metadata = readMetadata(files.get(`${folder}/${PART_FILES['SHARED-PARAMETERS']}${METADATA}`))
  const version = versionOf(metadata)
  const shared = parseSharedParameters(sharedPart, version)
  const privatePart = part('PRIVATE-PARAMETERS')
  const nextUpdate = part('NEXTUPDATE')
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

function readMetadata(bytes: Uint8Array | undefined): PartMetadata {
  if (bytes === undefined) return {}
  const metadata = JSON.parse(textOf(bytes) ?? '') as PartMetadata | null
  if (typeof metadata !== 'object' || metadata === null) throw malformed('the metadata of a part is not an object')
  return metadata
}

function expiryOf({ expirationDate }: PartMetadata): Date {
  if (expirationDate === undefined) return NEVER
  const date = new Date(expirationDate)
  if (Number.isNaN(date.getTime())) throw malformed(`${expirationDate} is not a date of expiry`)
  return date
}

/** Absent means 2 (wire-conf §2.7). */
function versionOf({ configurationVersion }: PartMetadata): ConfigurationVersion {
  const text = String(configurationVersion ?? 2)
  const version = CONFIGURATION_VERSIONS.find((known) => String(known) === text)
  if (version === undefined) throw malformed(`version ${text} is not read`)
  return version
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')
}
