// Is an answer about a person whole? The key must be the person's, the chain of the shown uses must end where the map says, the map must be the one
// that was stated, the statement an entry of the server's log, and the log's checkpoint one that was witnessed. Needs nothing but the answer
// and a policy.
import { shortId } from '#protocol'
import {
  judgeLogProof,
  leafHash,
  NO_QUORUM,
  type Policy,
  parseLogProof,
  parseMapProof,
  TransparencyError,
  verifyMapProof,
  vrfVerify,
} from '#transparency'
import { equalBytes } from '#trust'
import { isLogOf, isOwnWitness } from '../log-names.ts'
import { SALT_BYTES } from '../log-record.ts'
import type { Check } from '../report.ts'
import { linkIn, type TrackerAnswer } from './answer.ts'
import { TrackerError } from './error.ts'
import {
  mapKey,
  parseStatement,
  pseudonymInput,
  secretDigest,
  statementEntry,
  type TrackerStatement,
} from './statement.ts'
import { CHAIN_START, chained, mapValue } from './use.ts'

const DAY_MS = 86_400_000

export const TRACKER_CHECKS = {
  pages: 'pages belong together',
  complete: 'all uses are shown',
  erased: 'only old uses are erased',
  statement: 'statement of the server',
  pseudonym: "the key is the person's",
  chain: 'chain of uses',
  map: 'map of persons',
  log: 'statement is in the log',
  witnesses: 'checkpoint is witnessed',
} as const

export interface TrackerReport {
  /** `indeterminate`: nothing is wrong, and nobody but the server itself vouches for it. */
  readonly verdict: 'valid' | 'invalid' | 'indeterminate'
  readonly checks: readonly Check[]
  readonly provider: string
  readonly person: string
  readonly map: TrackerAnswer['map']
  /** Uses that the server states, and how many of them are shown; erased ones count as shown. */
  readonly stated?: number
  readonly shown: number
  readonly erased: number
  /** Uses since, which no proof has yet. */
  readonly pending: number
  readonly server?: string
  /** When it was stated; what was used later is not in it. */
  readonly at?: string
  readonly witnesses: readonly { readonly name: string; readonly at: string }[]
}

/**
 * Judges an answer, page by page in any order. Never throws for what is wrong with it.
 *
 * @param policy Which logs and witnesses are believed; undefined: nobody.
 */
export async function judgeAnswer(
  pages: readonly [TrackerAnswer, ...TrackerAnswer[]],
  policy: Policy | undefined,
): Promise<TrackerReport> {
  const [first, ...older] = [...pages].sort((a, b) => topOf(b) - topOf(a)) as [TrackerAnswer, ...TrackerAnswer[]]
  const checks: Check[] = []
  const check = (name: string, code: string, wrong: string | undefined) =>
    void checks.push(wrong === undefined ? { name, ok: true } : { name, ok: false, code, detail: wrong })
  if (older.length > 0) check(TRACKER_CHECKS.pages, 'foreign_page', foreignPage(first, older))
  const head = headOf([first, ...older])
  check(TRACKER_CHECKS.chain, 'broken_chain', head.broken)
  const oldest = older.at(-1) ?? first
  check(
    TRACKER_CHECKS.complete,
    'uses_missing',
    oldest.before.number === 0 ? undefined : `${oldest.before.number} older uses are on other pages`,
  )
  const said = statementIn(first)
  check(TRACKER_CHECKS.statement, 'malformed_statement', typeof said === 'string' ? said : undefined)
  const common = {
    provider: shortId(first.provider),
    person: first.person,
    map: first.map,
    shown: pages.reduce((sum, { uses }) => sum + uses.length, 0),
    erased: pages.reduce((sum, { uses }) => sum + uses.filter((one) => 'erased' in one).length, 0),
    pending: first.pending.length,
  }
  if (typeof said === 'string') return { verdict: 'invalid', checks, ...common, witnesses: [] }
  const { statement } = said
  const output = await vrfVerify(statement.key, pseudonymInput(first.provider, first.person), first.proof.key)
  check(
    TRACKER_CHECKS.pseudonym,
    'foreign_key',
    output === undefined ? "it is not proved to be the person's" : undefined,
  )
  const early = erasedEarly(pages, statement)
  if (common.erased > 0) check(TRACKER_CHECKS.erased, 'erased_early', early)
  const count = topOf(first)
  check(TRACKER_CHECKS.map, 'other_value', mapFault(first, statement, output, head.head))
  const log = logFault(said, policy)
  check(TRACKER_CHECKS.log, log.code, log.wrong)
  if (log.asked) check(TRACKER_CHECKS.witnesses, 'not_witnessed', log.unwitnessed)
  const failed = checks.some(({ ok }) => !ok)
  return {
    verdict: failed ? 'invalid' : policy === undefined ? 'indeterminate' : 'valid',
    checks,
    ...common,
    stated: count,
    server: shortId(statement.server),
    at: new Date(statement.at).toISOString(),
    witnesses: log.witnesses,
  }
}

function topOf({ before, uses }: TrackerAnswer): number {
  return before.number + uses.length
}

