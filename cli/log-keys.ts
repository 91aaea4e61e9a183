// `saadik log keys …`: the keys by which a security server encrypts its message log. What they are never comes here.
import { controlPaths, type LogKeyListing } from '#security-server/contract'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { controlOf, targetOf } from './targets.ts'

export const create: Run = async (given, out) => {
  const { id } = await controlOf(targetOf(given, ['security-server'])).post<{ id: string }>(controlPaths.logKeys)
  if (given.on('json')) out.json({ id })
  else out.line(`new records are encrypted with key ${id}; copy the file of keys to where your backups are not`)
  return 0
}

export const list: Run = async (given, out) => {
  const { keys } = await controlOf(targetOf(given, ['security-server'])).get<LogKeyListing>(controlPaths.logKeys)
  if (given.on('json')) {
    out.json({ keys })
    return 0
  }
  if (keys.length === 0) out.note('the message log is not encrypted: messageLog.encryption in the configuration')
  for (const { id, createdAt, current, records } of keys) {
    const use = current ? 'for new records' : records === 0 ? 'not needed: may be retired' : 'needed'
    out.line(`${id}  ${createdAt}  ${String(records).padStart(10)} records  ${use}`)
  }
  return 0
}

export const retire: Run = async (given, out) => {
  const [wanted = ''] = given.positionals
  const control = controlOf(targetOf(given, ['security-server']))
  const { keys } = await control.get<LogKeyListing>(controlPaths.logKeys)
  const found = keys.filter(({ id }) => wanted.length >= 4 && id.startsWith(wanted))
  const [key] = found
  if (key === undefined || found.length > 1)
    throw new CliError('not_found', `no key, or more than one, begins with '${wanted}'; see saadik log keys list`)
  await control.post(controlPaths.logKeyRetire, { id: key.id })
  if (given.on('json')) out.json({ id: key.id })
  else out.line(`key ${key.id} is out of the file`)
  return 0
}
