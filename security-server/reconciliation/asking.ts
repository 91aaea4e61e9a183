// A run as this server asks for it: with each server of the other party in turn, then what all of it says.
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import {
  Exchanges,
  type Party,
  type ReconciliationReport,
  SECRET_BYTES,
  StatementError,
  sideCheckpoint,
  type Terms,
  type Turn,
} from '#evidence'
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import { type ClientId, idKey, type ServerId, shortId, XRoadFault } from '#protocol'
import type { Policy } from '#transparency'
import { checkpointBytes } from '#transparent-log'
import { encodeBase64 } from '#trust'
import type { OwnAnswer, OwnQuestion } from '../consumer/own-rest.ts'
import { OWN_CODES } from '../services/index.ts'
import { conclude, MAX_EXCHANGES, reportOf } from './conclusion.ts'
import { ReconciliationError } from './error.ts'
import type { OwnSide } from './own-side.ts'
import type { Outcome } from './results.ts'
import { serversOf, subsystemOn } from './servers.ts'
import { pagesOf, Session, type SessionParts } from './session.ts'
import {
  begunSchema,
  JSON_TYPE,
  listSchema,
  MAX_BODY_BYTES,
  OCTETS_TYPE,
  outcomeSchema,
  readJson,
  readLeavesPage,
  refusalSchema,
  writeLeavesPage,
} from './wire.ts'

/** From one question to the next where the other side is not ready. */
const POLL_MS = 1_000
/** An answer that begins no earlier is not waited for: each step is made of short ones. */
const ANSWER_MS = 120_000

export interface RunProgress {
  readonly phase: 'reading' | 'lists' | 'values' | 'leaves' | 'findings'
  readonly done: number
  readonly of?: number
  /** With which server. */
  readonly server?: string
}

export interface Asking {
  readonly terms: Terms
  readonly here: Party
  readonly there: Party
  readonly server: ServerId
  readonly configuration: GlobalConfiguration
  /** Which logs and witnesses are believed; undefined where nobody was named. */
  readonly policy: Policy | undefined
  readonly own: OwnSide
  readonly heldFrom: number
  readonly most: number
  readonly turn: Turn
  readonly signal: AbortSignal
  readonly ask: (question: OwnQuestion, most: number) => Promise<OwnAnswer>
  readonly onProgress: (progress: RunProgress) => void
  readonly onUnfounded: SessionParts['onUnfounded']
  /** Told of a server that cannot be compared with while others can. */
  readonly onLeftOut: (server: ServerId, error: ReconciliationError) => void
}

/** What was compared with one server. */
interface Compared {
  readonly session: Session
  readonly peer: Peer
  readonly heldFrom: number
}

export async function askAll(asking: Asking): Promise<Outcome> {
  const { terms, here, there, server, configuration, policy, own, heldFrom, turn, onProgress } = asking
  const exchanges = new Exchanges(MAX_EXCHANGES)
  const matched = new Uint8Array(own.messages.count)
  const servers = serversOf(configuration, there).filter(({ id }) => idKey(id) !== idKey(server))
  if (servers.length === 0)
    throw new ReconciliationError('invalid_terms', `No other security server speaks for ${shortId(there)}`)
  const compared: Compared[] = []
  const left: ServerId[] = []
  for (const [number, target] of servers.entries()) {
    try {
      compared.push(await compareWith(asking, target, exchanges, matched))
    } catch (error) {
      // One of several that is no Saadik, or cannot be reached, leaves the others; what it has may be there then.
      const passes = error instanceof ReconciliationError && ['not_offered', 'unreachable'].includes(error.code)
      const last = compared.length === 0 && number === servers.length - 1
      if (!passes || last) throw error
      asking.onLeftOut(target.id, error)
      left.push(target.id)
    }
  }
  onProgress({ phase: 'findings', done: 0 })
  const ownOthers = serversOf(configuration, here).filter(({ id }) => idKey(id) !== idKey(server))
  const circumstances = {
    period: terms,
    heldFrom: { here: heldFrom, there: Math.max(...compared.map((one) => one.heldFrom)) },
    others: { here: ownOthers.length > 0, there: left.length > 0 },
  }
  const findings = await conclude(own.messages, matched, exchanges, circumstances, turn)
  const [first] = compared as [Compared, ...Compared[]]
  const checkpoint = sideCheckpoint(checkpointBytes(own.view.checkpoint), server, policy)
  const report = reportOf(
    terms,
    {
      here: first.session.sideHere(server, checkpoint.report),
      there: compared.map(({ session }) => session.sideThere()),
      notCompared: [...ownOthers.map(({ id }) => id), ...left].map(shortId),
    },
    {
      agreed: matched.reduce((sum, one) => sum + one, 0),
      findings,
      beyond: exchanges.beyond,
    },
  )
  const theirs: ReconciliationReport[] = []
  const signed: number[] = []
  for (const { peer } of compared) {
    const { body, seq } = await peer.whenReady('outcome', report)
    theirs.push(readJson(outcomeSchema, body) as ReconciliationReport)
    signed.push(seq)
  }
  return { report, findings, theirs, signed }
}

