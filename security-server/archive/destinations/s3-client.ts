// Calls to an S3-compatible store: signed (Signature V4, by aws4fetch), sent over connections of our own, repeated where that may help.
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { AwsV4Signer } from 'aws4fetch'
import { Agent } from 'undici'
import { reasonOf } from '#host'
import { digest } from '#trust'
import { ArchiveError } from '../error.ts'
import type { S3Settings } from '../settings.ts'
import { type Credentials, readCredentials } from './credentials.ts'
import { readDocument, type S3Document } from './s3-document.ts'

export interface S3Call {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  /** Of the object, without the prefix; absent for the bucket. */
  readonly name?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export interface S3Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Must be read to its end, or given up by leaving its iteration. */
  readonly body: AsyncIterable<Uint8Array>
}

/** The store refused. */
class S3Refusal extends Error {
  override readonly name = 'S3Refusal'
  /** Whether the same call may be taken a little later. */
  readonly passing: boolean

  constructor(status: number, document: S3Document) {
    const code = document.first('Code')
    super(code === undefined ? `HTTP status ${status}` : `${code}: ${document.first('Message') ?? ''} (${status})`)
    this.passing = status >= 500 || PASSING.has(status) || PASSING_CODES.has(code ?? '')
  }
}

const PASSING: ReadonlySet<number> = new Set([408, 425, 429])
const PASSING_CODES: ReadonlySet<string> = new Set(['RequestTimeout', 'SlowDown', 'InternalError'])
const ATTEMPTS = 5
const FIRST_PAUSE_MS = 500
const CONNECT_MS = 30_000
const SILENCE_MS = 60_000

export class S3Client {
  /** For people: `s3://BUCKET/PREFIX at HOST`. */
  readonly shown: string
  readonly #settings: S3Settings
  readonly #agent: Agent
  readonly #base: URL
  /** Signing keys of the day, which aws4fetch derives. */
  readonly #cache = new Map<string, ArrayBuffer>()

  /** Throws where the file of the CA cannot be read. */
  constructor(settings: S3Settings) {
    const { endpoint, bucket, prefix, ca, virtualHost } = settings
    this.#settings = settings
    this.#base = new URL(endpoint)
    this.shown = `s3://${bucket}/${prefix} at ${this.#base.host}`
    if (virtualHost) this.#base.hostname = `${bucket}.${this.#base.hostname}`
    this.#agent = new Agent({
      connections: 2,
      headersTimeout: SILENCE_MS,
      bodyTimeout: SILENCE_MS,
      connect: { timeout: CONNECT_MS, ...(ca !== undefined && { ca: readFileSync(ca) }) },
    })
  }

  /**
   * What `use` makes of an answer of status 2xx, or of one in `accepted`. Repeated whole, at most five times, after failures of the network
   * and refusals that pass.
   *
   * @throws {ArchiveError} `destination_failed`, `credentials_missing`, `stopped`
   */
  async call<T>(
    call: S3Call,
    signal: AbortSignal,
    use: (answer: S3Answer) => Promise<T>,
    accepted: readonly number[] = [],
  ): Promise<T> {
    const credentials = await readCredentials(this.#settings.credentialsFile)
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await use(await this.#attempt(call, credentials, signal, accepted))
      } catch (error) {
        const hopeless =
          signal.aborted || error instanceof ArchiveError || (error instanceof S3Refusal && !error.passing)
        if (hopeless || attempt === ATTEMPTS) throw this.failed(call, error)
      }
      const wait = FIRST_PAUSE_MS * 2 ** (attempt - 1) * (0.5 + Math.random())
      await pause(wait, undefined, { signal }).catch(() => undefined)
    }
  }

  /** A call whose answer is a document. An error may come with status 200 where the store has begun to answer before it knew. */
  document(call: S3Call, signal: AbortSignal): Promise<S3Document> {
    return this.call(call, signal, async ({ body }) => {
      const document = await readDocument(body)
      if (document.first('Code') !== undefined) throw new S3Refusal(200, document)
      return document
    })
  }

  /** The name with its prefix. */
  key(name: string): string {
    return `${this.#settings.prefix}${name}`
  }

  /** What went wrong with a call, for people. */
  failed({ method, name = '' }: S3Call, cause: unknown): unknown {
    if (cause instanceof ArchiveError) return cause
    const what = `${this.shown}: ${method} ${name}`.trim()
    return new ArchiveError('destination_failed', `${what}: ${reasonOf(cause)}`, { cause })
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async #attempt(
    { method, name, query = {}, headers = {}, body }: S3Call,
    credentials: Credentials,
    signal: AbortSignal,
    accepted: readonly number[],
  ): Promise<S3Answer> {
    const content = Buffer.from(digest('SHA-256', body ?? new Uint8Array())).toString('hex')
    const signed = await new AwsV4Signer({
      ...credentials,
      method,
      url: this.#url(name, query),
      headers: { ...headers, 'x-amz-content-sha256': content },
      service: 's3',
      region: this.#settings.region,
      cache: this.#cache,
    }).sign()
    const answer = await this.#agent.request({
      origin: signed.url.origin,
      path: signed.url.pathname + signed.url.search,
      method,
      headers: Object.fromEntries(signed.headers),
      body: body ?? null,
      signal,
    })
    const { statusCode: status } = answer
    const good = (status >= 200 && status < 300) || accepted.includes(status)
    if (!good) throw new S3Refusal(status, await readDocument(answer.body))
    return { status, headers: answer.headers, body: answer.body }
  }

  #url(name: string | undefined, query: Readonly<Record<string, string>>): string {
    const { bucket, virtualHost } = this.#settings
    const url = new URL(this.#base)
    const segments = [...(virtualHost ? [] : [bucket]), ...(name === undefined ? [] : this.key(name).split('/'))]
    // What means something in a URL is escaped: a name may have a plus sign.
    url.pathname = segments.map((segment) => escaped(segment)).join('/')
    url.search = Object.entries(query)
      .map(([key, value]) => `${key}=${escaped(value)}`)
      .join('&')
    return url.href
  }
}

/** As Signature V4 escapes (RFC 3986). */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
}
