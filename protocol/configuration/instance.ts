// The configuration of one instance: a verified directory, its parts, and what they say.
import { equalBytes } from '#trust'
import { ProtocolError } from '../error.ts'
import type { ClientId } from '../identifier.ts'
import { malformed } from './elements.ts'
import {
  MINIMUM_OCSP_FETCH_SECONDS,
  OPTIONAL_DEFAULTS,
  parseMonitoringClient,
  parseOcspFetchInterval,
  parseVerifyNextUpdate,
} from './optional-parts.ts'
import { type PrivateParameters, parsePrivateParameters } from './private-parameters.ts'
import { parseSharedParameters } from './read-shared.ts'
import type { ConfigurationVersion, SharedParameters } from './shared-parameters.ts'
import { type DirectoryPart, partFileName, type SignedDirectory } from './signed-directory.ts'

/** A part whose bytes are those that the directory means. */
export interface VerifiedPart {
  readonly part: DirectoryPart
  /** Name in the plain copy; safe. */
  readonly file: string
  readonly bytes: Uint8Array
}

/** What the documents of an instance say together. */
export interface InstanceParameters {
  readonly instance: string
  readonly version: ConfigurationVersion
  readonly expiresAt: Date
  readonly shared: SharedParameters
  /** Only the internal source of the own instance has them. */
  readonly private?: PrivateParameters
  readonly monitoringClient?: ClientId
  readonly ocspFetchIntervalSeconds: number
  readonly verifyNextUpdate: boolean
  /** What could not be read and was left out or replaced by its default, in words. */
  readonly omissions: readonly string[]
}

/** One verified generation of it, with what proves it. */
export interface InstanceConfiguration {
  /** The signed directory as it was downloaded. */
  readonly signed: Uint8Array
  readonly directory: SignedDirectory
  readonly parts: readonly VerifiedPart[]
  readonly parameters: InstanceParameters
}

/** The own instance's configuration, or what one may take from a federated one (wire-conf §7). */
export type Scope = 'own' | 'federated'

/**
 * Which parts of a directory are taken, with their file names. Parts about other instances are passed over: a configuration
 * proxy puts them there (wire-conf §8), but only the instance's own source speaks for it.
 *
 * @throws ProtocolError `malformed_configuration`: no shared parameters, two parts of one name, a name that is none
 */
export function partsToTake(
  { parts }: SignedDirectory,
  instance: string,
  scope: Scope,
): readonly { readonly part: DirectoryPart; readonly file: string }[] {
  const taken = new Map<string, DirectoryPart>()
  for (const part of parts) {
    const about = part.instance ?? instance
    if (about !== instance || (scope === 'federated' && part.contentIdentifier !== 'SHARED-PARAMETERS')) continue
    const file = partFileName(part)
    if (file === undefined) throw malformed(`a part with the location ${part.location} has no usable file name`)
    if (taken.has(file)) throw malformed(`the directory has two parts ${file}`)
    taken.set(file, part)
  }
  if (![...taken.values()].some(({ contentIdentifier }) => contentIdentifier === 'SHARED-PARAMETERS'))
    throw malformed(`the directory has no shared parameters of ${instance}`)
  return [...taken].map(([file, part]) => ({ file, part }))
}

/**
 * Reads the parts. What `previous` read from the same bytes is taken over: a directory is signed anew every minute, a country's
 * members change a few times a day.
 *
 * @throws ProtocolError `malformed_configuration`
 */
export function readInstance(
  signed: Uint8Array,
  directory: SignedDirectory,
  parts: readonly VerifiedPart[],
  instance: string,
  previous?: InstanceConfiguration,
): InstanceConfiguration {
  const { version, expiresAt } = directory
  const of = (identifier: string) => parts.find(({ part }) => part.contentIdentifier === identifier)
  const unchanged = (found: VerifiedPart) =>
    previous?.parameters.version === version &&
    previous.parts.some(
      ({ part, bytes }) => part.contentIdentifier === found.part.contentIdentifier && equalBytes(bytes, found.bytes),
    )
  const sharedPart = of('SHARED-PARAMETERS')
  if (sharedPart === undefined) throw malformed(`no shared parameters of ${instance}`)
  const shared =
    previous !== undefined && unchanged(sharedPart)
      ? previous.parameters.shared
      : parseSharedParameters(sharedPart.bytes, version)
  const privatePart = of('PRIVATE-PARAMETERS')
  const privateParameters = privatePart && parsePrivateParameters(privatePart.bytes)
  for (const document of [shared, privateParameters]) {
    // global_conf_part_invalid_instance_identifier of the reference
    if (document !== undefined && document.instance !== instance)
      throw malformed(`parameters of ${document.instance} where those of ${instance} should be`)
  }
  const omissions = [...(shared.unreadable ?? []), ...(privateParameters?.unreadable ?? [])]
  const optional = <T>(identifier: string, read: (xml: Uint8Array) => T, otherwise: T): T => {
    const found = of(identifier)
    if (found === undefined) return otherwise
    try {
      return read(found.bytes)
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      // Each default is the careful side: no monitoring client, nextUpdate judged.
      omissions.push(`${identifier}: ${error.message}`)
      return otherwise
    }
  }
  const monitoringClient = optional('MONITORING', parseMonitoringClient, undefined)
  const fetchInterval = optional('FETCHINTERVAL', parseOcspFetchInterval, OPTIONAL_DEFAULTS.ocspFetchIntervalSeconds)
  const parameters: InstanceParameters = {
    instance,
    version,
    expiresAt,
    shared,
    ...(privateParameters && { private: privateParameters }),
    ...(monitoringClient && { monitoringClient }),
    ocspFetchIntervalSeconds: Math.max(MINIMUM_OCSP_FETCH_SECONDS, fetchInterval),
    verifyNextUpdate: optional('NEXTUPDATE', parseVerifyNextUpdate, OPTIONAL_DEFAULTS.verifyNextUpdate),
    omissions,
  }
  return { signed, directory, parts, parameters }
}

/** Whether two generations say the same, whatever their expiry. */
export function sameContent(a: InstanceConfiguration, b: InstanceConfiguration): boolean {
  if (a.parameters.version !== b.parameters.version || a.parts.length !== b.parts.length) return false
  return a.parts.every(({ file, bytes }) =>
    b.parts.some((other) => other.file === file && equalBytes(other.bytes, bytes)),
  )
}
