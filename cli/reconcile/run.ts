// `saadik reconcile run`, `list`, `show`: a comparison that servers make over the exchange.
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Finding } from '#evidence'
import type { ControlClient } from '#host'
import { controlPaths, type ReconciliationListing, type ReconciliationState } from '#security-server/contract'
import type { Arguments, Output, Run } from '../command.ts'
import { CliError } from '../error.ts'
import { readInput } from '../files.ts'
import { controlOf, targetOf } from '../targets.ts'
import { showFindings, showReport } from './text.ts'
import { wantedOf } from './wanted.ts'

const LOOK_MS = 500
const PAGE = 1000
/** Findings that are shown; the report file has those that the server keeps. */
const SHOWN = 50

export const run: Run = async (given, out) => {
  const wanted = wantedOf(given)
  const policyFile = given.text('policy')
  const policy = policyFile === undefined ? {} : { policy: (await readInput(policyFile)).toString('utf8') }
  const control = controlOf(targetOf(given, ['security-server']))
  const { run: name } = await control.post<{ run: string }>(controlPaths.reconciliation, { ...wanted, ...policy })
  const state = await whenOver(control, name, given, out)
  return await told(control, state, given, out)
}

export const show: Run = async (given, out) => {
  const [name = ''] = given.positionals
  const control = controlOf(targetOf(given, ['security-server']))
  const state = await control.get<ReconciliationState>(controlPaths.reconciliationRun(encodeURIComponent(name)))
  return await told(control, state, given, out)
}

export const list: Run = async (given, out) => {
  const control = controlOf(targetOf(given, ['security-server']))
  const { runs } = await control.get<ReconciliationListing>(controlPaths.reconciliation)
  if (given.on('json')) {
    out.json({ runs })
    return 0
  }
  if (runs.length === 0) out.note('nothing has been compared yet')
  for (const { run, asked, here, there, from, to, startedAt, state, inAgreement, error } of runs) {
    const verdict =
      state === 'done'
        ? inAgreement
          ? 'in agreement'
          : 'not in agreement'
        : state === 'running'
          ? 'under way'
          : `failed: ${error?.message ?? ''}`
    out.line(`${startedAt}  ${run}  ${here} ${asked ? 'asked' : 'was asked by'} ${there}, ${from} to ${to}: ${verdict}`)
  }
  return 0
}

async function whenOver(
  control: ControlClient,
  name: string,
  given: Arguments,
  out: Output,
): Promise<ReconciliationState> {
  const path = controlPaths.reconciliationRun(name)
  for (let told = ''; ; ) {
    const state = await control.get<ReconciliationState>(path)
    if (state.state !== 'running') return state
    const now = progressText(state)
    if (now !== undefined && now !== told && !given.on('json')) out.note(now)
    told = now ?? told
    await pause(LOOK_MS)
  }
}

function progressText({ progress }: ReconciliationState): string | undefined {
  if (progress === undefined) return undefined
  const { phase, done, of, server } = progress
  const what = {
    reading: `${done} messages read`,
    lists: 'lists are made',
    values: `page ${done} of ${of ?? '?'} of the lists compared`,
    leaves: `page ${done} of the leaves checked`,
    findings: 'differences are looked into',
  }[phase]
  return server === undefined ? what : `${what}, with ${server}`
}

async function told(
  control: ControlClient,
  state: ReconciliationState,
  given: Arguments,
  out: Output,
): Promise<number> {
  const { run, report, error, theirs, signed } = state
  const file = given.text('report')
  if (file !== undefined) {
    await pipeline(reportOf(control, state), createWriteStream(file))
    out.note(`written to ${file}`)
  }
  if (given.on('json')) {
    for await (const piece of reportOf(control, state)) process.stdout.write(piece)
    return exitCode(state)
  }
  if (report === undefined) {
    if (state.state === 'running') throw new CliError('failed', `${run} is under way`)
    throw new CliError('failed', `not compared: ${error?.message ?? 'no reason is known'}`)
  }
  showReport(report, out)
  const first = await page(control, run, 0, SHOWN)
  showFindings(first, out)
  const all = Object.values(report.findings).reduce((sum, number) => sum + number, 0)
  if (all > first.length) out.note(`${all - first.length} more: --report FILE`)
  const other = theirs.filter((one) => one.inAgreement !== report.inAgreement)
  if (other.length > 0) out.line('  The other side has come to another verdict; both are in the report.')
  if (signed.length > 0)
    out.note(`signed by the other side in record ${signed.join(', ')}: saadik log get ${signed[0]} --bundle`)
  return exitCode(state)
}

function exitCode({ report }: ReconciliationState): number {
  return report?.inAgreement ? 0 : 1
}

/** JSON, piece by piece: what the server keeps of findings is a page at a time. */
async function* reportOf(control: ControlClient, state: ReconciliationState): AsyncGenerator<string> {
  const text = JSON.stringify({ ...state, findings: [] }, null, 2)
  yield text.slice(0, text.lastIndexOf('[]') + 1)
  for (let first = 0; ; ) {
    const findings = await page(control, state.run, first, PAGE)
    for (const [at, finding] of findings.entries())
      yield `${first + at === 0 ? '\n' : ',\n'}    ${JSON.stringify(finding)}`
    first += findings.length
    if (findings.length < PAGE) break
  }
  yield '\n  ]\n}\n'
}

async function page(control: ControlClient, run: string, first: number, limit: number): Promise<readonly Finding[]> {
  const path = controlPaths.reconciliationFindings(encodeURIComponent(run))
  return (await control.get<{ findings: readonly Finding[] }>(`${path}?first=${first}&limit=${limit}`)).findings
}
