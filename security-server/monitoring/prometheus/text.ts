// The text format that Prometheus reads (exposition format 0.0.4): counters, gauges, histograms.

export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8'

export type Labels = Readonly<Record<string, string>>

/** One value of a metric. */
export interface Sample {
  readonly labels?: Labels
  readonly value: number
}

export interface Metric {
  /** `saadik_…`, with its unit; counters end in `_total`. */
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly samples: readonly Sample[]
}

export interface HistogramMetric {
  readonly name: string
  readonly help: string
  readonly type: 'histogram'
  readonly samples: readonly { readonly labels: Labels; readonly histogram: Histogram }[]
}

/** Counts by upper bound. */
export class Histogram {
  readonly bounds: readonly number[]
  /** Not cumulative; the last one is beyond every bound. */
  readonly counts: Float64Array
  sum = 0

  /** @param bounds Ascending. */
  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    let bucket = 0
    while (bucket < this.bounds.length && value > (this.bounds[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += value
  }
}

/** The whole answer. A metric without samples is left out. */
export function renderMetrics(metrics: readonly (Metric | HistogramMetric)[]): string {
  const lines: string[] = []
  for (const metric of metrics) {
    if (metric.samples.length === 0) continue
    lines.push(`# HELP ${metric.name} ${metric.help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}`)
    lines.push(`# TYPE ${metric.name} ${metric.type}`)
    if (metric.type === 'histogram') {
      for (const { labels, histogram } of metric.samples) renderHistogram(metric.name, labels, histogram, lines)
    } else {
      for (const { labels, value } of metric.samples) lines.push(`${metric.name}${braces(labels)} ${number(value)}`)
    }
  }
  return `${lines.join('\n')}\n`
}

function renderHistogram(name: string, labels: Labels, { bounds, counts, sum }: Histogram, lines: string[]): void {
  let total = 0
  for (const [index, count] of counts.entries()) {
    total += count
    const le = index < bounds.length ? number(bounds[index] as number) : '+Inf'
    lines.push(`${name}_bucket${braces({ ...labels, le })} ${total}`)
  }
  lines.push(`${name}_sum${braces(labels)} ${number(sum)}`, `${name}_count${braces(labels)} ${total}`)
}

function braces(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}