/** Newer pages go on where older ones end, about the same person. */
function foreignPage(first: TrackerAnswer, older: readonly TrackerAnswer[]): string | undefined {
  let end = first.before.number
  for (const page of older) {
    const same =
      shortId(page.provider) === shortId(first.provider) && page.person === first.person && page.map === first.map
    if (!same) return 'one of them is about something else'
    if (topOf(page) !== end) return `uses ${topOf(page) + 1} to ${end} are on no page`
    end = page.before.number
  }
  return undefined
}

interface ChainEnd {
  readonly head: Uint8Array
  readonly broken?: string
}

/** From the oldest page on: each page must begin where the one before it has come. */
function headOf(newestFirst: readonly TrackerAnswer[]): ChainEnd {
  const pages = newestFirst.toReversed()
  let head = pages[0]?.before.head ?? CHAIN_START
  let broken: string | undefined
  if (pages[0]?.before.number === 0 && !equalBytes(head, CHAIN_START)) broken = 'it does not begin at the beginning'
  for (const { before, uses } of pages) {
    if (!equalBytes(head, before.head)) broken ??= `use ${before.number} is another on the next page`
    head = before.head
    for (const one of uses.toReversed()) head = chained(head, linkIn(one))
  }
  return broken === undefined ? { head } : { head, broken }
}

/** A use that was erased before its time is one that was hidden. */
function erasedEarly(pages: readonly TrackerAnswer[], { erasedBefore }: TrackerStatement): string | undefined {
  const limit = Math.floor(erasedBefore / DAY_MS)
  for (const one of pages.flatMap(({ uses }) => uses))
    if ('erased' in one && (erasedBefore === 0 || one.erased.day > limit))
      return `use ${one.number} is, and the server says that it erases only what is before ${new Date(erasedBefore).toISOString()}`
  return undefined
}

interface Said {
  readonly statement: TrackerStatement
  readonly proof: ReturnType<typeof parseLogProof>
  readonly salt: Uint8Array
  readonly bytes: Uint8Array
}

function statementIn({ proof: { log } }: TrackerAnswer): Said | string {
  try {
    const proof = parseLogProof(log)
    const { extra = new Uint8Array(0) } = proof
    if (extra.length <= SALT_BYTES) return 'the proof has no statement in it'
    const bytes = extra.subarray(SALT_BYTES)
    return { statement: parseStatement(bytes), proof, salt: extra.subarray(0, SALT_BYTES), bytes }
  } catch (error) {
    if (error instanceof TransparencyError || error instanceof TrackerError) return error.message
    throw error
  }
}

function mapFault(
  answer: TrackerAnswer,
  statement: TrackerStatement,
  output: Uint8Array | undefined,
  head: Uint8Array,
): string | undefined {
  const { map, proof } = answer
  if (output === undefined) return 'whose key it is about is not known'
  let root = statement.persons
  if (map === 'secret') {
    if (proof.secret === undefined) return 'what was stated of the secret map is not opened'
    if (!equalBytes(secretDigest(proof.secret.salt, proof.secret.head), statement.secret))
      return 'the secret map is not the one that was stated'
    root = proof.secret.head
  }
  try {
    const parsed = parseMapProof(proof.map)
    const count = topOf(answer)
    const value = count === 0 ? null : mapValue(count, head)
    const holds = verifyMapProof({ root: root.root, key: mapKey(output), value, proof: parsed })
    if (holds && parsed.count === root.count) return undefined
    return count === 0
      ? 'the map does not say that there are no uses'
      : `the map has something else than these ${count} uses`
  } catch (error) {
    if (error instanceof TransparencyError) return error.message
    throw error
  }
}

interface LogVerdict {
  readonly code: string
  readonly wrong: string | undefined
  /** Whether the policy asks for witnesses, and the statement is in the log. */
  readonly asked: boolean
  readonly unwitnessed?: string | undefined
  readonly witnesses: TrackerReport['witnesses']
}

function logFault({ statement, proof, salt, bytes }: Said, policy: Policy | undefined): LogVerdict {
  const none = { asked: false, witnesses: [] }
  if (policy === undefined) return { code: '', wrong: undefined, ...none }
  const own = policy.witnesses.map(({ key }) => key.name).filter((name) => isOwnWitness(name, statement.server))
  try {
    const judged = judgeLogProof(proof, leafHash(statementEntry(salt, bytes)), policy, new Set(own))
    const { origin } = judged.checkpoint
    if (!isLogOf(origin, statement.server))
      return { code: 'foreign_log', wrong: `it is in the log ${origin}, which is not that server's`, ...none }
    const witnesses = judged.cosignatures
      .filter(({ counts }) => counts)
      .map(({ witness, time }) => ({ name: witness.name, at: new Date(time * 1000).toISOString() }))
    const unwitnessed = judged.witnessed ? undefined : 'too few believed witnesses have signed the checkpoint'
    return { code: '', wrong: undefined, asked: policy.quorum !== NO_QUORUM, unwitnessed, witnesses }
  } catch (error) {
    if (error instanceof TransparencyError) return { code: error.code, wrong: error.message, ...none }
    throw error
  }
}
