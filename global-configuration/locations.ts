// Where a configuration may be downloaded from, and in which order that is tried (wire-conf §2.6).
import type { Anchor, SharedParameters } from '#protocol'
import type { Certificate } from '#trust'

export interface Location {
  /** As it stands; without a `version` parameter the version is negotiated. */
  readonly url: string
  /** Whose keys are believed there. */
  readonly certificates: readonly Certificate[]
}

/**
 * Every location: those that the configuration at hand names first, then the anchor's; in each group https before http, and in
 * each of these in random order, so that the country's servers spread over the sources. An http URL is tried as https too.
 *
 * Unlike the reference's, an anchor with https URLs only can be used: they stand for themselves.
 */
export function locationsOf(anchor: Anchor, known: SharedParameters | undefined): readonly Location[] {
  const locations = new Map<string, Location>()
  for (const location of [...spread(sourcesOf(anchor, known)), ...spread(anchor.sources)]) {
    const before = locations.get(location.url)
    const certificates = [...new Set([...(before?.certificates ?? []), ...location.certificates])]
    locations.set(location.url, { url: location.url, certificates })
  }
  return [...locations.values()]
}

/** `http://<address>/<dir>` of each source, `dir` being what the anchor asks for. */
function sourcesOf(anchor: Anchor, known: SharedParameters | undefined): readonly Location[] {
  const urls = anchor.sources.map(({ url }) => new URL(url))
  const url = urls.find(({ protocol }) => protocol === 'http:') ?? urls[0]
  if (url === undefined || known === undefined) return []
  const { protocol, pathname } = url
  return known.sources
    .map(({ address, internal, external }) => ({
      url: `${protocol}//${address}${pathname}`,
      certificates:
        pathname === '/internalconf' ? internal : pathname === '/externalconf' ? external : [...internal, ...external],
    }))
    .filter((location) => URL.canParse(location.url) && location.certificates.length > 0)
}

function spread(locations: readonly Location[]): readonly Location[] {
  const plain = locations.filter(({ url }) => url.startsWith('http:'))
  const secured = [
    ...locations.filter(({ url }) => url.startsWith('https:')),
    ...plain.map(({ url, certificates }) => ({ url: url.replace(/^http:/, 'https:'), certificates })),
  ]
  return [...shuffled(secured), ...shuffled(plain)]
}

function shuffled<T>(items: readonly T[]): T[] {
  const drawn = [...items]
  for (let last = drawn.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    const [a, b] = [drawn[last], drawn[other]]
    if (a !== undefined && b !== undefined) {
      drawn[last] = b
      drawn[other] = a
    }
  }
  return drawn
}

/** A source that failed is tried after the others for a while, twice as long each time, at most this long. */
const MAX_BACKOFF_MS = 600_000
const FIRST_BACKOFF_MS = 30_000

/** Remembers which locations work, between the downloads of one instance. */
export class LocationMemory {
  #good: string | undefined
  readonly #failures = new Map<string, { readonly count: number; readonly until: number }>()

  /** The one that worked last, the untried, then those that failed, the earliest to be forgiven first: nothing is left out. */
  order(locations: readonly Location[], at: Date): readonly Location[] {
    const rank = ({ url }: Location): number => {
      if (url === this.#good) return -1
      const until = this.#failures.get(url)?.until ?? 0
      return until > at.getTime() ? until : 0
    }
    return locations.toSorted((a, b) => rank(a) - rank(b))
  }

  worked(url: string): void {
    this.#good = url
    this.#failures.delete(url)
  }

  failed(url: string, at: Date): void {
    if (this.#good === url) this.#good = undefined
    const count = (this.#failures.get(url)?.count ?? 0) + 1
    const wait = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (count - 1))
    this.#failures.set(url, { count, until: at.getTime() + wait })
  }
}