async function compareWith(
  asking: Asking,
  target: SecurityServer,
  exchanges: Exchanges,
  matched: Uint8Array,
): Promise<Compared> {
  const { terms, here, there, server, configuration, policy, own, heldFrom, most, turn, onProgress, onUnfounded } =
    asking
  const peer = new Peer(asking, target)
  const name = shortId(target.id)
  const nonce = randomBytes(SECRET_BYTES)
  const { run, from, to, margin } = terms
  const { body } = await peer.say('', {
    ...{ run, from, to, margin, heldFrom },
    as: idKey(here),
    with: idKey(there),
    server: idKey(server),
    nonce: encodeBase64(nonce),
    checkpoint: encodeBase64(checkpointBytes(own.view.checkpoint)),
  })
  const begun = readJson(begunSchema, body)
  onProgress({ phase: 'lists', done: 0, server: name })
  const session = await Session.begin({
    ...{ terms, own, here, there, most, exchanges, turn, onUnfounded },
    secret: Buffer.concat([nonce, begun.nonce]),
    server: target.id,
    checkpoint: sideCheckpoint(begun.checkpoint, target.id, policy),
    trust: configuration.trust,
  })
  const { count, root } = session.list
  // Bound before anything of the other side is seen, and so is it.
  const list = readJson(listSchema, (await peer.whenReady('list', { count, root: encodeBase64(root) })).body)
  session.bind(list)
  const pages = Math.max(session.pages, pagesOf(list.count))
  for (let page = 0; page < pages; page += 1) {
    await session.takeValues((await peer.give(`values/${page}`, session.values(page))).body)
    onProgress({ phase: 'values', done: page + 1, of: pages, server: name })
  }
  await session.compare()
  await exchangeLeaves(session, peer, (done) => onProgress({ phase: 'leaves', done, server: name }))
  session.end()
  for (const number of session.matched()) matched[number] = 1
  return { session, peer, heldFrom: begun.heldFrom }
}

async function exchangeLeaves(session: Session, peer: Peer, onPage: (pages: number) => void): Promise<void> {
  const leaves = session.leaves()
  try {
    let own = await leaves.next()
    for (let [page, theirsMore] = [0, true]; theirsMore || !own.done; page += 1) {
      const next = own.done ? own : await leaves.next()
      const bytes = own.done ? new Uint8Array(0) : own.value
      const answer = readLeavesPage(
        (await peer.give(`leaves/${page}`, writeLeavesPage({ more: !next.done, bytes }))).body,
      )
      await session.takeLeaves(answer.bytes)
      theirsMore = answer.more
      own = next
      onPage(page + 1)
    }
  } finally {
    await leaves.return(undefined)
  }
}

/** The other server, as it is spoken to in a run. */
class Peer {
  readonly #asking: Asking
  readonly #target: SecurityServer
  readonly #client: ClientId
  readonly #provider: ClientId

  constructor(asking: Asking, target: SecurityServer) {
    const { configuration, server, here, there } = asking
    const own = configuration.server(server)
    const client = own && subsystemOn(own, here)
    const provider = subsystemOn(target, there)
    if (client === undefined || provider === undefined)
      throw new ReconciliationError(
        'invalid_terms',
        `${shortId(client === undefined ? here : there)} has no subsystem on ${shortId(client === undefined ? server : target.id)}`,
      )
    this.#asking = asking
    this.#target = target
    this.#client = client
    this.#provider = provider
  }

  say(step: string, value: object): Promise<OwnAnswer> {
    return this.#post(step, JSON_TYPE, Buffer.from(JSON.stringify(value)))
  }

  give(step: string, bytes: Uint8Array): Promise<OwnAnswer> {
    return this.#post(step, OCTETS_TYPE, bytes)
  }

  /** Says the same again until the other side is ready. */
  async whenReady(step: string, value: object): Promise<OwnAnswer> {
    for (;;) {
      const answer = await this.say(step, value)
      if (answer.status !== 202) return answer
      await pause(POLL_MS, undefined, { signal: this.#asking.signal })
    }
  }

  async #post(step: string, type: string, bytes: Uint8Array): Promise<OwnAnswer> {
    const { ask, terms, signal } = this.#asking
    const path = step === '' ? 'runs' : `runs/${encodeURIComponent(terms.run)}/${step}`
    const name = shortId(this.#target.id)
    let answer: OwnAnswer
    try {
      answer = await ask(
        {
          client: this.#client,
          provider: this.#provider,
          server: this.#target.id,
          servicePath: `${OWN_CODES.reconciliation}/${path}`,
          ...(bytes.length > 0 ? { body: { type, bytes } } : {}),
          signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
        },
        MAX_BODY_BYTES,
      )
    } catch (cause) {
      signal.throwIfAborted()
      if (!(cause instanceof XRoadFault)) throw cause
      if (/\.unknown_service$|\.service_type$/.test(cause.code))
        throw new ReconciliationError('not_offered', `${name} does not compare logs: ${cause.message}`, { cause })
      throw new ReconciliationError('unreachable', `${name} could not be asked: ${cause.code}: ${cause.message}`, {
        cause,
      })
    }
    if (answer.status < 400) return answer
    const parsed = refusalOf(answer.body)
    throw new ReconciliationError('refused', `${name} refuses: ${parsed}`)
  }
}

function refusalOf(body: Uint8Array): string {
  try {
    const { error } = readJson(refusalSchema, body)
    return `${error.message} (${error.code})`
  } catch (error) {
    if (error instanceof ReconciliationError || error instanceof StatementError) return 'it does not say why'
    throw error
  }
}
