// Whom evidence commands believe: a global configuration from a folder, a zip, an anchor or the demo nearby. Read as bytes here; what it says
// and whether it may be believed is judged by the verification room.
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EvidenceError, readZip } from '#evidence'
import { collect } from '#protocol'
import { type Files, VerificationError } from '#verification'
import { CliError } from './error.ts'
import { nearbyDemo } from './nearby.ts'

/** A whole country's configuration is some megabytes; a year of its generations some hundred. */
const MAX_BYTES = 512 * 1024 * 1024
const MAX_FILES = 100_000
const MAX_DEPTH = 8

/** The configuration of the demo nearby. Throws CliError `unreadable` where there is none. */
export function nearbyCopy(): { readonly copy: string; readonly how: string } {
  const demo = nearbyDemo(undefined)
  const copy = demo && join(demo.directory, 'evidence', 'verificationconf.zip')
  if (!demo || !copy || !existsSync(copy)) {
    throw new CliError(
      'unreadable',
      'whom to believe? --conf DIR (a copy of the configuration), --anchor FILE (to download it) or --pinned FILE (a list of your own); there is no demo nearby either',
    )
  }
  return { copy, how: `believing the configuration of ${demo.instance}, the demo in ${demo.directory}` }
}

/** The bytes of an anchor. Throws CliError `unreadable`. */
export function readAnchor(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/**
 * The files of the folder that /verificationconf gives, of the folder around it, or of the zip itself.
 *
 * @throws CliError `unreadable`
 */
export async function configurationFiles(path: string): Promise<Files> {
  const files = await filesAt(path)
  const around = 'verificationconf/'
  if (files.has('instance-identifier') || !files.has(`${around}instance-identifier`)) return files
  return new Map(
    [...files].filter(([name]) => name.startsWith(around)).map(([name, bytes]) => [name.slice(around.length), bytes]),
  )
}

/** Every file in a folder, or in a zip, by its path; bounded. Throws CliError `unreadable`. */
export async function filesAt(path: string): Promise<Files> {
  try {
    const files = new Map<string, Uint8Array>()
    if ((await stat(path)).isDirectory()) await collectFolder(path, '', files, { left: MAX_BYTES })
    // attacker-controlled: names that leave the folder are refused by the reader, sizes are bounded
    else
      for await (const { name, body } of readZip(createReadStream(path), {
        maxBytes: MAX_BYTES,
        maxEntries: MAX_FILES,
      }))
        if (!name.endsWith('/')) files.set(name, await collect(body, MAX_BYTES))
    return files
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    const what = cause instanceof EvidenceError ? 'is no configuration' : 'cannot be read'
    throw new CliError('unreadable', `${path} ${what}: ${(cause as Error).message}`, { cause })
  }
}

async function collectFolder(
  folder: string,
  prefix: string,
  files: Map<string, Uint8Array>,
  budget: { left: number },
  depth = 0,
): Promise<void> {
  if (depth > MAX_DEPTH) throw new Error(`${folder} is too deep`)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await collectFolder(path, `${prefix}${entry.name}/`, files, budget, depth + 1)
    else if (entry.isFile()) {
      budget.left -= (await stat(path)).size
      if (budget.left < 0 || files.size >= MAX_FILES) throw new Error('it holds more than a configuration')
      files.set(prefix + entry.name, await readFile(path))
    }
  }
}

/** Downloads it now and gives the verified generation that was kept of it; nothing stays on the disk. Throws CliError `unreadable`. */
export async function downloadConfiguration(anchorFile: string): Promise<Files> {
  const [{ openConfiguration }, { createLog, systemClock }] = await Promise.all([
    import('#global-configuration'),
    import('#host'),
  ])
  const directory = await mkdtemp(join(tmpdir(), 'saadik-conf-'))
  let client: Awaited<ReturnType<typeof openConfiguration>> | undefined
  try {
    const log = createLog({ process: 'saadik', level: 'error' })
    client = await openConfiguration({ anchorFile, directory, allowedFederations: 'all', clock: systemClock, log })
    if (!client.current()) throw new Error(client.status().lastError ?? 'nothing was downloaded')
    return await filesAt(join(directory, '.verified'))
  } catch (cause) {
    throw new CliError(
      'unreadable',
      `the configuration that ${anchorFile} names cannot be had: ${(cause as Error).message}`,
      { cause },
    )
  } finally {
    client?.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** Whether whom to believe cannot be known: nothing can be judged then. */
export function isUnusable(error: unknown): boolean {
  return error instanceof VerificationError || (error instanceof CliError && error.code === 'unreadable')
}

/** In words of this room. */
export function unusable(error: unknown, what: string): never {
  if (!(error instanceof VerificationError)) throw error
  throw new CliError('unreadable', `${what}: ${error.message}`, { cause: error })
}
