// Exchanges, counted as they end: by side and outcome, how long, how large.
import type { Finished } from '../operational/to-record.ts'
import { faultFamily } from './fault-family.ts'
import { Histogram, type HistogramMetric, type Labels, type Metric } from './text.ts'

/** Seconds: from what a local exchange takes to what a slow service does. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

type Side = 'consumer' | 'provider'

interface Series {
  readonly labels: Labels
  value: number
}

export class ExchangeMetrics {
  readonly #exchanges = new Map<string, Series>()
  readonly #durations: Record<Side, Histogram> = { consumer: new Histogram(BOUNDS), provider: new Histogram(BOUNDS) }
  readonly #bytes = {
    consumer: { request: 0, response: 0 },
    provider: { request: 0, response: 0 },
  }

  add({ exchange, outcome, responseOutTs }: Finished): void {
    const side: Side = exchange.side === 'Client' ? 'consumer' : 'provider'
    this.#count(side, outcome)
    this.#durations[side].observe(Math.max(0, responseOutTs - exchange.requestInTs) / 1000)
    const bytes = this.#bytes[side]
    bytes.request += exchange.requestMimeSize ?? exchange.requestSize ?? 0
    bytes.response += exchange.responseMimeSize ?? exchange.responseSize ?? 0
  }

  metrics(): (Metric | HistogramMetric)[] {
    const sides: readonly Side[] = ['consumer', 'provider']
    return [
      {
        name: 'saadik_exchanges_total',
        help: 'Exchanges that ended: ok, error (the service said so) or fault, with the family of the fault code.',
        type: 'counter',
        samples: [...this.#exchanges.values()],
      },
      {
        name: 'saadik_exchange_duration_seconds',
        help: 'From the first byte of the request to the beginning of the answer.',
        type: 'histogram',
        samples: sides.map((side) => ({ labels: { side }, histogram: this.#durations[side] })),
      },
      {
        name: 'saadik_exchange_bytes_total',
        help: 'Bytes of messages and their attachments.',
        type: 'counter',
        samples: sides.flatMap((side) =>
          (['request', 'response'] as const).map((direction) => ({
            labels: { side, direction },
            value: this.#bytes[side][direction],
          })),
        ),
      },
    ]
  }

  #count(side: Side, { succeeded, fault }: Finished['outcome']): void {
    const family = fault === undefined ? { where: '', fault: '' } : faultFamily(fault.code)
    const outcome = succeeded ? 'ok' : fault === undefined ? 'error' : 'fault'
    const key = `${side} ${outcome} ${family.where} ${family.fault}`
    let series = this.#exchanges.get(key)
    if (series === undefined) {
      series = { labels: { side, outcome, where: family.where, fault: family.fault }, value: 0 }
      this.#exchanges.set(key, series)
    }
    series.value++
  }
}
