// Reconciliation: this server and another party's compare what they have logged of each other, without showing what was said. Door of this folder.
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { belongsTo, type Finding, MAX_MARGIN_MS, type Party, StatementError, type Terms } from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import { type Clock, type Log, reasonOf, type StorePlace } from '#host'
import { type ClientId, clientOf, idKey, memberOf, type ServerId, type ServiceId, shortId } from '#protocol'
import type { Policy } from '#transparency'
import type { OwnAnswer, OwnQuestion } from '../consumer/own-rest.ts'
import { heldFrom, type MessageLog } from '../message-log/index.ts'
import type { OwnRestAnswer } from '../provider/own-answer.ts'
import { OWN_CODES } from '../services/index.ts'
import type { Transparency } from '../transparency/index.ts'
import { Answering, type Reply } from './answering.ts'
import { askAll, type RunProgress } from './asking.ts'
import { ReconciliationError } from './error.ts'
import { ownSide, sealedView } from './own-log.ts'
import { Results, type RunResult, type RunSummary } from './results.ts'
import type { ReconciliationSettings } from './settings.ts'
import { statementName, statementOf } from './statement.ts'
import { turns } from './turns.ts'

export type { RunProgress } from './asking.ts'
export { type ReconciliationCode, ReconciliationError } from './error.ts'
export type { RunResult, RunSummary } from './results.ts'
export { type ReconciliationSettings, reconciliationSchema } from './settings.ts'

/** What an operator wants compared. Times in milliseconds since 1970. */
export interface Wanted {
  /** Of this server; absent where it speaks for one member only. */
  readonly here?: Party | undefined
  readonly there: Party
  readonly from: number
  readonly to: number
  readonly margin: number
}

