// `saadik evidence status`: until when each container is good, and what ends then.
import { LongTermError, type Standing, type Survey, surveyContainer, verifyContainer } from '#evidence'
import type { Run } from './command.ts'
import { containersIn, faultOf, openerOf } from './container-files.ts'
import { horizonOf, type Whom, whomToBelieve } from './long-term-options.ts'
import { coloured } from './output.ts'

/** Good evidence with what makes it last, or why it is none. */
export type Standings =
  | { readonly state: 'good'; readonly survey: Survey; readonly standing: Standing }
  | { readonly state: 'invalid' | 'unreadable'; readonly code: string; readonly detail: string }

/** Only what is valid, but for parts that are withheld or not kept, is worth keeping valid. */
export async function standingOf(file: string, { trust }: Whom): Promise<Standings> {
  const open = openerOf(file)
  try {
    const report = await verifyContainer(open(), trust)
    if (
      report.verdict === 'unreadable' ||
      (report.verdict !== 'valid' && report.subIndication !== 'SIGNED_DATA_NOT_FOUND')
    ) {
      const failed = report.checks.find(({ ok }) => !ok)
      const state = report.verdict === 'unreadable' ? 'unreadable' : 'invalid'
      return { state, code: failed?.code ?? report.indication, detail: failed?.detail ?? report.indication }
    }
    const survey = await surveyContainer(open, trust)
    const last = survey.times.at(-1)
    if (last === undefined)
      return { state: 'invalid', code: 'asic_timestamp_not_found', detail: 'It has no time-stamp' }
    return { state: 'good', survey, standing: last.standing }
  } catch (error) {
    const fault = faultOf(file, error)
    if (fault === undefined) throw error
    return { state: error instanceof LongTermError ? 'invalid' : 'unreadable', ...fault }
  }
}

export const status: Run = async (given, out) => {
  const whom = await whomToBelieve(given, out)
  const horizon = horizonOf(given)
  const counts = { good: 0, due: 0, ended: 0, invalid: 0, unreadable: 0 }
  const files: object[] = []
  for await (const file of containersIn(given.positionals)) {
    const found = await standingOf(file, whom)
    const state = stateOf(found, horizon)
    counts[state] += 1
    if (given.on('json')) files.push({ file, state, ...described(found) })
    else out.line(lineOf(file, found, state))
  }
  const { good, due, ended, invalid, unreadable } = counts
  if (given.on('json')) out.json({ files, ...counts })
  else out.line(`${good} good, ${due} to renew, ${ended} ended, ${invalid} invalid, ${unreadable} unreadable`)
  return due + ended + invalid > 0 ? 1 : unreadable > 0 ? 2 : 0
}

type State = Standings['state'] | 'due' | 'ended'

/** Once the certificate behind the last time-stamp has ended, no other can be made over it. */
function stateOf(found: Standings, horizon: Date): State {
  if (found.state !== 'good') return found.state
  const last = found.survey.times.at(-1)
  if (last !== undefined && last.tsa.notAfter < new Date()) return 'ended'
  return found.standing.until < horizon ? 'due' : 'good'
}

function described(found: Standings): object {
  if (found.state !== 'good') return { code: found.code, detail: found.detail }
  const { survey, standing } = found
  return {
    layout: survey.layout,
    until: standing.until.toISOString(),
    because: standing.because,
    timestamps: survey.times.map(({ kind, genTime, digest, tsa }) => ({
      kind,
      genTime: genTime.toISOString(),
      digest,
      authority: tsa.subject.text,
    })),
  }
}

const WORDS = {
  good: ['green', 'GOOD'],
  due: ['yellow', 'RENEW'],
  ended: ['red', 'ENDED'],
  invalid: ['red', 'INVALID'],
  unreadable: ['red', 'UNREADABLE'],
} as const

function lineOf(file: string, found: Standings, state: State): string {
  const [colour, word] = WORDS[state]
  const head = `${coloured([colour, 'bold'], word)}  ${file}`
  if (found.state !== 'good') return `${head}  ${found.code}: ${found.detail.replace(/[\r\n]+/g, ' ')}`
  const { survey, standing } = found
  const last = survey.times.at(-1)
  return `${head}  ${survey.layout}, last ${last?.kind} ${last?.genTime.toISOString()} (${last?.digest}), good until ${standing.until.toISOString()}: then ${standing.because}`
}
