// The tracker's store and its newest statement, compared with the log: for whoever does not take the server's word. It reads every request that the
// log holds, and again whom it is about, by the rules of today.
import { rm } from 'node:fs/promises'
import { formatStatement, linkOf, parseStatement, secretDigest, statementEntry } from '#evidence'
import { parseRestRequest, readSoap } from '#protocol'
import { leafHash, parseCheckpoint, parseLogProof, verifyInclusion } from '#transparency'
import { equalBytes } from '#trust'
import type { MessageLog, StoredRecord } from '../message-log/index.ts'
import type { ServiceSnapshot } from '../services/index.ts'
import type { Transparency } from '../transparency/index.ts'
import type { CheckedChains, StoreFault } from './check-store.ts'
import { extract, type TrackedRequest } from './extract.ts'
import { damagedIsNone, usesIn } from './following.ts'
import type { LoggedUse, TrackerPlace } from './operations.ts'
import type { StoredStatement } from './store.ts'
import { startMapsThread, type TrackerThread } from './thread.ts'
import { wholeBody } from './whole-body.ts'

export type TrackerFaultCode = StoreFault['code'] | 'record_damaged' | 'statement_differs' | 'not_in_log'

export interface TrackerCheckProgress {
  readonly phase: 'records' | 'chains' | 'map'
  readonly done: number
  readonly of?: number
}

export interface TrackerCheckReport {
  readonly ok: boolean
  /** Records that were looked at: those that the log holds. */
  readonly records: number
  /** Uses among them. */
  readonly uses: number
  /** The statement that was compared. */
  readonly statement?: number
  /**
   * What was found first. `use_missing`, `use_changed`, `use_invented`: the tracker has not what the log has; `chain_broken`: it contradicts itself;
   * `record_damaged`: the log cannot be read; `statement_differs`: another map was stated than its uses make; `not_in_log`: the statement is not the log's entry.
   */
  readonly fault?: { readonly code: TrackerFaultCode; readonly record?: number }
  /** Requests in which the rules of today find persons that they were not logged with: rules may have changed, or something was left out. */
  readonly notTracked: { readonly requests: number; readonly first?: number }
  /** Requests that were logged without what was said in them, so that nobody can look again. */
  readonly withoutContent: number
}

