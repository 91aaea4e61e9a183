// The published files, as X-Road's web server has them (wire-conf §2.1):
//
//   V6/20300101000000123000000/shared-params.xml …   written first: a crash here leaves a folder that nothing names, swept later
//   V6/internalconf, V6/externalconf                 replaced last, each at once: from here on clients see the new generation
//
// Parts are not synced to disk one by one: after a power failure a torn part does not have its hash, clients refuse it, and the
// next generation follows within the interval.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sweepTemporary, writeFileDurable } from '#host'
import type { VersionFiles } from './generation.ts'

/** A client has this long between fetching a directory and its parts. */
const KEPT_MS = 600_000

/** `uuuuMMddHHmmss` and nine digits of nanoseconds. */
export function folderName(at: Date): string {
  return `${at.toISOString().replace(/\D/g, '')}000000`
}

/** Undefined for what is no folder of a generation. */
function timeOf(folder: string): Date | undefined {
  const [, year, month, day, hours, minutes, seconds] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)\d{9}$/.exec(folder) ?? []
  return year === undefined ? undefined : new Date(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`)
}

/** Gives out a generation. */
export async function writeGeneration(
  directory: string,
  folder: string,
  versions: readonly VersionFiles[],
): Promise<void> {
  for (const { version, parts } of versions) {
    const target = join(directory, `V${version}`, folder)
    await mkdir(target, { recursive: true })
    for (const { file, bytes } of parts) await writeFile(join(target, file), bytes)
  }
  for (const { version, directories } of versions) {
    for (const { file, bytes } of directories) await writeFileDurable(join(directory, `V${version}`, file), bytes)
  }
}

/** Removes generations that nobody is downloading any more, and versions below the lowest that is published. */
export async function sweepGenerations(directory: string, minimumVersion: number, at: Date): Promise<void> {
  for (const name of await readdir(directory)) {
    const version = Number(/^V(\d+)$/.exec(name)?.[1] ?? Number.NaN)
    if (Number.isNaN(version)) continue
    const path = join(directory, name)
    if (version < minimumVersion) {
      await rm(path, { recursive: true, force: true })
      continue
    }
    await sweepTemporary(path)
    for (const folder of await readdir(path)) {
      const made = timeOf(folder)
      if (made !== undefined && at.getTime() - made.getTime() > KEPT_MS)
        await rm(join(path, folder), { recursive: true, force: true })
    }
  }
}
