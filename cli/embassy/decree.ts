// `saadik decree …`: written from what the embassy has, signed by persons, recorded by the embassy.
import { randomBytes } from 'node:crypto'
import { CENTRE, ContinuityError, type Decree, formatDecree, MODES } from '#continuity'
import { type DecreeAnswer, type DecreeStanding, embassyPaths } from '#data-embassy/contract'
import type { Run } from '../command.ts'
import { CliError } from '../error.ts'
import { readInput, writeOutput } from '../files.ts'
import { oneOf } from '../suggest.ts'
import { embassyOf } from './process.ts'

const HOUR_MS = 3_600_000
/** Clocks of embassies may be behind ours. */
const EARLY_MS = 60_000

export const write: Run = async (given, out) => {
  const subject = given.text('register')
  if (subject === undefined) throw new CliError('usage', `about what? --register NAME, or --register ${CENTRE}`)
  const to = oneOf('--to', given.text('to'), MODES)
  const hours = Number(given.text('hours') ?? 12)
  if (!(hours > 0 && hours <= 24 * 30)) throw new CliError('usage', '--hours is more than 0 and at most 720')
  const { instance, embassy, mode, epoch, keys, predecessor } = await embassyOf(given).get<DecreeStanding>(
    embassyPaths.nextDecree(subject),
  )
  const now = Date.now()
  const decree: Decree = {
    ...{ instance, subject, embassy, from: mode, to, epoch: [epoch, epoch + 1], keys },
    ...(predecessor === undefined ? {} : { predecessor }),
    ...{ notBefore: new Date(now - EARLY_MS), notAfter: new Date(now + hours * HOUR_MS) },
    nonce: randomBytes(16).toString('hex'),
  }
  try {
    await writeOutput(given.text('output'), formatDecree(decree), out)
  } catch (error) {
    if (error instanceof ContinuityError)
      throw new CliError('failed', `${subject} is ${mode}: ${error.message}`, { cause: error })
    throw error
  }
  return 0
}

export const record: Run = async (given, out) => {
  const [file = ''] = given.positionals
  const note = (await readInput(file)).toString('utf8')
  const answer = await embassyOf(given).post<DecreeAnswer>(embassyPaths.decrees, { note })
  if (given.on('json')) out.json(answer)
  else out.line(`recorded as entry ${answer.index}: ${answer.subject} is ${answer.mode}, epoch ${answer.epoch}`)
  return 0
}
