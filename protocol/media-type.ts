// Content-Type values (RFC 2045 §5.1, RFC 9110 §8.3.1), read strictly.
import { ProtocolError } from './error.ts'
import type { HeaderList } from './multipart.ts'

/**
 * A Content-Type taken apart: lower-case type, parameters by lower-case name (RFC 2045 §5.1).
 *
 * @throws ProtocolError `invalid_content_type`: bad syntax, or a parameter given twice.
 */
export function mediaType(contentType: string): { type: string; parameters: ReadonlyMap<string, string> } {
  // Most parts of a message between servers say no more.
  if (BARE.test(contentType)) return { type: contentType, parameters: NONE }
  const match = TYPE.exec(contentType)
  if (match === null) throw unreadable(contentType)
  const parameters = new Map<string, string>()
  let rest = contentType.slice(match[0].length)
  while (rest.trim() !== '') {
    const parameter = PARAMETER.exec(rest)
    if (parameter === null) throw unreadable(contentType)
    rest = rest.slice(parameter[0].length)
    const [, name, quoted, token] = parameter
    if (name === undefined) continue // an empty parameter: `;;` and a trailing `;` occur in the wild
    if (parameters.has(name.toLowerCase())) throw unreadable(contentType)
    parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? token ?? '')
  }
  return { type: (match[1] ?? '').toLowerCase(), parameters }
}

/** The Content-Type with that parameter, set or replaced; all else as written. `value` is a token. Throws as {@link mediaType}. */
export function withParameter(contentType: string, name: string, value: string): string {
  if (!mediaType(contentType).parameters.has(name)) return `${contentType.replace(/[;\s]+$/, '')}; ${name}=${value}`
  let written = TYPE.exec(contentType)?.[0] ?? ''
  for (let rest = contentType.slice(written.length); rest !== ''; ) {
    const parameter = PARAMETER.exec(rest)
    if (parameter === null) return written + rest // white space at the end
    rest = rest.slice(parameter[0].length)
    written += parameter[1]?.toLowerCase() === name ? `; ${name}=${value}` : parameter[0]
  }
  return written
}

const CONTENT_TYPE = 'content-type'

/**
 * The Content-Type among the headers of a part.
 *
 * @throws ProtocolError `mime_parsing_failed` when it is given twice: two readers would see two types.
 */
export function contentTypeIn(headers: HeaderList): string | undefined {
  let found: string | undefined
  for (const [name, value] of headers) {
    if (name.length !== CONTENT_TYPE.length || name.toLowerCase() !== CONTENT_TYPE) continue
    if (found !== undefined)
      throw new ProtocolError('mime_parsing_failed', 'The multipart message is broken: a part has two types')
    found = value
  }
  return found
}

const BARE = /^[!#$%&'*+\-.^_`|~0-9a-z]+(?:\/[!#$%&'*+\-.^_`|~0-9a-z]+)+$/
const NONE: ReadonlyMap<string, string> = new Map()
/** One slash or more: X-Road's own signature type has two. */
const TYPE = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)+)\s*(?=;|$)/
/** White space has one place at a time, or a long run of it would be tried in all. */
const PARAMETER = /^\s*;\s*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"\s*|([^\s";]+)\s*)?)?(?=;|$)/

function unreadable(contentType: string): ProtocolError {
  return new ProtocolError('invalid_content_type', `Content-Type cannot be read: ${contentType.slice(0, 200)}`)
}
