// `$ref` inside one document (RFC 6901 pointers). References into other files are not followed: nobody sends those files.
import { isObject, type Json } from './text.ts'

/** What a reference names, through further references; undefined when that is nothing of this document. */
export function resolved(document: Json, value: unknown): Json | undefined {
  const seen = new Set<unknown>()
  let found: unknown = value
  while (isObject(found) && typeof found['$ref'] === 'string') {
    if (seen.has(found)) return undefined
    seen.add(found)
    found = at(document, found['$ref'])
  }
  return isObject(found) ? found : undefined
}

function at(document: Json, reference: string): unknown {
  if (!reference.startsWith('#/')) return undefined
  let found: unknown = document
  for (const part of reference.slice(2).split('/')) {
    const name = unescaped(part)
    if (name === undefined || typeof found !== 'object' || found === null || !Object.hasOwn(found, name))
      return undefined
    found = (found as Json)[name]
  }
  return found
}

function unescaped(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch {
    return undefined
  }
}

/** The name in `#/components/schemas/NAME`; undefined for every other reference. */
export function schemaName(reference: string): string | undefined {
  const part = /^#\/components\/schemas\/([^/]+)$/.exec(reference)?.[1]
  return part === undefined ? undefined : unescaped(part)
}
