// Global configurations as trust: an unsigned copy that somebody hands over to be believed, and stored generations that the anchor's key
// signed. Bytes in, by path; where they lie is the caller's.
import {
  type Anchor,
  believedKeys,
  type ClientId,
  type InstanceParameters,
  idKey,
  isPart,
  memberOf,
  ProtocolError,
  parseAnchor,
  partsToTake,
  readInstance,
  readPlainCopy,
  type SignedDirectory,
  type TrustMaterial,
  trustMaterial,
  type VerifiedPart,
  type Voucher,
  verifySignedDirectory,
} from '#protocol'
import { VerificationError } from './error.ts'

/** Files by their path below some folder, with `/` between names. */
export type Files = ReadonlyMap<string, Uint8Array>

/** What one configuration says of whom to believe. */
export interface ConfigurationTrust {
  /** In words. */
  readonly name: string
  readonly instance: string
  /** The last moment that it speaks for; absent for a copy that is believed as it is. */
  readonly until?: Date
  /** Of a stored generation read when it is first asked for: of a year of them few are. Throws VerificationError `malformed_configuration`. */
  read(): { readonly trust: TrustMaterial; memberName(id: ClientId): string | undefined }
}

/**
 * The folder that `GET /verificationconf` gives: no signature is judged, and it is believed for all times.
 *
 * @throws {VerificationError} `malformed_configuration`
 */
export function readConfigurationCopy(files: Files): ConfigurationTrust {
  const { own, federated } = attempt('it is no copy of a configuration', () => readPlainCopy(files))
  const believed = believedOf(own, federated)
  return { name: `configuration of ${own.instance}, an unsigned copy`, instance: own.instance, read: () => believed }
}

const DIRECTORY = 'directory'
/** When a generation expired is judged for each piece of evidence, not here. */
const WHENEVER = new Date(0)
const MAX_GENERATIONS = 10_000

/**
 * The generations that lie there and that lead to the anchor: each a folder `<instance>/` with `directory` and its parts, as a server keeps them
 * in `configuration/.verified/` and a bundle in `signedconf/`; as many as there are, in folders of their own. A generation speaks for every
 * moment until it expires; of several, the one that expired first after that moment, which is the nearest one.
 *
 * @throws {VerificationError} `malformed_configuration`: there is none, or one of the anchor's instance is not verified
 */
export function readStoredConfigurations(files: Files, anchorXml: Uint8Array): readonly ConfigurationTrust[] {
  const anchor = attempt('the anchor is none', () => parseAnchor(anchorXml))
  const generations = generationsIn(files)
  if (generations.length === 0) throw malformed('there is no signed configuration in it')
  return generations.map((instances) => storedGeneration(instances, anchor))
}

/** The folders of each generation: those with a directory that lie in one place. What lies below such a folder is its own. */
function generationsIn(files: Files): readonly (readonly Files[])[] {
  const paths = [...files].map(([path, bytes]) => [`/${path}`, bytes] as const)
  const folders = new Map<string, Map<string, Uint8Array>>()
  for (const [path] of paths)
    if (path.endsWith(`/${DIRECTORY}`)) folders.set(path.slice(0, -DIRECTORY.length - 1), new Map())
  if (folders.size > MAX_GENERATIONS) throw malformed(`there are more than ${MAX_GENERATIONS} configurations in it`)
  for (const [path, bytes] of paths)
    for (let cut = path.lastIndexOf('/'); cut >= 0; cut = cut === 0 ? -1 : path.lastIndexOf('/', cut - 1)) {
      const folder = folders.get(path.slice(0, cut))
      if (folder === undefined) continue
      folder.set(path.slice(cut + 1), bytes)
      break
    }
  const places = new Map<string, Files[]>()
  for (const [folder, own] of folders) {
    const place = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))
    const found = places.get(place)
    if (found === undefined) places.set(place, [own])
    else found.push(own)
  }
  return [...places.values()]
}

