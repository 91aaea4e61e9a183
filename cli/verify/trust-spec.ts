// Whom to believe, as bytes that can be handed to every thread; each makes the same trust of them.
import {
  type Files,
  type Pinned,
  readConfigurationCopy,
  readPinned,
  readStoredConfigurations,
  Trust,
} from '#verification'
import type { Arguments, Output } from '../command.ts'
import { CliError } from '../error.ts'
import { readDocument, readInput } from '../files.ts'
import { configurationFiles, filesAt, nearbyCopy, readAnchor, unusable } from '../trust.ts'

/** Structured-cloneable. */
export interface TrustSpec {
  /** `--conf`: where it came from, and its files. */
  readonly copies: readonly (readonly [path: string, files: Files])[]
  /** `--configuration`: signed generations. */
  readonly stored: readonly (readonly [path: string, files: Files])[]
  /** `--anchor`: what vouches for them, and for what comes in bundles. */
  readonly anchor?: { readonly path: string; readonly xml: Uint8Array }
  /** `--pinned`: documents as YAML or JSON gave them. */
  readonly pinned: readonly (readonly [path: string, document: unknown, bytes: Uint8Array])[]
  /** Nothing but the anchor says whom to believe: its configuration is downloaded when it is first needed. */
  readonly download: boolean
}

/** Reads what the options name. Throws CliError `usage`, `unreadable`. */
export async function readTrustSpec(given: Arguments, out: Output): Promise<TrustSpec> {
  const [conf, configuration, lists] = [given.texts('conf'), given.texts('configuration'), given.texts('pinned')]
  const anchor = given.text('anchor')
  if (configuration.length > 0 && anchor === undefined)
    throw new CliError('usage', '--configuration needs --anchor: a signed configuration is worth what vouches for it')
  const pinned = await Promise.all(
    lists.map(async (path) => {
      const bytes = await readInput(path)
      return [path, readDocument(bytes.toString('utf8'), path), bytes] as const
    }),
  )
  const nobody = conf.length + lists.length === 0 && anchor === undefined
  const nearby = nobody ? nearbyCopy() : undefined
  if (nearby !== undefined) out.note(nearby.how)
  const copies = nearby === undefined ? conf : [nearby.copy]
  const spec: TrustSpec = {
    copies: await Promise.all(copies.map(async (path) => [path, await configurationFiles(path)] as const)),
    stored: await Promise.all(configuration.map(async (path) => [path, await filesAt(path)] as const)),
    ...(anchor === undefined ? {} : { anchor: { path: anchor, xml: readAnchor(anchor) } }),
    pinned,
    download: anchor !== undefined && configuration.length + conf.length === 0,
  }
  // What cannot be used is told before anything is judged.
  trustOf(spec)
  return spec
}

/** Throws CliError `unreadable`. `downloaded`: the anchor's configuration, once it was had. */
export function trustOf(spec: TrustSpec, downloaded?: Files): Trust {
  const { copies, stored, anchor, pinned } = spec
  const generations = downloaded && anchor ? [...stored, [anchor.path, downloaded] as const] : stored
  return new Trust({
    configurations: [
      ...copies.map(([path, files]) => attempt(path, () => readConfigurationCopy(files))),
      ...generations.flatMap(([path, files]) =>
        attempt(path, () => readStoredConfigurations(files, anchor?.xml ?? new Uint8Array())),
      ),
    ],
    pinned: pinned.map(([path, document]): Pinned => attempt(path, () => readPinned(document))),
  })
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    return unusable(error, path)
  }
}
