// `saadik log check`: the server reads its whole log anew and compares it with its leaves and with every checkpoint that is known.
import { createInterface } from 'node:readline'
import { type CheckProgress, type CheckReport, type CheckRequest, controlPaths } from '#security-server/contract'
import type { Run } from './command.ts'
import { streamFrom } from './control-stream.ts'
import { CliError } from './error.ts'
import { readInput } from './files.ts'
import { coloured, facts } from './output.ts'
import { type Target, targetOf } from './targets.ts'

export const check: Run = async (given, out) => {
  const target = targetOf(given, ['security-server'])
  const checkpoints = await Promise.all(given.texts('checkpoint').map((file) => readInput(file)))
  let report: CheckReport | undefined
  for await (const said of ask(target, { checkpoints: checkpoints.map((bytes) => bytes.toString('base64')) })) {
    if ('ok' in said) report = said
    else if (!given.on('json')) out.note(`${said.records} of ${said.of} records`)
  }
  if (report === undefined) throw new CliError('failed', 'the server ended before the check did')
  if (given.on('json')) out.json(report)
  else for (const line of lines(report)) out.line(line)
  return report.ok ? 0 : 1
}

function lines({ ok, records, removed, leaves, checkpoints, fault }: CheckReport): string[] {
  const [from, to] = fault?.records ?? []
  const bad = from === undefined ? undefined : from === to ? `record ${from}` : `one of the records ${from} to ${to}`
  return [
    ok ? coloured(['green', 'bold'], 'WHOLE') : coloured(['red', 'bold'], 'CHANGED'),
    ...facts([
      ['read', `${records} records; ${leaves} leaves`],
      ['removed', removed === 0 ? undefined : `${removed} records, which the archive must have`],
      ['checkpoints', checkpoints.map(shown).join(', ')],
      ['found', fault && `${fault.code}: ${fault.message}`],
      ['first bad', bad],
    ]),
  ]
}

function shown({ leaves, from, fits }: CheckReport['checkpoints'][number]): string {
  return `${leaves} leaves (${from}) ${fits ? 'fit' : 'DO NOT FIT'}`
}

/** A line of JSON for each step. */
async function* ask(target: Target, body: CheckRequest): AsyncGenerator<CheckProgress | CheckReport> {
  const response = await streamFrom(target, controlPaths.check, body)
  response.setEncoding('utf8')
  for await (const line of createInterface({ input: response })) yield JSON.parse(line) as CheckProgress | CheckReport
}
