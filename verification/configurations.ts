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
  readonly trust: TrustMaterial
  memberName(id: ClientId): string | undefined
}

/**
 * The folder that `GET /verificationconf` gives: no signature is judged, and it is believed for all times.
 *
 * @throws {VerificationError} `malformed_configuration`
 */
export function readConfigurationCopy(files: Files): ConfigurationTrust {
  try {
    const { own, federated } = readPlainCopy(files)
    return trustOf(`configuration of ${own.instance}, an unsigned copy`, own, federated)
  } catch (cause) {
    throw malformed('it is no copy of a configuration', cause)
  }
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
  let anchor: Anchor
  try {
    anchor = parseAnchor(anchorXml)
  } catch (cause) {
    throw malformed('the anchor is none', cause)
  }
  const folders = new Map<string, Files[]>()
  for (const path of files.keys()) {
    const cut = path.lastIndexOf('/')
    if (cut <= 0 || path.slice(cut + 1) !== DIRECTORY) continue
    const folder = path.slice(0, cut)
    const place = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))
    folders.set(place, [...(folders.get(place) ?? []), below(files, `${folder}/`)])
  }
  if (folders.size === 0) throw malformed('there is no signed configuration in it')
  if (folders.size > MAX_GENERATIONS) throw malformed(`there are more than ${MAX_GENERATIONS} configurations in it`)
  return [...folders.values()].map((instances) => readGeneration(instances, anchor))
}

function below(files: Files, prefix: string): Files {
  return new Map(
    [...files].filter(([path]) => path.startsWith(prefix)).map(([path, bytes]) => [path.slice(prefix.length), bytes]),
  )
}

/** The own instance, and of the federated ones those that its private parameters name. */
function readGeneration(folders: readonly Files[], anchor: Anchor): ConfigurationTrust {
  const { own, errors } = ownOf(folders, anchor)
  if (own === undefined)
    throw malformed(`none of it is a configuration of ${anchor.instance} that the anchor's key signed`, errors[0])
  const partners = own.private?.anchors ?? []
  const federated = partners.map((partner) => ownOf(folders, partner).own).filter((other) => other !== undefined)
  const { instance, expiresAt } = own
  return {
    ...trustOf(`configuration of ${instance}, signed, valid until ${expiresAt.toISOString()}`, own, federated),
    until: expiresAt,
  }
}

function ownOf(
  folders: readonly Files[],
  anchor: Anchor,
): { readonly own?: InstanceParameters; readonly errors: readonly unknown[] } {
  const errors: unknown[] = []
  for (const folder of folders) {
    try {
      return { own: readVerified(folder, anchor), errors }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      errors.push(error)
    }
  }
  return { errors }
}

function readVerified(folder: Files, anchor: Anchor): InstanceParameters {
  const signed = folder.get(DIRECTORY) ?? new Uint8Array()
  const directory = verifySignedDirectory(signed, believedKeys(anchor, vouchersOf(folder)), WHENEVER)
  const parts = partsOf(directory, folder, anchor.instance)
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

function trustOf(name: string, own: InstanceParameters, federated: readonly InstanceParameters[]): ConfigurationTrust {
  const all = [own, ...federated].map(({ shared }) => shared)
  const names = new Map<string, string>()
  for (const { instance, members } of all)
    for (const { memberClass, memberCode, name: called } of members)
      names.set(idKey({ instance, memberClass, memberCode }), called)
  return {
    name,
    instance: own.instance,
    trust: trustMaterial(own.shared, all.slice(1), { verifyNextUpdate: own.verifyNextUpdate }),
    memberName: (id) => names.get(idKey(memberOf(id))),
  }
}

function malformed(why: string, cause?: unknown): VerificationError {
  const reason = cause instanceof Error ? `: ${cause.message}` : ''
  return new VerificationError('malformed_configuration', `The configuration cannot be used: ${why}${reason}`, {
    cause,
  })
}