export interface CheckParts {
  readonly messageLog: MessageLog
  readonly snapshot: () => ServiceSnapshot
  readonly transparency: Transparency
  readonly thread: TrackerThread
  readonly place: TrackerPlace
  /** Records up to this one are in the store. */
  readonly cursor: number
  readonly statement: StoredStatement | undefined
  /** Has nothing taken into the store meanwhile. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>
}

const PAGE = 500
const TELL_MS = 500

export async function* checkTracker(parts: CheckParts): AsyncGenerator<TrackerCheckProgress | TrackerCheckReport> {
  const { messageLog, thread, cursor, statement } = parts
  const from = messageLog.status().removedTo
  const found = {
    records: 0,
    uses: 0,
    notTracked: { requests: 0 } as { requests: number; first?: number },
    withoutContent: 0,
  }
  const report = (fault?: TrackerCheckReport['fault']): TrackerCheckReport => ({
    ok: fault === undefined,
    ...found,
    ...(statement === undefined ? {} : { statement: statement.number }),
    ...(fault === undefined ? {} : { fault }),
  })
  let told = performance.now()
  for (let after = from; after < cursor; ) {
    const page = (await messageLog.list({ after, limit: PAGE })).filter(({ seq }) => seq <= cursor)
    const upTo = page.length < PAGE ? cursor : (page.at(-1)?.seq ?? cursor)
    const expected: LoggedUse[] = []
    for (const { seq, side, direction } of page) {
      if (side !== 'provider' || direction !== 'request') continue
      const read = await readAgain(parts, seq)
      if (read === undefined) return yield report({ code: 'record_damaged', record: seq })
      found.records += 1
      expected.push(...read.uses)
      if (read.now === 'without content') found.withoutContent += 1
      if (read.now !== 'not tracked') continue
      found.notTracked.requests += 1
      found.notTracked.first ??= seq
    }
    const uses = expected.map(({ use, ...one }) => ({ ...one, digest: linkOf(use).digest }))
    const fault = await thread.call('compareUses', { after, upTo, expected: uses })
    if (fault !== undefined) return yield report(faultOf(fault))
    found.uses += uses.length
    after = upTo
    if (performance.now() - told > TELL_MS) {
      yield { phase: 'records', done: after - from, of: cursor - from }
      told = performance.now()
    }
  }
  let [after, done]: [number | undefined, number] = [0, 0]
  while (after !== undefined) {
    const chains: CheckedChains = await thread.call('compareChains', after)
    if (chains.fault !== undefined) return yield report(faultOf(chains.fault))
    after = chains.last
    done += chains.uses
    yield { phase: 'chains', done }
  }
  yield { phase: 'map', done: 0 }
  yield report(statement && (await statementFault(parts, statement)))
}

function faultOf({ code, record }: StoreFault): TrackerCheckReport['fault'] & object {
  return { code, ...(record === undefined ? {} : { record }) }
}

/** What was logged of a request's persons, and what is found in it now; undefined where it is not what was logged. */
async function readAgain(parts: CheckParts, seq: number) {
  const record = await damagedIsNone(parts.messageLog.get(seq))
  const evidence = await damagedIsNone(parts.messageLog.evidenceOf(seq))
  if (record === undefined || evidence === undefined) return undefined
  const { client, service, tracked } = record
  const uses = tracked === undefined ? [] : usesIn({ seq, client, service, tracked }, evidence)
  return { uses, now: await lookAgain(parts, record) }
}

/** What the rules of today find in a request that was logged. */
async function lookAgain(
  { messageLog, snapshot }: CheckParts,
  record: StoredRecord,
): Promise<'not tracked' | 'without content' | undefined> {
  const rules = snapshot().service(record.service)?.tracker
  if (rules === undefined) return undefined
  const { head, headDigest, body, protocol, tracked } = record
  if (headDigest !== undefined || body?.truncated) return 'without content'
  let again: Awaited<ReturnType<typeof extract>>
  try {
    again = await extract(
      requestOf(head, protocol, (most) => wholeBody(messageLog, body, most)),
      rules,
    )
  } catch {
    // As it could not be looked into when it was logged.
    return undefined
  }
  const known = new Set(tracked?.persons)
  return again?.persons.some((person) => !known.has(person)) ? 'not tracked' : undefined
}

function requestOf(
  head: Uint8Array,
  protocol: StoredRecord['protocol'],
  body: (most: number) => Promise<Uint8Array | undefined>,
): TrackedRequest {
  if (protocol === 'rest') return { kind: 'rest', head: parseRestRequest(head), body }
  const read = readSoap(head, 'text/xml')
  if (read.kind === 'fault') throw read.fault
  return { kind: 'soap', message: read.message }
}

/** Makes the maps of a statement again, and looks for the statement in the log. */
async function statementFault(
  { place, inTurn, transparency }: CheckParts,
  statement: StoredStatement,
): Promise<TrackerCheckReport['fault']> {
  const { records, content, salt, entry, secret_salt } = statement
  const folder = `${place.maps}-check`
  const maps = startMapsThread(place)
  try {
    const { persons, secret } = await inTurn(() => maps.call('build', { folder, records }))
    const stated = parseStatement(content)
    const again = formatStatement({ ...stated, persons, secret: secretDigest(secret_salt, secret) })
    if (!equalBytes(again, content)) return { code: 'statement_differs' }
  } finally {
    await maps.end()
    await rm(folder, { recursive: true, force: true })
  }
  if (entry === null) return { code: 'not_in_log' }
  const { note, index, proof } = parseLogProof(await transparency.proofOfEntry(entry))
  const { size, root } = parseCheckpoint(note.text)
  const leaf = leafHash(statementEntry(salt, content))
  return verifyInclusion({ index, leaf, size, root, proof }) ? undefined : { code: 'not_in_log' }
}
