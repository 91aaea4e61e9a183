// Which paths a right covers, and which targets are acceptable at all. Paths are compared segment by segment after
// decoding, and what was compared is what is forwarded (wire-client §5.3–5.4; docs/divergences.md has what the reference does).
import { ProtocolError } from './error.ts'
import { fault } from './faults.ts'

/** A method and path pattern of a service: `{ method: 'GET', path: '/persons/*' }`. */
export interface EndpointPattern {
  /** An HTTP method, or `*` for any. */
  readonly method: string
  /** `*`: anything within a segment; `**`: anything; `\*` and `\\`: those characters. */
  readonly path: string
}

/** A service path decoded segment by segment; `''` decodes to none. */
export type DecodedPath = readonly string[]

const MAX_PATTERN = 1024
/** More wildcards than any API has; matching costs their number times the length of the path. */
const MAX_WILDCARDS = 32
const METHODS = /^(?:DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT|TRACE|\*)$/

/** RFC 3986 §3.3: a path segment. */
const SEGMENT = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})*$/

/**
 * Decodes what follows the service code in a request target.
 *
 * @param raw '' or a path that begins with `/`, as received.
 * @throws XRoadFault `server.serverproxy.access_denied` for whatever two readers may understand differently: dot segments,
 * escaped slashes, backslashes, question marks, number and percent signs, control characters, escapes that are not UTF-8.
 */
export function decodeServicePath(raw: string): DecodedPath {
  if (raw === '') return []
  if (!raw.startsWith('/')) throw ambiguous('does not begin with a slash')
  return raw.slice(1).split('/').map(decodeSegment)
}

function decodeSegment(segment: string): string {
  if (!SEGMENT.test(segment)) throw ambiguous('has a character that must be escaped')
  let decoded: string
  try {
    decoded = segment.includes('%') ? decodeURIComponent(segment) : segment
  } catch {
    throw ambiguous('has an escape that is not UTF-8')
  }
  // A percent sign would be an escape to a service that decodes twice.
  if (/[/\\?#%\p{Cc}]/u.test(decoded)) throw ambiguous('has an escaped separator, percent sign or control character')
  // Some servers take `..;x` for `..` (matrix parameters).
  if (/^\.{1,2}(?:;|$)/.test(decoded)) throw ambiguous('has a dot segment')
  return decoded
}

function ambiguous(what: string): Error {
  return fault('server.serverproxy', 'access_denied', `Request is not allowed: the path ${what}`)
}

/**
 * Compiles a pattern once; the result is asked for every request.
 *
 * @throws ProtocolError `invalid_endpoint`: unknown method, a path that does not begin with `/` or `**`, too long or with too many wildcards.
 */
export function compilePattern(pattern: EndpointPattern): (method: string, path: DecodedPath) => boolean {
  const method = pattern.method.toUpperCase()
  if (!METHODS.test(method))
    throw new ProtocolError('invalid_endpoint', `'${pattern.method}' is not an HTTP method or *`)
  const glob = compileGlob(pattern.path)
  return (asked, path) => (method === '*' || asked.toUpperCase() === method) && glob(path)
}

type Token = { readonly text: string } | 'within' | 'across'

/** The path is matched as one text; no decoded segment has a slash, so the text is unambiguous. */
function compileGlob(path: string): (path: DecodedPath) => boolean {
  if (path === '**') return () => true
  if (path.length > MAX_PATTERN) throw new ProtocolError('invalid_endpoint', 'The path pattern is too long')
  if (!/^(?:\/|\*\*)/.test(path))
    throw new ProtocolError('invalid_endpoint', `The path pattern '${path}' does not begin with / or **`)
  const tokens = tokenize(path)
  if (tokens.filter((token) => typeof token === 'string').length > MAX_WILDCARDS) {
    throw new ProtocolError('invalid_endpoint', `The path pattern '${path}' has over ${MAX_WILDCARDS} wildcards`)
  }
  return (decoded) => matches(tokens, decoded.map((segment) => `/${segment}`).join(''))
}

function tokenize(path: string): Token[] {
  const tokens: Token[] = []
  for (const [piece] of path.matchAll(/\\[*\\]|\*+|[^*\\]+|\\/g)) {
    if (piece.startsWith('*')) tokens.push(piece === '*' ? 'within' : 'across')
    else tokens.push({ text: piece.length === 2 && piece.startsWith('\\') ? piece.slice(1) : piece })
  }
  return tokens
}

/**
 * Which positions of the text are reachable after each token: linear in the text for each token, whatever the pattern, so
 * that no path makes matching slow.
 */
function matches(tokens: readonly Token[], text: string): boolean {
  let positions = new Set([0])
  for (const token of tokens) {
    const next = new Set<number>()
    for (const from of positions) {
      if (typeof token === 'object') {
        if (text.startsWith(token.text, from)) next.add(from + token.text.length)
        continue
      }
      for (let to = from; to <= text.length && !next.has(to); to++) {
        next.add(to)
        if (token === 'within' && text[to] === '/') break
      }
    }
    if (next.size === 0) return false
    positions = next
  }
  return positions.has(text.length)
}

/** Escapes that the reference's HTTP engine refuses in a path (wire-client §3.1.6): percent, backslash, control characters. */
const REFUSED_ESCAPE = /%(?:25|5C|[01][0-9A-F]|7F)/i
const QUERY = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9A-Fa-f]{2})*$/
const DOT_SEGMENT = /^(?:\.|%2e){1,2}$/i

/**
 * Whether a request target may enter at all: what the reference's listener takes (wire-client §3.1.6), and a query that its
 * provider side can parse. `/../` is let through as it is unless it leaves the root; whether it may be called is the
 * provider's decision.
 *
 * @param raw The target as received: path, and query after `?`.
 */
export function acceptableTarget(raw: string): boolean {
  const mark = raw.indexOf('?')
  const path = mark < 0 ? raw : raw.slice(0, mark)
  if (mark >= 0 && !QUERY.test(raw.slice(mark + 1))) return false
  if (!path.startsWith('/') || REFUSED_ESCAPE.test(path)) return false
  const segments = path.slice(1).split('/')
  let depth = 0
  for (const [index, segment] of segments.entries()) {
    if (!acceptableSegment(segment, index === segments.length - 1)) return false
    if (segment === '..') depth--
    else if (segment !== '.') depth++
    if (depth < 0) return false
  }
  return true
}

function acceptableSegment(segment: string, last: boolean): boolean {
  if (!SEGMENT.test(segment)) return false
  const [name = ''] = segment.split(';', 1)
  // An empty segment in the middle is `//`; with a parameter it is as ambiguous at the end.
  if (name === '') return last && segment === ''
  // Dots written plainly and alone are a matter of depth; escaped, or with a parameter, they are refused.
  if (DOT_SEGMENT.test(name) && (name.includes('%') || name !== segment)) return false
  if (!segment.includes('%')) return true
  try {
    decodeURIComponent(segment)
    return true
  } catch {
    return false
  }
}
