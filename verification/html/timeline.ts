// When what happened, as a picture: in order, not to scale, because a certificate lives for years and a signature waits for seconds.
import type { Report } from '#evidence'
import { html, type Markup } from './markup.ts'

interface Event {
  readonly at: number
  readonly label: string
  /** `claimed`: the signer's own word. */
  readonly kind: 'proven' | 'claimed' | 'validity'
}

const WIDTH = 760
const HEIGHT = 190
const MARGIN = 62
const LINE = 95
const BAR = 14

/** Undefined when there is nothing to show. */
export function timeline(report: Report): Markup | undefined {
  const events = eventsOf(report)
  if (events.length < 2) return undefined
  const step = (WIDTH - 2 * MARGIN) / (events.length - 1)
  const x = (index: number) => round(MARGIN + index * step)
  const ends = events.flatMap(({ kind }, index) => (kind === 'validity' ? [x(index)] : []))
  const [from, to] = [ends[0], ends.at(-1)]
  const words = events.map(({ at, label }) => `${label}: ${iso(at)}`).join('; ')
  return html`<svg class="timeline" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${words}"><title>${words}</title>
${from !== undefined && to !== undefined && to > from ? html`<rect class="validity" x="${from}" y="${LINE - BAR / 2}" width="${round(to - from)}" height="${BAR}"/>` : undefined}<line class="axis" x1="${MARGIN / 2}" y1="${LINE}" x2="${WIDTH - MARGIN / 2}" y2="${LINE}"/>
${events.map((event, index) => drawn(event, x(index), index % 2 === 0, events[index - 1]))}</svg>`
}

function drawn({ at, label, kind }: Event, x: number, above: boolean, before: Event | undefined): Markup {
  const time = iso(at)
  const top = above ? LINE - 62 : LINE + 30
  const [stemFrom, stemTo] = above ? [LINE - 28, LINE] : [LINE, LINE + 20]
  return html`<g class="event ${kind}"><line class="stem" x1="${x}" y1="${stemFrom}" x2="${x}" y2="${stemTo}"/><circle cx="${x}" cy="${LINE}" r="5"/><text x="${x}" y="${top}"><tspan class="label" x="${x}">${label}</tspan><tspan x="${x}" dy="13">${time.slice(0, 10)}</tspan><tspan x="${x}" dy="12">${time.slice(11)}</tspan>${before && html`<tspan class="after" x="${x}" dy="12">${after(at - before.at)}</tspan>`}</text></g>
`
}

function eventsOf({ certificate, ocsp, signedAt, timestamp, proof }: Report): readonly Event[] {
  const witnessed = proof?.witnesses?.map(({ at }) => at).toSorted()[0]
  const all: readonly (readonly [string | undefined, string, Event['kind']])[] = [
    [certificate?.notBefore, 'certificate begins', 'validity'],
    [ocsp?.thisUpdate, 'not revoked', 'proven'],
    [signedAt, 'signed, as claimed', 'claimed'],
    [timestamp?.genTime, 'time-stamped', 'proven'],
    [proof?.record?.at, 'recorded', 'claimed'],
    [witnessed, 'witnessed', 'proven'],
    [certificate?.notAfter, 'certificate ends', 'validity'],
  ]
  const events = all.flatMap(([time, label, kind]) => {
    const at = time === undefined ? Number.NaN : Date.parse(time)
    return Number.isNaN(at) ? [] : [{ at, label, kind }]
  })
  return events.toSorted((a, b) => a.at - b.at)
}

function after(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 120) return `${Math.round(seconds * 10) / 10} s later`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min later`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h later` : `${Math.round(seconds / 86_400)} days later`
}

function iso(at: number): string {
  return new Date(at).toISOString().replace(/(\.000)?Z$/, ' UTC')
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
