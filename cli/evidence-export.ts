// `saadik evidence export`: containers of the log's layout as conforming ones, for validators that know ETSI's standards and not X-Road.

import { existsSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { exportConforming } from '#evidence'
import { writeFileDurable } from '#host'
import { authoritiesOf } from './authorities.ts'
import type { Run } from './command.ts'
import { containersIn, faultOf, isFolder, openerOf } from './container-files.ts'
import { CliError } from './error.ts'
import { digestOf, whomToBelieve } from './long-term-options.ts'

export const exportEvidence: Run = async (given, out) => {
  const target = given.text('output')
  if (target === undefined) throw new CliError('usage', 'where to? -o FILE, or -o DIR for many')
  const { trust, now } = await whomToBelieve(given, out)
  const digest = digestOf(given) ?? 'SHA-512'
  const authorities = authoritiesOf(now, given.text('tsa'))
  const toFolder = existsSync(target) && (await isFolder(target))
  const [first = '', ...more] = given.positionals
  if (!toFolder && (more.length > 0 || (await isFolder(first))))
    throw new CliError('usage', `${target} is no folder, and there may be many containers to write`)

  const counts = { written: 0, there: 0, refused: 0 }
  for await (const file of containersIn(given.positionals)) {
    const to = toFolder ? join(target, basename(file)) : target
    if (resolve(to) === resolve(file)) throw new CliError('usage', `${file} would be replaced; name another place`)
    // Files are written whole or not at all, so one that is there was finished by an earlier run.
    if (toFolder && existsSync(to)) {
      counts.there += 1
      continue
    }
    try {
      const open = openerOf(file)
      const createdAt = new Date()
      await writeFileDurable(to, await exportConforming({ open, trust, digest, authorities, createdAt }))
      counts.written += 1
      out.note(`${file}: written to ${to}`)
    } catch (error) {
      const fault = faultOf(file, error)
      if (fault === undefined) throw error
      counts.refused += 1
      out.note(`${file}: ${fault.code}: ${fault.detail}`)
    }
  }
  if (toFolder) out.line(`${counts.written} written, ${counts.there} there already, ${counts.refused} refused`)
  return counts.refused > 0 ? 1 : 0
}
