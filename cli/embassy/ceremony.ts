// `saadik custody ceremony`: an opening key that exists for as long as this command runs.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ContinuityError, formatManifest, holdCeremony } from '#continuity'
import type { Arguments, Run } from '../command.ts'
import { CliError } from '../error.ts'

export const ceremony: Run = async (given, out) => {
  const facts = {
    instance: required(given, 'instance'),
    embassy: required(given, 'embassy'),
    version: whole(given.text('version') ?? '1', '--version'),
    threshold: whole(required(given, 'threshold'), '--threshold'),
  }
  const custodians = readCustodians(given.texts('custodian'))
  if (facts.threshold < 2 || facts.threshold > custodians.size)
    throw new CliError('usage', `--threshold is 2 to ${custodians.size}, the number of custodians`)
  const directory = required(given, 'output')
  const { manifest, sealed } = await holdCeremony(facts, custodians).catch((error: unknown) => {
    if (error instanceof ContinuityError) throw new CliError('failed', error.message, { cause: error })
    throw error
  })
  // A folder that is there may hold the shares of another ceremony.
  await mkdir(directory).catch((cause: Error) => {
    throw new CliError('failed', `${directory} cannot be made: ${cause.message}`, { cause })
  })
  await writeFile(join(directory, 'manifest.txt'), formatManifest(manifest), { flag: 'wx' })
  for (const [name, share] of sealed)
    await writeFile(join(directory, `${name}.share`), share, { flag: 'wx', mode: 0o600 })
  out.line(`${facts.threshold} of ${custodians.size} custodians open: ${[...custodians.keys()].join(', ')}`)
  out.line(`registers are sealed to ${manifest.recipient.slice(0, 24)}…`)
  out.note(`written to ${directory}; sign manifest.txt (saadik note sign), hand each share to its custodian, keep none`)
  return 0
}

function readCustodians(given: readonly string[]): ReadonlyMap<string, string> {
  const custodians = new Map<string, string>()
  for (const text of given) {
    const [, name = '', key = ''] = /^([^\s=/]+)=(age1[0-9a-z]+)$/u.exec(text) ?? []
    if (name === '') throw new CliError('usage', `--custodian is NAME=KEY with an age recipient, not '${text}'`)
    if (custodians.has(name)) throw new CliError('usage', `${name} is named twice`)
    custodians.set(name, key)
  }
  if (custodians.size < 2) throw new CliError('usage', 'a ceremony has two custodians at least: --custodian NAME=KEY')
  return custodians
}

function required(given: Arguments, option: string): string {
  const value = given.text(option)
  if (value === undefined) throw new CliError('usage', `--${option} is needed; see: saadik custody ceremony --help`)
  return value
}

function whole(text: string, what: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new CliError('usage', `${what} is a number from 1, not '${text}'`)
  return Number(text)
}
