// `saadik embassy status|seal`.
import { type AgentProcessStatus, type EmbassyProcessStatus, embassyPaths } from '#data-embassy/contract'
import type { Output, Run } from '../command.ts'
import { coloured } from '../output.ts'
import { embassyOf, processOf } from './process.ts'

export const status: Run = async (given, out) => {
  const { kind, control } = processOf(given)
  const told = await control.get<AgentProcessStatus | EmbassyProcessStatus>(embassyPaths.status)
  if (given.on('json')) out.json(told)
  const well = kind === 'agent' ? agentIsWell(told as AgentProcessStatus) : embassyIsWell(told as EmbassyProcessStatus)
  if (!given.on('json')) {
    if (kind === 'agent') showAgent(told as AgentProcessStatus, out)
    else showEmbassy(told as EmbassyProcessStatus, out)
  }
  return well ? 0 : 1
}

export const seal: Run = async (given, out) => {
  await embassyOf(given).post(embassyPaths.seal)
  out.line('sealed: nothing is open here')
  return 0
}

function agentIsWell({ registers }: AgentProcessStatus): boolean {
  return registers.every(
    ({ failure, embassies }) => failure === undefined && embassies.every(({ lastError }) => lastError === undefined),
  )
}

function embassyIsWell({ standbys }: EmbassyProcessStatus): boolean {
  return standbys.every(({ failure }) => failure === undefined)
}

function showAgent({ registers }: AgentProcessStatus, out: Output): void {
  for (const { register, durability, size, embassies, waiting, failure } of registers) {
    out.line(`${coloured('bold', register)}  ${durability}, ${size} entries, ${waiting.batches} batches wait`)
    if (failure !== undefined) out.line(`  ${coloured('red', 'not captured')}: ${failure}`)
    for (const { embassy, size: held, receiptedAt, lastError } of embassies)
      out.line(
        `  ${embassy}: ${held} receipted${receiptedAt === undefined ? '' : `, last ${receiptedAt}`}${lastError === undefined ? '' : `; ${coloured('yellow', lastError)}`}`,
      )
  }
}

function showEmbassy({ embassy, mirrors, authority, room, standbys }: EmbassyProcessStatus, out: Output): void {
  out.line(`${coloured('bold', embassy)}  ${authority.decrees} decrees in ${authority.origin}`)
  for (const { origin, size, over } of mirrors)
    out.line(`  ${origin}: ${size} entries${over ? ', ended by a decree' : ''}`)
  for (const { register, mode, serving, asOf, restored, failure } of standbys) {
    const what = serving ? `answers${asOf === undefined ? '' : ` as of ${asOf}`}` : 'answers nobody'
    const how =
      restored === undefined ? '' : `; ${restored.changes} changes restored in ${restored.seconds.toFixed(1)} s`
    out.line(
      `  ${register}: ${coloured(mode === 'SEALED' ? 'green' : 'yellow', mode)}, ${what}${how}${failure === undefined ? '' : `; ${coloured('red', failure)}`}`,
    )
  }
  out.line(
    room.open
      ? `  open, by ${room.custodians.join(', ')}`
      : `  ${room.custodians.length} of ${room.threshold} shares are here`,
  )
}