/** Whose it is, and until when, is verified at once; what it says is read when it is asked for. */
function storedGeneration(folders: readonly Files[], anchor: Anchor): ConfigurationTrust {
  const { own, errors } = ownOf(folders, anchor)
  if (own === undefined)
    throw malformed(`none of it is a configuration of ${anchor.instance} that the anchor's key signed`, errors[0])
  const { expiresAt } = own.directory
  const name = `configuration of ${anchor.instance}, signed, valid until ${expiresAt.toISOString()}`
  let known: ReturnType<ConfigurationTrust['read']> | undefined
  return {
    name,
    instance: anchor.instance,
    until: expiresAt,
    read() {
      known ??= attempt(name, () => {
        const parameters = parametersOf(own)
        const partners = parameters.private?.anchors ?? []
        const federated = partners.flatMap((partner) => ownOf(folders, partner).own ?? [])
        return believedOf(parameters, federated.map(parametersOf))
      })
      return known
    },
  }
}

/** One instance of a generation, with the parts that its directory means. */
interface Verified {
  readonly anchor: Anchor
  readonly signed: Uint8Array
  readonly directory: SignedDirectory
  readonly parts: readonly VerifiedPart[]
}

function ownOf(
  folders: readonly Files[],
  anchor: Anchor,
): { readonly own?: Verified; readonly errors: readonly unknown[] } {
  const errors: unknown[] = []
  for (const folder of folders) {
    try {
      return { own: verified(folder, anchor), errors }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      errors.push(error)
    }
  }
  return { errors }
}

function verified(folder: Files, anchor: Anchor): Verified {
  const signed = folder.get(DIRECTORY) ?? new Uint8Array()
  const directory = verifySignedDirectory(signed, believedKeys(anchor, vouchersOf(folder)), WHENEVER)
  const parts = partsOf(directory, folder, anchor.instance)
  if (!parts.some(({ part }) => part.contentIdentifier === 'SHARED-PARAMETERS'))
    throw new ProtocolError('malformed_configuration', 'the shared parameters that were signed are not there')
  return { anchor, signed, directory, parts }
}

function parametersOf({ anchor, signed, directory, parts }: Verified): InstanceParameters {
  return readInstance(signed, directory, parts, anchor.instance).parameters
}

function vouchersOf(folder: Files): readonly Voucher[] {
  const vouchers: Voucher[] = []
  for (let number = 1; ; number += 1) {
    const signed = folder.get(`vouchers/${number}.${DIRECTORY}`)
    const shared = folder.get(`vouchers/${number}.shared-params.xml`)
    if (signed === undefined || shared === undefined) return vouchers
    vouchers.push({ signed, shared })
  }
}

/** Those that are here: without the shared parameters nothing is read, without another one its careful default holds. */
function partsOf(directory: SignedDirectory, folder: Files, instance: string): readonly VerifiedPart[] {
  return partsToTake(directory, instance, 'own').flatMap(({ part, file }) => {
    const bytes = [...folder.values()].find((candidate) => isPart(part, candidate))
    return bytes === undefined ? [] : [{ part, file, bytes }]
  })
}

function believedOf(
  own: InstanceParameters,
  federated: readonly InstanceParameters[],
): ReturnType<ConfigurationTrust['read']> {
  const all = [own, ...federated].map(({ shared }) => shared)
  const names = new Map<string, string>()
  for (const { instance, members } of all)
    for (const { memberClass, memberCode, name } of members)
      names.set(idKey({ instance, memberClass, memberCode }), name)
  return {
    trust: trustMaterial(own.shared, all.slice(1), { verifyNextUpdate: own.verifyNextUpdate }),
    memberName: (id) => names.get(idKey(memberOf(id))),
  }
}

function attempt<T>(what: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw malformed(what, cause)
  }
}

function malformed(why: string, cause?: unknown): VerificationError {
  const reason = cause instanceof Error ? `: ${cause.message}` : ''
  return new VerificationError('malformed_configuration', `The configuration cannot be used: ${why}${reason}`, {
    cause,
  })
}
