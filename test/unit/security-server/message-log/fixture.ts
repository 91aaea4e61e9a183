// A log in a folder of its own, records to put in, and a time-stamping authority of our own making.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { GlobalConfiguration } from '#global-configuration'
import type { Log } from '#host'
import type { ClientId } from '#protocol'
import type {
  BodyReference,
  LogRecord,
  MessageLog,
  MessageLogSettings,
} from '../../../../security-server/message-log/index.ts'
import { openLog as openOver } from '../../../../security-server/message-log/open-log.ts'
import type { Replaceable } from '../../../../security-server/message-log/open-segments.ts'
import { logStore } from '../../../stores.ts'

export const PROVIDER: ClientId = {
  instance: 'DEMO',
  memberClass: 'GOV',
  memberCode: '70000001',
  subsystemCode: 'population-register',
}

export const CLIENT: ClientId = {
  instance: 'DEMO',
  memberClass: 'GOV',
  memberCode: '70000002',
  subsystemCode: 'client',
}

/** A clock that stands until it is set. */
export class TestClock {
  time: Date
  constructor(time = new Date('2026-03-01T12:00:00Z')) {
    this.time = time
  }
  now(): Date {
    return this.time
  }
  forward(seconds: number): void {
    this.time = new Date(this.time.getTime() + seconds * 1000)
  }
}

/** Keeps what a process would have said. */
export class TestLog implements Log {
  readonly lines: { readonly level: string; readonly message: string; readonly meta: object | undefined }[] = []
  error = (message: string, meta?: object): void => this.#keep('error', message, meta)
  warn = (message: string, meta?: object): void => this.#keep('warn', message, meta)
  info = (message: string, meta?: object): void => this.#keep('info', message, meta)
  debug = (message: string, meta?: object): void => this.#keep('debug', message, meta)
  #keep(level: string, message: string, meta: object | undefined): void {
    this.lines.push({ level, message, meta })
  }
}

const endings = new WeakMap<TestContext, (() => unknown)[]>()

/** Runs at the end of the test, the last one first: node:test's own hooks run the first one first. */
export function atEnd(t: TestContext, work: () => unknown): void {
  const existing = endings.get(t)
  if (existing !== undefined) return void existing.push(work)
  const works = [work]
  endings.set(t, works)
  t.after(async () => {
    for (const one of works.reverse()) await one()
  })
}

export async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'saadik-log-'))
  atEnd(t, () => rm(directory, { recursive: true, force: true }))
  return directory
}

export interface TestLogOptions {
  readonly directory: string
  readonly settings?: Partial<MessageLogSettings>
  readonly configuration?: () => GlobalConfiguration | undefined
  readonly clock?: TestClock
  readonly log?: TestLog
  readonly replaced?: Replaceable
}

/** Opens a log; it is closed at the end of the test, before its folder goes. */
export async function openLog(t: TestContext, options: TestLogOptions): Promise<MessageLog> {
  const log = await openOver(
    {
      directory: options.directory,
      store: logStore(options.directory),
      configuration: options.configuration ?? (() => SILENT),
      settings: {
        timestamping: 'batch',
        acceptableFailureSeconds: 0,
        timestampIntervalSeconds: 86_400,
        ...options.settings,
      },
      clock: options.clock ?? new TestClock(),
      log: options.log ?? new TestLog(),
    },
    options.replaced,
  )
  atEnd(t, () => log.close())
  return log
}

/** Only what the log reads of a configuration. */
export function configurationWith(
  tsas: GlobalConfiguration['shared']['tsas'],
  intervalSeconds = 60,
): GlobalConfiguration {
  return {
    shared: { tsas },
    trust: { tsas },
    timestampingIntervalSeconds: intervalSeconds,
  } as unknown as GlobalConfiguration
}

/** An authority that is never there: records stay without a time-stamp. */
const SILENT = configurationWith([{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }])

let made = 0

/**
 * A record whose signature nobody can read: the log does not, until it time-stamps (timestamp.test.ts has readable ones).
 *
 * @param facts.member The client or the provider, as the side has it.
 */
export function record({ member, ...facts }: Partial<LogRecord> & { member?: ClientId } = {}): LogRecord {
  made += 1
  const parties = facts.side === 'provider' ? { provider: member } : { client: member }
  return {
    at: new Date('2026-03-01T12:00:00.123Z'),
    side: 'consumer',
    direction: 'request',
    queryId: `query-${made}`,
    requestId: `request-${made}`,
    protocol: 'rest',
    client: parties.client ?? CLIENT,
    service: { ...(parties.provider ?? PROVIDER), serviceCode: 'persons' },
    head: Buffer.from(`GET /r1/${made} HTTP/1.1\r\n`),
    signature: Buffer.from(`<signature of="${made}"/>`.padEnd(4000)),
    ...facts,
  }
}

export async function spooled(log: MessageLog, ...chunks: readonly Uint8Array[]): Promise<BodyReference> {
  const spool = log.spool()
  for (const chunk of chunks) await spool.write(chunk)
  return await spool.finish()
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Looks until it is so; the test's own time-out is the only limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

export function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    if ((error as { code?: string }).code !== expected) throw error
    return true
  }
}