export interface Reconciliation {
  /** Whether a REST request is for this server itself to answer. */
  isRest(request: { readonly method: string; readonly service: ServiceId }): boolean
  /** How many octets such a request may bring. */
  mostAttached(client: ClientId, servicePath: string): number
  /** Answers another party's server; what is wrong is an answer too. */
  answerRest(question: {
    readonly client: ClientId
    readonly service: ServiceId
    readonly servicePath: string
    readonly body: AsyncIterable<Uint8Array> | undefined
  }): Promise<OwnRestAnswer>
  /**
   * Begins a comparison and gives its name. It goes on by itself; `result` says how it ended.
   *
   * @param policy Which logs and witnesses are believed. Throws ReconciliationError `invalid_terms`, `busy`.
   */
  begin(wanted: Wanted, policy: Policy | undefined): Promise<string>
  /** How far a comparison is that is under way; undefined for any other. */
  progress(run: string): RunProgress | undefined
  /** Newest first. */
  list(limit: number): Promise<readonly RunSummary[]>
  result(run: string): Promise<RunResult | undefined>
  findings(run: string, first: number, limit: number): Promise<readonly Finding[]>
  /** This server's side as a file, for a party that cannot be reached (evidence/reconciliation/statement.ts). @param secret Both sides'. */
  statement(wanted: Wanted, secret: Uint8Array): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

export interface ReconciliationOptions {
  /** The server's; work files lie in `reconciliation` of it. */
  readonly directory: string
  readonly place: StorePlace
  readonly server: ServerId
  readonly messageLog: MessageLog
  readonly transparency: Transparency
  readonly configuration: () => GlobalConfiguration | undefined
  /** Members and subsystems that this server speaks for. */
  readonly clients: () => readonly ClientId[]
  /** Asks another server as a client of this one. */
  readonly ask: (question: OwnQuestion, most: number) => Promise<OwnAnswer>
  readonly settings: ReconciliationSettings
  readonly clock: Clock
  readonly log: Log
}

interface Running {
  readonly stop: AbortController
  readonly ended: Promise<void>
  progress: RunProgress
}

const MAX_RUNS = 2

export async function openReconciliation(options: ReconciliationOptions): Promise<Reconciliation> {
  const { server, messageLog, transparency, settings, clock, log, ask } = options
  const directory = join(options.directory, 'reconciliation')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // Of runs that the last process did not end.
  for (const name of await readdir(directory)) await rm(join(directory, name), { force: true })
  const results = new Results(options.place)
  await results.ready(clock.now())
  const most = settings.maxMessages
  const answering = new Answering({ ...options, directory, results, most })
  const running = new Map<string, Running>()

  function configuration(): GlobalConfiguration {
    const current = options.configuration()
    if (current === undefined) throw invalid('There is no global configuration yet')
    return current
  }

  /** The parties and times in order. */
  function termsOf(wanted: Wanted, run: string): { terms: Terms; here: Party; there: Party } {
    const { there, from, to, margin } = wanted
    const here = wanted.here ?? onlyMember(options.clients())
    if (!options.clients().some((client) => belongsTo(here, client)))
      throw invalid(`This server does not speak for ${shortId(here)}`)
    if (!configuration().exists(there)) throw invalid(`${shortId(there)} is not registered`)
    if (belongsTo(here, there) || belongsTo(there, here)) throw invalid('The two parties are one')
    if (!(margin >= 0 && margin <= MAX_MARGIN_MS)) throw invalid('The margin is at most a day')
    if (!(from >= 0 && from < to)) throw invalid('The period has no time in it')
    const latest = clock.now().getTime() - margin
    if (to > latest)
      throw invalid(
        `The period must end a margin (${margin / 1000} s) before now, so that nothing of it is under way: at ${new Date(latest).toISOString()} at the latest`,
      )
    return { terms: { run, parties: [here, there], from, to, margin }, here, there }
  }

  async function run(name: string, wanted: Wanted, policy: Policy | undefined, mine: Running): Promise<void> {
    const { terms, here, there } = termsOf(wanted, name)
    const turn = turns(mine.stop.signal)
    const onProgress = (progress: RunProgress) => {
      mine.progress = progress
    }
    // Before the key of the run is made, and before anything of the other side is seen.
    const view = await sealedView(messageLog, transparency)
    const held = await heldFrom(messageLog)
    const own = await ownSide({
      ...{ messageLog, view, terms, here, there, most, turn },
      path: join(directory, `ask-${name}`),
      onProgress: (done) => onProgress({ phase: 'reading', done }),
    })
    try {
      const outcome = await askAll({
        ...{ terms, here, there, server, policy, own, most, turn, ask, onProgress },
        configuration: configuration(),
        heldFrom: held,
        signal: mine.stop.signal,
        onUnfounded: ({ requestId }, why) =>
          log.warn('the other party claims a message without our signature', { run: name, requestId, why }),
        onLeftOut: (other, { code, message }) =>
          log.warn('a server was not compared with', { run: name, server: shortId(other), code, reason: message }),
      })
      await results.done(name, outcome, clock.now())
    } finally {
      await own.messages.remove()
    }
  }

  async function watched(name: string, wanted: Wanted, policy: Policy | undefined, mine: Running): Promise<void> {
    try {
      await run(name, wanted, policy, mine)
    } catch (error) {
      const known = error instanceof ReconciliationError || error instanceof StatementError
      const stopped = mine.stop.signal.aborted && !known
      const { code, message } = known
        ? error
        : { code: stopped ? 'interrupted' : 'internal_error', message: reasonOf(error) }
      log.warn('a comparison has failed', { run: name, code, reason: message })
      await results.failed(name, { code, message }, clock.now())
    } finally {
      running.delete(name)
    }
  }

  return {
    isRest: ({ method, service }) =>
      settings.answers && method === 'POST' && service.serviceCode === OWN_CODES.reconciliation,
    mostAttached(client, servicePath) {
      try {
        return answering.mostAttached(client, servicePath)
      } catch (error) {
        if (error instanceof ReconciliationError) return 0
        throw error
      }
    },
    async answerRest({ client, service, servicePath, body }) {
      try {
        return reply(
          await answering.answer({ client, provider: clientOf(service), servicePath, body: await whole(body) }),
        )
      } catch (error) {
        if (!(error instanceof ReconciliationError || error instanceof StatementError)) throw error
        return refusal(error)
      }
    },
    async begin(wanted, policy) {
      if (running.size >= MAX_RUNS) throw new ReconciliationError('busy', `${MAX_RUNS} comparisons are under way`)
      const name = crypto.randomUUID()
      const { terms, here, there } = termsOf(wanted, name)
      await results.begin(terms, true, { here, there }, clock.now())
      const mine: { -readonly [K in keyof Running]: Running[K] } = {
        stop: new AbortController(),
        ended: Promise.resolve(),
        progress: { phase: 'reading', done: 0 },
      }
      running.set(name, mine)
      mine.ended = watched(name, wanted, policy, mine)
      return name
    },
    progress: (name) => running.get(name)?.progress,
    list: (limit) => results.list(limit),
    result: (name) => results.get(name),
    findings: (name, first, limit) => results.findings(name, first, limit),
    async *statement(wanted, secret) {
      yield* statementOf({
        ...termsOf(wanted, statementName(secret)),
        ...{ server, secret, messageLog, transparency, most, clock },
        configuration: configuration(),
        path: join(directory, `statement-${crypto.randomUUID()}`),
      })
    },
    async close() {
      for (const { stop } of running.values()) stop.abort(new ReconciliationError('interrupted', 'The server stops'))
      await Promise.all([...running.values()].map(({ ended }) => ended))
      await answering.close()
      await results.close()
    },
  }
}

/** Where it is no question whose exchanges are meant. */
function onlyMember(clients: readonly ClientId[]): Party {
  const members = new Map(clients.map((client) => [idKey(memberOf(client)), memberOf(client)]))
  const [only, ...more] = members.values()
  if (only === undefined) throw invalid('This server speaks for nobody yet')
  if (more.length > 0)
    throw invalid(`This server speaks for several members; say for which: ${[only, ...more].map(shortId).join(', ')}`)
  return only
}

async function whole(body: AsyncIterable<Uint8Array> | undefined): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  if (body !== undefined) for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function reply({ status, type, body }: Reply): OwnRestAnswer {
  return {
    status,
    reason: status === 202 ? 'Accepted' : 'OK',
    rawHeaders: ['content-type', type],
    body: Readable.from([body], { objectMode: false }),
  }
}

function refusal({ code, message }: ReconciliationError | StatementError): OwnRestAnswer {
  const [status, reason] =
    code === 'busy' || code === 'not_sealed_yet'
      ? [503, 'Service Unavailable']
      : code === 'unknown_run'
        ? [404, 'Not Found']
        : [400, 'Bad Request']
  const body = Buffer.from(JSON.stringify({ error: { code, message } }))
  return { status, reason, rawHeaders: ['content-type', 'application/json'], body: Readable.from([body]) }
}

function invalid(why: string): ReconciliationError {
  return new ReconciliationError('invalid_terms', why)
}
