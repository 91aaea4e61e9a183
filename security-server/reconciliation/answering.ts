// Runs as this server is asked for them. Who asks has been judged as a client of its member: it sees what its member took part in, of that time,
// and nothing else. A run costs memory and a file, so there are few at once, one for each member, and one that nobody goes on with ends.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  belongsTo,
  Exchanges,
  MAX_PAGE_BYTES,
  type Party,
  type ReconciliationReport,
  SECRET_BYTES,
  type SideCheckpoint,
  StatementError,
  sideCheckpoint,
  type Terms,
} from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import { type Clock, type Log, reasonOf } from '#host'
import { type ClientId, idKey, memberOf, type ServerId, sameId, shortId } from '#protocol'
import { checkpointBytes } from '#transparent-log'
import { encodeBase64 } from '#trust'
import { heldFrom, type MessageLog } from '../message-log/index.ts'
import type { Transparency } from '../transparency/index.ts'
import { conclude, MAX_EXCHANGES, reportOf } from './conclusion.ts'
import { ReconciliationError } from './error.ts'
import { ownSide, sealedView } from './own-log.ts'
import type { OwnSide } from './own-side.ts'
import type { Outcome, Results } from './results.ts'
import { serversOf } from './servers.ts'
import { pagesOf, Session } from './session.ts'
import { turns } from './turns.ts'
import {
  beginSchema,
  JSON_TYPE,
  listSchema,
  MAX_BODY_BYTES,
  MAX_JSON_BYTES,
  OCTETS_TYPE,
  outcomeSchema,
  readJson,
  readLeavesPage,
  writeLeavesPage,
} from './wire.ts'

const MAX_RUNS = 4
/** Nothing asked for so long ends a run. */
const IDLE_MS = 600_000
/** An answer waits this long for what is being made; then it says that it is not ready. */
const PATIENCE_MS = 10_000

export interface AnsweringParts {
  readonly server: ServerId
  readonly directory: string
  readonly messageLog: MessageLog
  readonly transparency: Transparency
  readonly configuration: () => GlobalConfiguration | undefined
  readonly results: Results
  readonly most: number
  readonly clock: Clock
  readonly log: Log
}

export interface Question {
  readonly client: ClientId
  readonly provider: ClientId
  readonly servicePath: string
  /** Whole. */
  readonly body: Uint8Array
}

export interface Reply {
  readonly status: number
  readonly type: string
  readonly body: Uint8Array
}

const NOT_READY: Reply = { status: 202, type: JSON_TYPE, body: Buffer.from('{}') }

export class Answering {
  readonly #parts: AnsweringParts
  readonly #runs = new Map<string, Run>()

  constructor(parts: AnsweringParts) {
    this.#parts = parts
  }

  /** How many octets a request may bring: nobody makes this server keep what it does not expect. */
  mostAttached(client: ClientId, servicePath: string): number {
    const { name } = stepOf(servicePath)
    if (name === undefined) return MAX_JSON_BYTES
    return this.#runs.get(name)?.isOf(client) ? MAX_BODY_BYTES : 0
  }

  /** Throws ReconciliationError, StatementError: what the run then ends with. */
  async answer({ client, provider, servicePath, body }: Question): Promise<Reply> {
    const { name, step } = stepOf(servicePath)
    if (name === undefined) return await this.#begin(client, provider, body)
    const run = this.#runs.get(name)
    if (!run?.isOf(client)) throw new ReconciliationError('unknown_run', 'There is no such run; begin another one')
    try {
      return await run.step(step, body)
    } catch (error) {
      await this.#end(name, run, error)
      throw error
    }
  }

