// One generation of the configuration: every version, for both sources, signed. All of it or none (wire-conf §2.1).
import {
  CONFIGURATION_VERSIONS,
  type ConfigurationVersion,
  isPart,
  parsePrivateParameters,
  parseSharedParameters,
  verifySignedDirectory,
  writeSignedDirectory,
} from '#protocol'
import { signatureFor } from '#trust'
import { DIRECTORY_NAMES } from '../anchors.ts'
import { SOURCES, type Source } from '../contract.ts'
import { CentralServerError } from '../error.ts'
import type { Facts } from '../registry/entries.ts'
import type { ConfigurationSigner } from '../signer.ts'
import type { SourceKey } from '../signing-keys.ts'
import { type PartBytes, type Surroundings, writeParts } from './documents.ts'

export interface GenerationInput {
  readonly facts: Facts
  readonly around: Surroundings
  readonly minimumVersion: ConfigurationVersion
  /** Name of the folder of this generation: digits of its time (wire-conf §2.1). */
  readonly folder: string
  readonly at: Date
  readonly expiresAt: Date
}

/** The files of one version. */
export interface VersionFiles {
  readonly version: ConfigurationVersion
  /** In `V<version>/<folder>/`. */
  readonly parts: readonly { readonly file: string; readonly bytes: Uint8Array }[]
  /** `internalconf` and `externalconf`, in `V<version>/`. */
  readonly directories: readonly { readonly file: string; readonly bytes: Uint8Array }[]
}

/** Makes and signs it, and reads it again as a client would before it is given out. Throws what made it impossible. */
export async function generate(input: GenerationInput, signer: ConfigurationSigner): Promise<readonly VersionFiles[]> {
  const versions = CONFIGURATION_VERSIONS.filter((version) => version >= input.minimumVersion)
  const generated: VersionFiles[] = []
  for (const version of versions) {
    const parts = writeParts(input.facts, version, input.around)
    readAgain(parts, version)
    const directories = []
    for (const source of SOURCES) {
      const bytes = await signDirectory(input, version, source, parts, signer)
      directories.push({ file: DIRECTORY_NAMES[source], bytes })
    }
    generated.push({ version, parts, directories })
  }
  return generated
}

async function signDirectory(
  { around, folder, at, expiresAt }: GenerationInput,
  version: ConfigurationVersion,
  source: Source,
  parts: readonly PartBytes[],
  signer: ConfigurationSigner,
): Promise<Uint8Array> {
  const key = around.keys.find((each) => each.source === source && each.active)
  if (key === undefined) throw new CentralServerError('publication_failed', `The ${source} source has no active key`)
  const algorithm = signatureFor(key.certificate.publicKey)
  const mine = parts.filter(({ sources }) => sources.includes(source))
  const bytes = await writeSignedDirectory(
    {
      version,
      expiresAt,
      parts: mine.map(({ contentIdentifier, file, bytes: part }) => ({
        contentIdentifier,
        instance: around.instance,
        location: `/V${version}/${folder}/${file}`,
        bytes: part,
      })),
      certificate: key.certificate,
      algorithm,
    },
    (data) => signer.sign({ key: key.id, purpose: 'configuration', algorithm: algorithm.name, data }),
  )
  proofread(bytes, key, mine, at)
  return bytes
}

/** Nobody may be given what he could not read (style rule 10). */
function readAgain(parts: readonly PartBytes[], version: ConfigurationVersion): void {
  for (const { contentIdentifier, bytes } of parts) {
    if (contentIdentifier === 'SHARED-PARAMETERS') parseSharedParameters(bytes, version)
    if (contentIdentifier === 'PRIVATE-PARAMETERS') parsePrivateParameters(bytes)
  }
}

function proofread(bytes: Uint8Array, { certificate }: SourceKey, parts: readonly PartBytes[], at: Date): void {
  const { parts: listed } = verifySignedDirectory(bytes, [certificate], at)
  for (const { contentIdentifier, bytes: written } of parts) {
    const part = listed.find((each) => each.contentIdentifier === contentIdentifier)
    if (part === undefined || !isPart(part, written))
      throw new CentralServerError('publication_failed', `The directory does not name its ${contentIdentifier}`)
  }
}
