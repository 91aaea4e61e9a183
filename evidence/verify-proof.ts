// Does the log that a proof speaks of hold this message (C2SP tlog-proof)? The record in the proof must be the container's, the leaf must be
// that record's, and the way to a checkpoint must lead to one that a believed log signed and enough believed witnesses saw.
import { idKey } from '#protocol'
import {
  formatNote,
  type JudgedCheckpoint,
  judgeCheckpoint,
  leafHash,
  NO_QUORUM,
  type LogProof as ParsedProof,
  type Policy,
  parseLogProof,
  TransparencyError,
  verifyInclusion,
} from '#transparency'
import { Cache, digest, equalBytes } from '#trust'
import { EvidenceError } from './error.ts'
import { type CommittedRecord, commitmentOf, decodeRecord, recordEntry, SALT_BYTES } from './log-record.ts'
import { CHECKS, type Check, type LogProof } from './report.ts'
import { withoutTimestamp } from './timestamp.ts'
import type { Examined } from './verify-container.ts'
import type { AbsentData } from './verify-hash-chain.ts'

/** Which logs and witnesses are believed, and for which dates; both ends included. */
export interface DatedPolicy {
  readonly policy: Policy
  readonly from?: Date
  readonly until?: Date
}

/** What a container says of its record in a log; undefined where it does not tell. */
export interface RecordFacts {
  readonly direction: string
  readonly queryId: string
  /** As `idKey` writes it. */
  readonly signer: string
  readonly headDigest: Uint8Array | undefined
  /** Of the signature as it may have been logged: as it stands, and before a time-stamp was put into it. */
  readonly signatureDigests: readonly Uint8Array[]
  readonly chainDigest: Uint8Array | null
  readonly chainResultDigest: Uint8Array | null
  readonly bodyDigest: Uint8Array | null | undefined
  readonly bodySize: number | null | undefined
  /** What its time-stamp proves, where it does. */
  readonly stampedAt: Date | undefined
}

/** Undefined for what is no message at all. Some hundred octets, whatever the container's size. */
export function recordFactsOf({ report, container, parties, absent }: Examined): RecordFacts | undefined {
  if (container === undefined || parties === undefined) return undefined
  const { message, signature, chain, chainResult, withheld, timestampToken } = container
  const before = timestampToken === undefined ? unstamped(signature) : undefined
  const sha512 = (bytes: Uint8Array) => digest('SHA-512', bytes)
  return {
    direction: parties.direction,
    queryId: parties.id,
    signer: idKey(parties.signer),
    headDigest: withheld.some(({ name }) => name === 'message.xml')
      ? absentDigest(absent, '/message.xml')
      : sha512(message),
    signatureDigests: [signature, ...(before === undefined ? [] : [before])].map(sha512),
    chainDigest: chain === undefined ? null : sha512(chain),
    chainResultDigest: chainResult === undefined ? null : sha512(chainResult),
    ...bodyOf(container, absent),
    stampedAt: report.timestamp && new Date(report.timestamp.genTime),
  }
}

