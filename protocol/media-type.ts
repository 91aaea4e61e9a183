// Content-Type values (RFC 2045 §5.1, RFC 9110 §8.3.1), read strictly.
import { ProtocolError } from './error.ts'

/**
 * A Content-Type taken apart: lower-case type, parameters by lower-case name (RFC 2045 §5.1).
 *
 * @throws ProtocolError `invalid_content_type`: bad syntax, or a parameter given twice.
 */
export function mediaType(contentType: string): { type: string; parameters: ReadonlyMap<string, string> } {
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

/** One slash or more: X-Road's own signature type has two. */
const TYPE = /^\s*([!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)+)\s*(?=;|$)/
const PARAMETER = /^\s*;\s*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";]*))\s*)?(?=;|$)/

function unreadable(contentType: string): ProtocolError {
  return new ProtocolError('invalid_content_type', `Content-Type cannot be read: ${contentType.slice(0, 200)}`)
}
