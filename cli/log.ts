// `saadik log get`: what a security server keeps as evidence, taken out.
import { controlPaths } from '#security-server/contract'
import type { Run } from './command.ts'
import { download } from './control-stream.ts'
import { CliError } from './error.ts'
import { targetOf } from './targets.ts'

export const get: Run = async (given, out) => {
  const [id = ''] = given.positionals
  if (!/^\d{1,15}$/.test(id)) throw new CliError('usage', `ID is the number that 'saadik log find' shows, not '${id}'`)
  const file = given.text('output')
  if (file === undefined && process.stdout.isTTY) throw new CliError('usage', 'a container is no text: -o FILE')
  const path = given.on('bundle') ? controlPaths.bundle(Number(id)) : controlPaths.container(Number(id))
  await download(targetOf(given, ['security-server']), `${path}?force=1`, file)
  if (file !== undefined) out.note(`written to ${file}; verify it: saadik verify ${file}`)
  return 0
}