function unstamped(signature: Uint8Array): Uint8Array | undefined {
  try {
    return withoutTimestamp(signature)
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}

function absentDigest(absent: readonly AbsentData[], uri: string): Uint8Array | undefined {
  return absent.find((data) => data.uri === uri && data.name === 'SHA-512')?.value
}

/** One body is its own digest, several attachments are the digest of theirs, in order (see `CommittedRecord`). */
function bodyOf(
  { attachments, withheld }: NonNullable<Examined['container']>,
  absent: readonly AbsentData[],
): Pick<RecordFacts, 'bodyDigest' | 'bodySize'> {
  const missing = absent.map(({ uri }) => uri.slice(1)).filter((name) => name !== 'message.xml')
  const names = [...attachments.keys(), ...missing].toSorted((a, b) => numberOf(a) - numberOf(b))
  if (names.length === 0) return { bodyDigest: null, bodySize: null }
  const digests = names.map((name) => attachments.get(name)?.digests.get('SHA-512') ?? absentDigest(absent, `/${name}`))
  const sizes = names.map((name) => attachments.get(name)?.size ?? withheld.find((part) => part.name === name)?.size)
  const [first] = digests
  return {
    bodyDigest: !digests.every((one) => one !== undefined)
      ? undefined
      : digests.length === 1
        ? first
        : digest('SHA-512', ...digests),
    bodySize: sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined,
  }
}

function numberOf(name: string): number {
  return Number(name.replace('attachment', ''))
}

/** The checks that a proof adds to its container's report, and what is known of the record's place. */
export interface JudgedProof {
  readonly checks: readonly Check[]
  readonly proof: LogProof
}

/**
 * Judges a `.tlog-proof` whose extra data is the salt and the record. Never throws for what is wrong with it.
 *
 * @param policies Without any, only that the proof speaks of this message is judged.
 */
export function judgeProof(bytes: Uint8Array, facts: RecordFacts, policies: readonly DatedPolicy[]): JudgedProof {
  let parsed: ParsedProof
  let said: { readonly salt: Uint8Array; readonly record: Uint8Array; readonly facts: CommittedRecord }
  try {
    parsed = parseLogProof(bytes)
    said = recordIn(parsed)
  } catch (error) {
    return { checks: [failure(CHECKS.record, error)], proof: { state: 'failed' } }
  }
  const { seq, at, side, member } = said.facts
  const record = { seq, at: timeText(at), side, member }
  const difference = differenceOf(said.facts, facts)
  const checks: Check[] = [
    difference === undefined
      ? { name: CHECKS.record, ok: true }
      : {
          name: CHECKS.record,
          ok: false,
          code: 'other_record',
          detail: `The proof is of another record: ${difference}`,
        },
  ]
  if (policies.length === 0)
    return { checks, proof: { state: difference === undefined ? 'not judged' : 'failed', index: parsed.index, record } }
  const leaf = leafHash(recordEntry(commitmentOf(said.salt, said.record)))
  const judged = judgedBy(parsed, leaf, policies, facts.stampedAt?.getTime() ?? at)
  checks.push(...judged.checks)
  const { state, ...place } = judged.proof
  return {
    checks,
    proof: { state: difference === undefined ? state : 'failed', ...place, index: parsed.index, record },
  }
}

/** Salt and record, as the log wrote them into the proof. */
function recordIn({ extra }: ParsedProof) {
  if (extra === undefined || extra.length <= SALT_BYTES)
    throw new EvidenceError('malformed_record', 'The proof does not say which record it is of')
  const [salt, record] = [extra.subarray(0, SALT_BYTES), extra.subarray(SALT_BYTES)]
  return { salt, record, facts: decodeRecord(record) }
}

/** In words, the first field in which the log's record is not the container's. */
function differenceOf(record: CommittedRecord, facts: RecordFacts): string | undefined {
  const { direction, queryId, side } = record
  if (direction !== facts.direction) return `a ${direction}`
  if (queryId !== facts.queryId) return `message ${JSON.stringify(queryId.slice(0, 100))}`
  // Who signs is whose record it is, on his own server.
  const own = side === (direction === 'request' ? 'consumer' : 'provider')
  if (own && record.member !== facts.signer) return `of ${JSON.stringify(record.member.slice(0, 100))}`
  if (facts.headDigest === undefined || !equalBytes(record.headDigest, facts.headDigest))
    return 'its message is another'
  if (!facts.signatureDigests.some((one) => equalBytes(record.signatureDigest, one))) return 'its signature is another'
  if (!same(record.chainDigest, facts.chainDigest) || !same(record.chainResultDigest, facts.chainResultDigest))
    return 'its hash chain is another'
  if (facts.bodyDigest === undefined || !same(record.bodyDigest, facts.bodyDigest)) return 'its body is another'
  if (facts.bodySize !== undefined && record.bodySize !== facts.bodySize) return 'its body has another size'
  return undefined
}

function same(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b)
}

