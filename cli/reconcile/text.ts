// What a comparison says, for people.
import type { CheckpointReport, Finding, FindingKind, ReconciliationReport, SideReport } from '#evidence'
import type { Output } from '../command.ts'
import { coloured, facts } from '../output.ts'

/** In the order of what is to be looked at first; a sentence for each. */
const KINDS: Readonly<
  Record<FindingKind, { readonly title: string; readonly means: string; readonly grave: boolean }>
> = {
  missing: {
    title: 'missing',
    means: 'one side must have had it, and does not show it: lost, removed or withheld',
    grave: true,
  },
  differs: { title: 'different', means: 'the two have different messages under one name', grave: true },
  repeated: { title: 'repeated', means: 'one side has the same message more often', grave: true },
  unfounded: { title: 'unfounded', means: "one side shows a message without the other's signature", grave: true },
  answer_not_delivered: {
    title: 'answer not delivered',
    means: 'only the provider has the answer: cut off, or refused by the consumer',
    grave: false,
  },
  request_not_accepted: {
    title: 'request not accepted',
    means: 'only the consumer has the request: not sent whole, or refused by the provider',
    grave: false,
  },
  elsewhere: { title: 'perhaps elsewhere', means: 'may be in a log of that side that was not compared', grave: false },
  removed: { title: 'archived', means: "older than what that side's log still has", grave: false },
}

export function showReport(report: ReconciliationReport, out: Output): void {
  const { here, there, from, to, marginSeconds, agreed, findings, beyond, notCompared, inAgreement } = report
  out.line(inAgreement ? coloured(['green', 'bold'], 'IN AGREEMENT') : coloured(['red', 'bold'], 'NOT IN AGREEMENT'))
  const unproven = [here, ...there].filter((side) => side.unproven > 0)
  for (const line of facts([
    ['period', `${from} to ${to}, ${marginSeconds} s of margin at each end`],
    ['here', sideText(here)],
    ...there.map((side) => ['there', sideText(side)] as const),
    ['not compared', notCompared.length === 0 ? undefined : `the logs of ${notCompared.join(', ')}`],
    ['agreed', `${agreed} messages`],
    ...unproven.map((side) => ['not proven', `${side.unproven} messages in the list of ${side.server}`] as const),
    ['too many', beyond === 0 ? undefined : `${beyond} messages more were not looked into; compare a shorter time`],
  ]))
    out.line(line)
  for (const [kind, { title, means, grave }] of Object.entries(KINDS)) {
    const number = findings[kind as FindingKind]
    if (number === undefined) continue
    const shown = `${String(number).padStart(8)}  ${title.padEnd(20)}`
    out.line(`${grave ? coloured('red', shown) : shown}  ${means}`)
  }
}

export function showFindings(findings: readonly Finding[], out: Output): void {
  for (const { kind, direction, consumer, lacking, requestId, queryId, here, there } of findings) {
    const asked = consumer === 'here' ? 'asked here' : 'asked there'
    const record = [here && `record ${here.seq} here`, there && `record ${there.seq} there`].filter(Boolean).join(', ')
    const at = new Date((here ?? there)?.at ?? 0).toISOString()
    const signed = (here ?? there)?.signatureValid === true ? `, signed by who lacks it` : ''
    const where = lacking === undefined ? '' : ` not ${lacking}`
    out.line(
      `${at}  ${KINDS[kind].title}:${where} ${direction} ${queryId} (${asked}, x-road-request-id ${requestId}); ${record}${signed}`,
    )
  }
}

function sideText({ party, server, messages, checkpoint }: SideReport): string {
  return `${party}, ${messages} messages in the log of ${server}; checkpoint of ${checkpoint.size} leaves, ${stateText(checkpoint)}`
}

function stateText({ state, witnesses }: CheckpointReport): string {
  switch (state) {
    case 'witnessed':
      return `witnessed by ${witnesses.map(({ name }) => name).join(', ')}`
    case 'signed':
      return 'signed by its log'
    case 'not witnessed':
      return 'signed by its log, not witnessed by enough'
    case 'not judged':
      return 'not judged (no --policy names this log)'
  }
}
