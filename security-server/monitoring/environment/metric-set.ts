// Metrics as X-Road's environmental monitoring writes them (monitoring.xsd, wire-client §6.4).
import { escapeText } from '#protocol'

export const MONITORING = 'http://x-road.eu/xsd/monitoring'

/** A value is a number or a text by what it looks like, whatever it means: so does the reference. */
export interface ValueMetric {
  readonly name: string
  readonly value: string
}

export interface HistogramMetric {
  readonly name: string
  readonly updated: Date
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly median: number
  readonly stddev: number
}

export interface MetricSet {
  readonly name: string
  readonly metrics: readonly EnvironmentMetric[]
}

export type EnvironmentMetric = ValueMetric | HistogramMetric | MetricSet

/** One metric as an element with the prefix `m`. */
export function metricElement(metric: EnvironmentMetric): string {
  const name = `<m:name>${escapeText(metric.name)}</m:name>`
  if ('metrics' in metric) return `<m:metricSet>${name}${metric.metrics.map(metricElement).join('')}</m:metricSet>`
  if ('value' in metric) {
    const kind = DECIMAL.test(metric.value) ? 'numericMetric' : 'stringMetric'
    return `<m:${kind}>${name}<m:value>${escapeText(metric.value)}</m:value></m:${kind}>`
  }
  const { updated, min, max, mean, median, stddev } = metric
  return (
    `<m:histogramMetric>${name}<m:updated>${updated.toISOString()}</m:updated>` +
    `<m:min>${decimal(min)}</m:min><m:max>${decimal(max)}</m:max><m:mean>${decimal(mean)}</m:mean>` +
    `<m:median>${decimal(median)}</m:median><m:stddev>${decimal(stddev)}</m:stddev></m:histogramMetric>`
  )
}

/** xs:decimal, without exponents; a leading zero makes a text, such as the 007 of somebody's version. */
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/

/** xs:decimal has no exponent. */
function decimal(value: number): string {
  return Number.isInteger(value) ? BigInt(value).toString() : value.toFixed(6)
}