/** By the policy that says most for it; of those that had ended before the record was made none is asked. */
function judgedBy(parsed: ParsedProof, leaf: Uint8Array, policies: readonly DatedPolicy[], at: number): JudgedProof {
  let best: JudgedProof | undefined
  for (const dated of policies) {
    if (dated.until !== undefined && dated.until.getTime() < at) continue
    const judged = judgedByOne(parsed, leaf, dated)
    if (best === undefined || RANK[judged.proof.state] < RANK[best.proof.state]) best = judged
  }
  if (best !== undefined) return best
  const detail = `No log that was given is believed for ${timeText(at)}`
  return {
    checks: [{ name: CHECKS.inclusion, ok: false, code: 'nobody_believed', detail }],
    proof: { state: 'failed' },
  }
}

const RANK: Readonly<Record<LogProof['state'], number>> = {
  witnessed: 0,
  included: 1,
  'not witnessed': 2,
  'not judged': 3,
  failed: 4,
}

function judgedByOne(parsed: ParsedProof, leaf: Uint8Array, dated: DatedPolicy): JudgedProof {
  const { policy } = dated
  let judged: JudgedCheckpoint
  try {
    judged = judgedCheckpoint(parsed, dated)
    const { size, root } = judged.checkpoint
    if (!verifyInclusion({ index: parsed.index, leaf, size, root, proof: parsed.proof }))
      throw new TransparencyError(
        'invalid_proof',
        `The proof does not lead from leaf ${parsed.index} to the checkpoint`,
      )
  } catch (error) {
    return { checks: [failure(CHECKS.inclusion, error)], proof: { state: 'failed' } }
  }
  const { checkpoint, witnessed } = judged
  const witnesses = judged.cosignatures
    .filter(({ counts }) => counts)
    .map(({ witness, time }) => ({ name: witness.name, at: timeText(time * 1000) }))
  const checks: Check[] = [{ name: CHECKS.inclusion, ok: true }]
  if (policy.quorum !== NO_QUORUM)
    checks.push(witnessed ? { name: CHECKS.witnesses, ok: true } : unwitnessed(witnesses))
  const state = policy.quorum === NO_QUORUM ? 'included' : witnessed ? 'witnessed' : 'not witnessed'
  return { checks, proof: { state, origin: checkpoint.origin, size: checkpoint.size, witnesses } }
}

const checkpoints = new WeakMap<DatedPolicy, Cache<JudgedCheckpoint>>()

/** Proofs that were made together lead to one checkpoint: its signatures are verified once. */
function judgedCheckpoint({ note }: ParsedProof, dated: DatedPolicy): JudgedCheckpoint {
  let known = checkpoints.get(dated)
  if (known === undefined) {
    known = new Cache(100)
    checkpoints.set(dated, known)
  }
  const key = formatNote(note).toString('latin1')
  return known.get(key) ?? known.set(key, judgeDated(note, dated))
}

/** A witness speaks for the dates of its policy: what it signed before or after does not count. */
function judgeDated(note: ParsedProof['note'], dated: DatedPolicy): JudgedCheckpoint {
  const judged = judgeCheckpoint(note, dated.policy)
  const others = judged.cosignatures.filter(({ time }) => !within(dated, time)).map(({ witness }) => witness.key.name)
  return others.length === 0 ? judged : judgeCheckpoint(note, dated.policy, new Set(others))
}

function unwitnessed(witnesses: readonly { readonly name: string }[]): Check {
  const who = witnesses.length === 0 ? 'no believed witness' : `only ${witnesses.map(({ name }) => name).join(', ')}`
  const detail = `Not yet witnessed: ${who} has signed the checkpoint`
  return { name: CHECKS.witnesses, ok: false, code: 'not_witnessed', detail }
}

/** A cosignature that tells no time (0) counts only where no dates are asked for. */
function within({ from, until }: DatedPolicy, seconds: number): boolean {
  const time = seconds * 1000
  if (time === 0) return from === undefined && until === undefined
  return (from === undefined || from.getTime() <= time) && (until === undefined || time <= until.getTime())
}

const LAST_TIME = 8_640_000_000_000_000

/** Milliseconds since 1970; a stranger may say any number. */
function timeText(milliseconds: number): string {
  return milliseconds <= LAST_TIME ? new Date(milliseconds).toISOString() : `${milliseconds} ms after 1970`
}

function failure(name: string, error: unknown): Check {
  if (!(error instanceof EvidenceError) && !(error instanceof TransparencyError)) throw error
  return { name, ok: false, code: error.code, detail: error.message }
}