  async close(): Promise<void> {
    const stopped = new ReconciliationError('interrupted', 'The server stops')
    await Promise.all([...this.#runs].map(([name, run]) => this.#end(name, run, stopped)))
  }

  async #begin(client: ClientId, provider: ClientId, body: Uint8Array): Promise<Reply> {
    const { results, server, configuration, clock } = this.#parts
    const wanted = readJson(beginSchema, body)
    const invalid = (why: string) => new ReconciliationError('invalid_terms', why)
    const { run: name, from, to, margin, as: there, with: here } = wanted
    if (!sameId(memberOf(there), memberOf(client)))
      throw invalid(`${shortId(client)} does not speak for ${shortId(there)}`)
    if (!sameId(memberOf(here), memberOf(provider)))
      throw invalid(`${shortId(here)} is not asked as ${shortId(provider)}`)
    if (belongsTo(here, there) || belongsTo(there, here)) throw invalid('The two parties are one')
    if (to + margin > clock.now().getTime()) throw invalid('The period, with its margin, is not over by the clock here')
    const current = configuration()
    const theirs = current && serversOf(current, there)
    if (current === undefined || !theirs?.some(({ id }) => idKey(id) === idKey(wanted.server)))
      throw invalid(`${shortId(wanted.server)} does not speak for ${shortId(there)}`)
    if (idKey(wanted.server) === idKey(server)) throw invalid('Both parties have their logs here')
    const terms: Terms = { run: name, from, to, margin, parties: [there, here] }
    const checkpoint = sideCheckpoint(wanted.checkpoint, wanted.server, undefined)
    for (const [other, run] of this.#runs)
      if (run.isOf(client)) await this.#end(other, run, new ReconciliationError('interrupted', 'Another run was begun'))
    if (this.#runs.size >= MAX_RUNS || (await results.has(name)))
      throw new ReconciliationError('busy', 'This server compares with others; ask again in a few minutes')
    const run = new Run(this.#parts, {
      ...{ terms, here, there, client, checkpoint, configuration: current },
      server: wanted.server,
      heldFrom: wanted.heldFrom,
      onIdle: (idle) => void this.#end(name, idle, new ReconciliationError('interrupted', 'Nobody went on with it')),
      onDone: () => this.#runs.delete(name),
    })
    this.#runs.set(name, run)
    try {
      await results.begin(terms, false, { here, there }, clock.now())
      return await run.begin(wanted.nonce)
    } catch (error) {
      await this.#end(name, run, error)
      throw error
    }
  }

  async #end(name: string, run: Run, error: unknown): Promise<void> {
    if (this.#runs.get(name) !== run) return
    this.#runs.delete(name)
    const { results, clock, log } = this.#parts
    const known = error instanceof ReconciliationError || error instanceof StatementError
    const { code, message } = known ? error : { code: 'internal_error', message: reasonOf(error) }
    log.warn('a comparison that was asked for has failed', { run: name, code, reason: message })
    await run.close()
    await results.failed(name, { code, message }, clock.now())
  }
}

interface Begun {
  readonly terms: Terms
  readonly here: Party
  readonly there: Party
  readonly client: ClientId
  readonly server: ServerId
  readonly checkpoint: SideCheckpoint
  readonly heldFrom: number
  readonly configuration: GlobalConfiguration
  readonly onIdle: (run: Run) => void
  readonly onDone: () => void
}

/** One run, step by step in its order. */
class Run {
  readonly #parts: AnsweringParts
  readonly #begun: Begun
  readonly #stop = new AbortController()
  readonly #turn = turns(this.#stop.signal)
  readonly #exchanges = new Exchanges(MAX_EXCHANGES)
  #own: Promise<OwnSide> | undefined
  #session: Promise<Session> | undefined
  #leaves: AsyncGenerator<Uint8Array> | undefined
  #next: IteratorResult<Uint8Array> | undefined
  #outcome: Promise<ReconciliationReport> | undefined
  #stage: 'list' | 'values' | 'leaves' | 'outcome' = 'list'
  #page = 0
  #pages = 0
  #heldFrom = 0
  #idle: NodeJS.Timeout | undefined

  constructor(parts: AnsweringParts, begun: Begun) {
    this.#parts = parts
    this.#begun = begun
  }

  isOf(client: ClientId): boolean {
    return sameId(memberOf(client), memberOf(this.#begun.client))
  }

  /** The checkpoint is fixed before the key is: nobody adds to the log, or leaves out of it, what he has seen of the other's. */
  async begin(nonce: Uint8Array): Promise<Reply> {
    const { messageLog, transparency, directory, most } = this.#parts
    const { terms, here, there } = this.#begun
    const view = await sealedView(messageLog, transparency)
    this.#heldFrom = await heldFrom(messageLog)
    const mine = randomBytes(SECRET_BYTES)
    const path = join(directory, `answer-${crypto.randomUUID()}`)
    const turn = this.#turn
    this.#own = ownSide({ messageLog, view, terms, here, there, most, path, turn, onProgress: () => {} })
    this.#session = this.#own.then((own) => this.#open(own, Buffer.concat([nonce, mine])))
    // Whoever waits for it is told; nobody may be waiting yet.
    this.#session.catch(() => {})
    this.#rest()
    return json({
      nonce: encodeBase64(mine),
      checkpoint: encodeBase64(checkpointBytes(view.checkpoint)),
      heldFrom: this.#heldFrom,
    })
  }

  async step(step: string, body: Uint8Array): Promise<Reply> {
    clearTimeout(this.#idle)
    try {
      const [kind = '', page] = step.split('/')
      if (kind !== this.#stage && !(kind === 'leaves' && this.#stage === 'values'))
        throw new ReconciliationError('wrong_step', `The run expects ${this.#stage}, not ${kind.slice(0, 20)}`)
      if (kind === 'list') return await this.#list(body)
      if (kind === 'outcome') return await this.#finish(body)
      if (kind === 'leaves' && this.#stage === 'values') await this.#compare()
      if (page !== String(this.#page)) throw new ReconciliationError('wrong_step', `The run expects page ${this.#page}`)
      this.#page += 1
      return kind === 'values' ? await this.#values(body) : await this.#someLeaves(body)
    } finally {
      this.#rest()
    }
  }

  async close(): Promise<void> {
    this.#stop.abort(new ReconciliationError('interrupted', 'The run is over'))
    clearTimeout(this.#idle)
    await this.#leaves?.return(undefined).catch(() => {})
    await Promise.allSettled([this.#session, this.#outcome])
    await this.#own?.then(({ messages }) => messages.remove()).catch(() => {})
  }

  #rest(): void {
    clearTimeout(this.#idle)
    if (this.#stop.signal.aborted) return
    this.#idle = setTimeout(() => this.#begun.onIdle(this), IDLE_MS)
    this.#idle.unref()
  }

  #open(own: OwnSide, secret: Uint8Array): Promise<Session> {
    const { log, most } = this.#parts
    const { terms, here, there, server, checkpoint, configuration } = this.#begun
    return Session.begin({
      ...{ terms, secret, own, here, there, server, checkpoint, most },
      exchanges: this.#exchanges,
      trust: configuration.trust,
      turn: this.#turn,
      onUnfounded: ({ requestId }, why) =>
        log.warn('the other party claims a message without our signature', { run: terms.run, requestId, why }),
    })
  }

  async #list(body: Uint8Array): Promise<Reply> {
    const session = await soon(this.#session)
    if (session === undefined) return NOT_READY
    const list = readJson(listSchema, body)
    session.bind(list)
    this.#pages = Math.max(session.pages, pagesOf(list.count))
    this.#stage = 'values'
    return json({ count: session.list.count, root: encodeBase64(session.list.root) })
  }

  async #values(body: Uint8Array): Promise<Reply> {
    const session = await this.#ready()
    if (this.#page > this.#pages) throw new ReconciliationError('wrong_step', 'There are no more values')
    await session.takeValues(body)
    return { status: 200, type: OCTETS_TYPE, body: session.values(this.#page - 1) }
  }

  async #compare(): Promise<void> {
    const session = await this.#ready()
    await session.compare()
    this.#leaves = session.leaves()
    this.#next = await this.#leaves.next()
    this.#stage = 'leaves'
    this.#page = 0
  }

  async #someLeaves(body: Uint8Array): Promise<Reply> {
    const session = await this.#ready()
    const { more, bytes } = readLeavesPage(body)
    if (bytes.length > MAX_PAGE_BYTES) throw new ReconciliationError('broken', 'A page of leaves is too long')
    await session.takeLeaves(bytes)
    const own = this.#next
    if (own !== undefined && !own.done) this.#next = await this.#leaves?.next()
    const ownMore = this.#next?.done === false
    const page = { more: ownMore, bytes: own === undefined || own.done ? new Uint8Array(0) : own.value }
    if (!more && !ownMore) {
      session.end()
      this.#stage = 'outcome'
    }
    return { status: 200, type: OCTETS_TYPE, body: writeLeavesPage(page) }
  }

  async #finish(body: Uint8Array): Promise<Reply> {
    const theirs = readJson(outcomeSchema, body) as ReconciliationReport
    this.#outcome ??= this.#conclude(theirs)
    this.#outcome.catch(() => {})
    const report = await soon(this.#outcome)
    if (report === undefined) return NOT_READY
    this.#begun.onDone()
    await this.close()
    return json(report)
  }

  async #conclude(theirs: ReconciliationReport): Promise<ReconciliationReport> {
    const { server, results, clock } = this.#parts
    const { terms, here, there, configuration, heldFrom } = this.#begun
    const [session, own] = await Promise.all([this.#session, this.#own])
    if (session === undefined || own === undefined) throw new ReconciliationError('wrong_step', 'It has not begun')
    const matched = new Uint8Array(own.messages.count)
    for (const number of session.matched()) matched[number] = 1
    const others = (party: Party, known: ServerId) =>
      serversOf(configuration, party).filter(({ id }) => idKey(id) !== idKey(known))
    const [hereToo, thereToo] = [others(here, server), others(there, this.#begun.server)]
    const circumstances = {
      period: terms,
      heldFrom: { here: this.#heldFrom, there: heldFrom },
      others: { here: hereToo.length > 0, there: thereToo.length > 0 },
    }
    const findings = await conclude(own.messages, matched, this.#exchanges, circumstances, this.#turn)
    const checkpoint = sideCheckpoint(checkpointBytes(own.view.checkpoint), server, undefined)
    const report = reportOf(
      terms,
      {
        here: session.sideHere(server, checkpoint.report),
        there: [session.sideThere()],
        notCompared: [...hereToo, ...thereToo].map(({ id }) => shortId(id)),
      },
      { agreed: session.agreed, findings, beyond: this.#exchanges.beyond },
    )
    const outcome: Outcome = { report, findings, theirs: [theirs], signed: [] }
    await results.done(terms.run, outcome, clock.now())
    return report
  }

  async #ready(): Promise<Session> {
    const session = await this.#session
    if (session === undefined) throw new ReconciliationError('wrong_step', 'It has not begun')
    return session
  }
}

/** What is being made, if it is there soon. */
async function soon<T>(made: Promise<T> | undefined): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS)
  })
  try {
    return await Promise.race([made, late])
  } finally {
    clearTimeout(timer)
  }
}

function json(value: object): Reply {
  return { status: 200, type: JSON_TYPE, body: Buffer.from(JSON.stringify(value)) }
}

/** `/runs` and what follows. */
function stepOf(servicePath: string): { readonly name?: string; readonly step: string } {
  const [, runs, name, ...step] = servicePath.split('/')
  if (runs !== 'runs') throw new ReconciliationError('wrong_step', 'There is nothing of that name')
  if (name === undefined) return { step: '' }
  try {
    return { name: decodeURIComponent(name), step: step.join('/') }
  } catch (cause) {
    throw new ReconciliationError('wrong_step', 'The name of the run is not percent-encoded', { cause })
  }
}
