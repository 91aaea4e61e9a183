// What an OpenAPI 3 description says about a service: its address and its endpoints (OpenAPI 3.1 §4.8). Everything else in
// it is for people and for clients of the service.
import { readYaml } from '#host'
import { compilePattern, type EndpointPattern } from '#protocol'
import { ServicesError } from './error.ts'

export interface Description {
  /** Base address: the first server, resolved against the address of the description. */
  readonly url: string
  /** In the order of the description. */
  readonly endpoints: readonly EndpointPattern[]
}

/** As in the reference (wire-client §8). */
const MAX_LENGTH = 10 * 1024 * 1024
/** YAML takes a second of reading and two hundred megabytes for each of its own. */
export const MAX_YAML = 2 * 1024 * 1024
const MAX_ENDPOINTS = 10_000
const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const

/**
 * Reads a description in JSON or YAML.
 *
 * @param source Its address.
 * @throws ServicesError `invalid_description`
 */
export async function readDescription(text: string, source: string): Promise<Description> {
  if (text.length > MAX_LENGTH) throw refused(`the description is over ${MAX_LENGTH} characters`)
  const root = asObject(parse(text))
  const version = root?.['openapi']
  if (root === undefined || typeof version !== 'string')
    throw refused('not an OpenAPI description: it has no version in `openapi`')
  if (!/^3\.\d+\.\d+/.test(version)) throw refused(`OpenAPI ${version} is not supported, only 3`)
  return { url: baseAddress(root['servers'], source), endpoints: endpointsOf(asObject(root['paths'] ?? {})) }
}

function parse(text: string): unknown {
  try {
    if (/^\s*\{/.test(text)) return JSON.parse(text)
  } catch {
    // YAML may begin with a brace too.
  }
  if (text.length > MAX_YAML) throw refused(`it is YAML over ${MAX_YAML} characters`)
  const reading = readYaml(text)
  if ('faults' in reading) throw refused(`neither JSON nor YAML: ${reading.faults[0]}`)
  return reading.value
}

function baseAddress(servers: unknown, source: string): string {
  const first = Array.isArray(servers) ? asObject(servers[0]) : undefined
  const template = typeof first?.['url'] === 'string' ? first['url'] : '/'
  const variables = asObject(first?.['variables'] ?? {}) ?? {}
  const written = template.replace(/\{([^{}]+)\}/g, (whole, name: string) => {
    const fallback = asObject(variables[name])?.['default']
    return typeof fallback === 'string' ? fallback : whole
  })
  if (/[{}]/.test(written) || !URL.canParse(written, source))
    throw refused(`the server address ${template} cannot be resolved; give url`)
  const { href } = new URL(written, source)
  return href
}

function endpointsOf(paths: Readonly<Record<string, unknown>> | undefined): EndpointPattern[] {
  if (paths === undefined) throw refused('`paths` is not an object')
  const endpoints: EndpointPattern[] = []
  for (const [template, item] of Object.entries(paths)) {
    if (template.startsWith('x-')) continue
    const operations = asObject(item)
    if (operations === undefined) throw refused(`the path ${template} is not an object`)
    if ('$ref' in operations) throw refused(`the path ${template} is a reference, which is not followed`)
    for (const method of METHODS) {
      if (operations[method] === undefined) continue
      endpoints.push({ method: method.toUpperCase(), path: patternOf(template) })
      if (endpoints.length > MAX_ENDPOINTS) throw refused(`over ${MAX_ENDPOINTS} endpoints`)
    }
  }
  for (const endpoint of endpoints) checkPattern(endpoint)
  return endpoints
}

/**
 * `{name}` becomes `*`, also two of them side by side (`**` would cross slashes); escapes are decoded, because patterns match
 * decoded paths; what a pattern would read as a wildcard is escaped.
 */
function patternOf(template: string): string {
  if (!template.startsWith('/')) throw refused(`the path ${template} does not begin with a slash`)
  let pattern = ''
  let afterWildcard = false
  for (const [index, piece] of template.split(/(\{[^/{}]*\})/).entries()) {
    if (piece === '') continue
    const wildcard = index % 2 === 1
    if (!wildcard) pattern += decoded(piece, template).replace(/[*\\]/g, '\\$&')
    else if (!afterWildcard) pattern += '*'
    afterWildcard = wildcard
  }
  return pattern
}

function decoded(piece: string, template: string): string {
  try {
    return piece.split('/').map(decodeURIComponent).join('/')
  } catch (cause) {
    throw refused(`the path ${template} has a broken escape`, cause)
  }
}

function checkPattern(endpoint: EndpointPattern): void {
  try {
    compilePattern(endpoint)
  } catch (cause) {
    throw refused((cause as Error).message, cause)
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function refused(what: string, cause?: unknown): ServicesError {
  return new ServicesError(
    'invalid_description',
    `OpenAPI description refused: ${what}`,
    cause === undefined ? {} : { cause },
  )
}
