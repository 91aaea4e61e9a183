// Whom `verify` believes: a global configuration from a folder, a zip, an anchor or the demo nearby.
import { createReadStream, createWriteStream, existsSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { readZip } from '#evidence'
import type { TrustMaterial } from '#protocol'
import { CliError } from './error.ts'
import { nearbyDemo } from './nearby.ts'

/** A whole country's configuration is some megabytes. */
const MAX_COPY = { maxBytes: 256 * 1024 * 1024, maxEntries: 2000 }

export interface Believed {
  readonly trust: TrustMaterial
  /** For people, when nobody chose it. */
  readonly how?: string
}

/** Throws CliError `usage` or `unreadable`: without trust there is nothing to judge by. */
export async function believedBy({
  conf,
  anchor,
}: {
  conf: string | undefined
  anchor: string | undefined
}): Promise<Believed> {
  if (conf !== undefined && anchor !== undefined)
    throw new CliError('usage', 'either --conf or --anchor: one of them says whom to believe')
  if (conf !== undefined) return { trust: await fromCopy(conf) }
  if (anchor !== undefined) return { trust: await fromAnchor(anchor) }
  const demo = nearbyDemo(undefined)
  const copy = demo && join(demo.directory, 'evidence', 'verificationconf.zip')
  if (!demo || !copy || !existsSync(copy)) {
    throw new CliError(
      'unreadable',
      'whom to believe? --conf DIR (a copy of the configuration) or --anchor FILE (to download it); there is no demo nearby either',
    )
  }
  return {
    trust: await fromCopy(copy),
    how: `believing the configuration of ${demo.instance}, the demo in ${demo.directory}`,
  }
}

/** The folder that /verificationconf gives, the folder around it, or the zip itself. */
async function fromCopy(path: string): Promise<TrustMaterial> {
  try {
    if (statSync(path).isDirectory())
      return await readDirectory(existsSync(join(path, 'instance-identifier')) ? path : join(path, 'verificationconf'))
    return await inTemporaryFolder(async (folder) => {
      // attacker-controlled: names that leave the folder are refused by the reader, sizes are bounded
      for await (const { name, body } of readZip(createReadStream(path), MAX_COPY)) {
        if (name.endsWith('/')) continue
        const file = join(folder, name)
        await mkdir(dirname(file), { recursive: true })
        await pipeline(body, createWriteStream(file))
      }
      return readDirectory(join(folder, 'verificationconf'))
    })
  } catch (cause) {
    throw new CliError('unreadable', `${path} is no verification configuration: ${(cause as Error).message}`, { cause })
  }
}

async function readDirectory(directory: string): Promise<TrustMaterial> {
  const { readConfigurationDirectory } = await import('#global-configuration')
  return (await readConfigurationDirectory(directory)).trust
}

/** Downloads and verifies it now, keeps nothing. */
async function fromAnchor(file: string): Promise<TrustMaterial> {
  if (!existsSync(file)) throw new CliError('unreadable', `${file} is not there`)
  const [{ openConfiguration }, { createLog, systemClock }] = await Promise.all([
    import('#global-configuration'),
    import('#host'),
  ])
  return inTemporaryFolder(async (directory) => {
    const log = createLog({ process: 'saadik', level: 'error' })
    let client: Awaited<ReturnType<typeof openConfiguration>> | undefined
    try {
      client = await openConfiguration({ anchorFile: file, directory, clock: systemClock, log })
      const current = client.current()
      if (!current) throw new Error(client.status().lastError ?? 'nothing was downloaded')
      return current.trust
    } catch (cause) {
      throw new CliError(
        'unreadable',
        `the configuration that ${file} names cannot be had: ${(cause as Error).message}`,
        { cause },
      )
    } finally {
      client?.stop()
    }
  })
}

async function inTemporaryFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'saadik-conf-'))
  try {
    return await use(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
