// The last hour of a measured quantity: smallest, largest, mean, median and spread, as X-Road's histograms tell them.
import { Running } from '../health/running.ts'
import type { HistogramMetric } from './metric-set.ts'

export class SlidingValues {
  readonly #values: Float64Array
  #count = 0
  #updated = new Date(0)

  /** @param size How many values are kept: the window over the interval. */
  constructor(size: number) {
    this.#values = new Float64Array(size)
  }

  add(value: number, at: Date): void {
    this.#values[this.#count % this.#values.length] = value
    this.#count++
    this.#updated = at
  }

  /** Undefined before the first value. */
  metric(name: string): HistogramMetric | undefined {
    if (this.#count === 0) return undefined
    const sorted = this.#values.slice(0, Math.min(this.#count, this.#values.length)).sort()
    const all = new Running()
    for (const value of sorted) all.add(value)
    const middle = (sorted.length - 1) / 2
    const median = ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2
    return { name, updated: this.#updated, min: all.min, max: all.max, mean: all.mean, median, stddev: all.deviation }
  }
}
