// Two statements compared, by whoever has both and the key file: one of the parties, or an auditor. Needs no server.
import { idKey, type ServerId, shortId } from '#protocol'
import type { Policy } from '#transparency'
import { type SideCheckpoint, sideCheckpoint } from './checkpoint.ts'
import type { Alone, Finding, FindingKind } from './classify.ts'
import { StatementError } from './error.ts'
import { Exchanges } from './exchanges.ts'
import { ProofReader, type ShownRecord } from './proof-reader.ts'
import { isInAgreement, type ReconciliationReport, type SideReport } from './report.ts'
import { readStatement, type StatementHead } from './statement.ts'
import { runKey } from './terms.ts'
import { matchLists, PROVEN, type Turn, type ValueList, ValueReader } from './value-list.ts'

/** Opens the statement anew; it is read twice. */
export type OpenStatement = () => AsyncIterable<Uint8Array>

export interface CompareOptions {
  readonly here: OpenStatement
  readonly there: OpenStatement
  /** Of the key file. */
  readonly secret: Uint8Array
  /** Which logs and witnesses are believed; undefined: nobody but the two themselves. */
  readonly policy?: Policy
  /** Messages of a side. */
  readonly most: number
  /** Exchanges that findings are told of one by one. */
  readonly mostExchanges: number
  /**
   * Whether the signature that a side shows is the other's, over what it says; undefined where that cannot be told. Absent: not judged.
   */
  readonly judgeSignature?: (shown: ShownRecord, signer: StatementHead['party']) => boolean | undefined
  readonly turn: Turn
}

export interface Comparison {
  readonly report: ReconciliationReport
  readonly findings: readonly Finding[]
}

interface Side {
  readonly head: StatementHead
  readonly checkpoint: SideCheckpoint
  readonly list: ValueList
}

/** Throws StatementError for statements that do not fit together, or of which one is not what it says. */
export async function compareStatements(options: CompareOptions): Promise<Comparison> {
  const { secret, mostExchanges, turn } = options
  const [here, there] = [await listOf(options.here, options), await listOf(options.there, options)]
  requireSame(here.head, there.head)
  const agreed = await matchLists(here.list, there.list, turn)
  const key = runKey(secret, here.head.terms)
  const exchanges = new Exchanges(mostExchanges)
  const unproven = { here: 0, there: 0 }
  for (const [where, side, other] of [
    ['here', here, there],
    ['there', there, here],
  ] as const) {
    const onlyHere = (shown: ShownRecord) => exchanges.alone(where, alone(shown, options, other.head))
    unproven[where] = await leavesOf(options[where], side, { key, onlyHere }, turn)
  }
  // What both have of the exchanges in question is known only now which they are: the leaves are gone through once more.
  const each = (record: ShownRecord['record'], matched: boolean) => {
    if (matched) exchanges.both('here', record)
  }
  here.list.clear(PROVEN)
  await leavesOf(options.here, here, { key, onlyHere: () => {}, each }, turn)
  const { terms, servers } = here.head
  const compared = [here, there].map(({ head }) => idKey(head.server))
  const left = (all: readonly ServerId[]) => all.filter((server) => !compared.includes(idKey(server)))
  const findings = [
    ...exchanges.findings({
      period: terms,
      heldFrom: { here: here.head.heldFrom, there: there.head.heldFrom },
      others: { here: left(servers).length > 0, there: left(there.head.servers).length > 0 },
    }),
  ]
  const sides = { here: sideReport(here, unproven.here), there: [sideReport(there, unproven.there)] }
  const counted = { ...sides, findings: countOf(findings), beyond: exchanges.beyond }
  const report: ReconciliationReport = {
    run: terms.run,
    from: new Date(terms.from).toISOString(),
    to: new Date(terms.to).toISOString(),
    marginSeconds: terms.margin / 1000,
    notCompared: [...left(servers), ...left(there.head.servers)].map(shortId),
    agreed,
    ...counted,
    inAgreement: isInAgreement(counted),
  }
  return { report, findings }
}

/** How many there are of each kind. */
export function countOf(findings: Iterable<Finding>): Partial<Record<FindingKind, number>> {
  const counts: Partial<Record<FindingKind, number>> = {}
  for (const { kind } of findings) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Whether the other side must have signed a message that this side has: one that came from there. */
export function isFromOther({ record }: Pick<ShownRecord, 'record'>): boolean {
  return (record.side === 'consumer') === (record.direction === 'response')
}

function alone(shown: ShownRecord, { judgeSignature }: CompareOptions, other: StatementHead): Alone {
  const { record } = shown
  if (!isFromOther(shown)) return { record }
  const signatureValid = shown.signed === undefined ? false : judgeSignature?.(shown, other.party)
  return { record, signatureValid }
}

async function listOf(open: OpenStatement, { policy, most, turn }: CompareOptions): Promise<Side> {
  let side: { readonly head: StatementHead; readonly values: ValueReader } | undefined
  for await (const part of readStatement(open())) {
    if (part.kind === 'head') side = { head: part.head, values: new ValueReader(part.head.list, most) }
    else if (part.kind === 'values') await side?.values.take(part.page, turn)
    else break
  }
  if (side === undefined) throw new TypeError('A statement begins with its head')
  const { head, values } = side
  return { head, checkpoint: sideCheckpoint(head.checkpoint, head.server, policy), list: values.end() }
}

async function leavesOf(
  open: OpenStatement,
  { head, checkpoint, list }: Side,
  reading: Pick<ConstructorParameters<typeof ProofReader>[0], 'key' | 'onlyHere' | 'each'>,
  turn: Turn,
): Promise<number> {
  const reader = new ProofReader({ ...reading, terms: head.terms, party: head.party, listed: list })
  for await (const part of readStatement(open())) if (part.kind === 'leaves') await reader.take(part.page, turn)
  return reader.end(checkpoint)
}

function requireSame(here: StatementHead, there: StatementHead): void {
  const wrong = (why: string) => new StatementError('other_run', `The statements do not fit together: ${why}`)
  const [a, b] = [here.terms, there.terms]
  if (a.run !== b.run) throw wrong('they were made with different keys, or for different runs')
  const names = (terms: StatementHead['terms']) => terms.parties.map(idKey).sort().join(' ')
  if (names(a) !== names(b)) throw wrong('they are about different parties')
  if (a.from !== b.from || a.to !== b.to || a.margin !== b.margin) throw wrong('they are about different times')
  if (idKey(here.party) === idKey(there.party)) throw wrong(`both are of ${shortId(here.party)}`)
}

function sideReport({ head, checkpoint, list }: Side, unproven: number): SideReport {
  return {
    party: shortId(head.party),
    server: shortId(head.server),
    messages: list.count,
    list: Buffer.from(list.root).toString('hex'),
    unproven,
    checkpoint: checkpoint.report,
  }
}
