// Spans on their way to a collector over OTLP/HTTP with JSON: bounded, in batches, and never in the way of a message.
import { httpPost, type Log, reasonOf } from '#host'
import type { Finished } from '../operational/to-record.ts'
import { isSampled, traceId } from './ids.ts'
import { type Span, spansOf } from './spans.ts'

const MAX_WAITING = 2_000
const BATCH = 200
const EVERY_MS = 5_000
const TIMEOUT_MS = 10_000
const MAX_ANSWER_BYTES = 64 * 1024
const TELL_AGAIN_MS = 60_000
/** What a collector may take later (OTLP/HTTP, retryable response codes); everything else it never will. */
const AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504])

export interface TraceSettings {
  /** The collector, to which `/v1/traces` is added. */
  readonly collector: string
  /** 0 to 1. */
  readonly sampleRatio: number
  /** Names this server: `service.instance.id`. */
  readonly server: string
  readonly version: string
  readonly log: Log
}

interface Traced {
  readonly finished: Finished
  readonly endedAt: number
}

export class TraceExporter {
  readonly #settings: TraceSettings
  readonly #url: string
  readonly #waiting: Traced[] = []
  readonly #timer: NodeJS.Timeout
  #sending: Promise<void> | undefined
  #dropped = 0
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(settings: TraceSettings) {
    this.#settings = settings
    this.#url = `${settings.collector.replace(/\/+$/, '')}/v1/traces`
    this.#timer = setInterval(() => this.#send(), EVERY_MS)
    this.#timer.unref()
  }

  /** Exchanges whose spans were dropped. */
  get dropped(): number {
    return this.#dropped
  }

  /** Takes the trace of an exchange unless it has none, is not in the sample, or too much waits. */
  add(finished: Finished): void {
    const { requestId, stages } = finished.exchange
    if (requestId === undefined || stages.length === 0) return
    if (!isSampled(traceId(requestId), this.#settings.sampleRatio)) return
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ finished, endedAt: performance.now() })
    else this.#drop(1, 'the queue is full')
    if (this.#waiting.length === BATCH) this.#send()
  }

  /** Sends what waits, once, and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#sending
    this.#send()
    await this.#sending
  }

  #send(): void {
    if (this.#sending !== undefined || this.#waiting.length === 0) return
    const batch = this.#waiting.splice(0, BATCH)
    this.#sending = this.#post(batch).then((sent) => {
      this.#sending = undefined
      // A collector that failed is left alone until the next round.
      if (sent && this.#waiting.length >= BATCH) this.#send()
    })
  }

  /** @returns Whether there is a collector that takes what it is sent. */
  async #post(batch: readonly Traced[]): Promise<boolean> {
    const spans = batch.flatMap(({ finished, endedAt }) => spansOf(finished, endedAt))
    try {
      const answer = await httpPost(this.#url, Buffer.from(JSON.stringify(this.#document(spans))), {
        contentType: 'application/json',
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_ANSWER_BYTES,
      })
      if (answer.status >= 200 && answer.status < 300) return true
      const reason = `the collector answered with HTTP status ${answer.status}`
      if (AGAIN.has(answer.status)) this.#keep(batch, reason)
      else this.#drop(batch.length, reason)
    } catch (error) {
      this.#keep(batch, reasonOf(error))
    }
    return false
  }

  /** For the next round, as far as there is room: what came since is as dear. */
  #keep(batch: readonly Traced[], reason: string): void {
    const room = Math.max(0, MAX_WAITING - this.#waiting.length)
    const kept = batch.slice(0, room)
    this.#waiting.unshift(...kept)
    if (kept.length < batch.length) this.#drop(batch.length - kept.length, reason)
    else this.#tell(reason)
  }

  #drop(exchanges: number, reason: string): void {
    this.#dropped += exchanges
    this.#tell(reason)
  }

  #tell(reason: string): void {
    const now = performance.now()
    if (now - this.#toldAt < TELL_AGAIN_MS) return
    this.#toldAt = now
    this.#settings.log.warn('traces do not reach their collector', {
      reason,
      waiting: this.#waiting.length,
      dropped: this.#dropped,
    })
  }

  #document(spans: readonly Span[]): object {
    const { server, version } = this.#settings
    const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } })
    return {
      resourceSpans: [
        {
          resource: {
            attributes: [
              attribute('service.name', 'saadik-security-server'),
              attribute('service.instance.id', server),
              attribute('service.version', version),
            ],
          },
          scopeSpans: [{ scope: { name: 'saadik' }, spans }],
        },
      ],
    }
  }
}
