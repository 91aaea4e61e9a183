// An OpenAPI description without the host of its service (PR-MREST §5, wire-client §4.3): of every server only the path is left, unless its
// address has variables, which are there for the reader to fill in.
import type * as yaml from 'yaml'
import { MAX_YAML } from '../services/index.ts'
import { replaceStrings } from './json-strings.ts'

/**
 * Only addresses change; every other byte stays.
 *
 * @throws Error saying what is wrong with the description.
 */
export async function hideServers(bytes: Uint8Array, json: boolean): Promise<Uint8Array> {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  return Buffer.from(json ? hideInJson(text) : await hideInYaml(text))
}

/** Where OpenAPI 3 has servers: at the root, at a path, at an operation of it (OpenAPI 3.1 §4.8). `*` is any key. */
const PLACES = [['servers'], ['paths', '*', 'servers'], ['paths', '*', '*', 'servers']]

/** The path of an address with a host, as written, without its query; other addresses name no host and stay. */
function pathOf(address: string): string {
  if (/\{.*\}/s.test(address)) return address
  return /^\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?\/\/[^/?#]*([^?#]*)/.exec(address)?.[1]?.trimEnd() ?? address
}

function checkVersion(version: unknown): void {
  if (typeof version !== 'string' || !version.startsWith('3.'))
    throw new Error('it is not an OpenAPI description of version 3')
}

function hideInJson(text: string): string {
  let version: unknown
  const hidden = replaceStrings(text, (path, value) => {
    if (path.length === 1 && path[0] === 'openapi') version = value
    return isServerUrl(path) ? pathOf(value) : value
  })
  checkVersion(version)
  return hidden
}

function isServerUrl(path: readonly string[]): boolean {
  if (path.at(-1) !== 'url' || path.at(-2) !== '[]') return false
  const place = path.slice(0, -2)
  return PLACES.some(
    (names) =>
      names.length === place.length &&
      names.every((name, index) => name === place[index] || (name === '*' && place[index] !== '[]')),
  )
}

async function hideInYaml(text: string): Promise<string> {
  if (text.length > MAX_YAML) throw new Error(`it is YAML over ${MAX_YAML} characters`)
  const { isAlias, isMap, isScalar, isSeq, parseDocument } = await import('yaml')
  const document = parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: false })
  const [fault] = document.errors
  if (fault !== undefined) throw new Error(fault.message.split('\n')[0])
  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node)
  const nodesAt = (from: unknown, place: readonly string[]): readonly unknown[] => {
    const [key, ...rest] = place
    const node = resolved(from)
    if (key === undefined) return [node]
    if (!isMap(node)) return []
    return node.items
      .filter((item) => key === '*' || (isScalar(item.key) && item.key.value === key))
      .flatMap((item) => nodesAt(item.value, rest))
  }
  checkVersion(nodesAt(document.contents, ['openapi']).map((node) => (isScalar(node) ? node.value : undefined))[0])
  const found = new Set<yaml.Scalar<string>>()
  for (const servers of PLACES.flatMap((place) => nodesAt(document.contents, place))) {
    for (const server of isSeq(servers) ? servers.items : [])
      for (const url of nodesAt(server, ['url']))
        if (isScalar<string>(url) && typeof url.value === 'string') found.add(url)
  }
  return replaced(text, [...found])
}

/** Every scalar in its place, double-quoted: what JSON writes is YAML. */
function replaced(text: string, scalars: readonly yaml.Scalar<string>[]): string {
  let written = ''
  let copied = 0
  const placed = scalars.map(({ value, range }) => ({ value, start: range?.[0] ?? 0, end: range?.[1] ?? 0 }))
  for (const { value, start, end } of placed.toSorted((one, other) => one.start - other.start)) {
    const path = pathOf(value)
    if (path === value) continue
    // A block scalar ends with the line break that separates it from what follows.
    const lineBreak = text.slice(start, end).endsWith('\n') ? '\n' : ''
    written += `${text.slice(copied, start)}${JSON.stringify(path)}${lineBreak}`
    copied = end
  }
  return written + text.slice(copied)
}
