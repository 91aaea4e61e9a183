// Namespace declarations in scope while plain XML is read (Namespaces in XML 1.0 §6).
import { XMLNS } from './xml-tree.ts'

const XML = 'http://www.w3.org/XML/1998/namespace'
/** Declarations are searched one by one, and plain documents have few in scope. */
const MAX_DECLARATIONS = 32

/** A declaration; those outside it, and before it on the same element, follow. */
export interface Scope {
  readonly prefix: string
  readonly uri: string
  readonly outer: Scope | undefined
  readonly size: number
}

export const OUTERMOST: Scope = { prefix: 'xml', uri: XML, outer: undefined, size: 0 }

/** The scope with one declaration more; `prefix` '' is the default. Undefined: not allowed, or not so plain that it is judged here. */
export function declare(outer: Scope, prefix: string, uri: string): Scope | undefined {
  const reserved = prefix === 'xml' || prefix === 'xmlns' || uri === XML || uri === XMLNS
  if (reserved || (prefix !== '' && uri === '') || uri !== uri.trim() || outer.size >= MAX_DECLARATIONS)
    return undefined
  return { prefix, uri, outer, size: outer.size + 1 }
}

/** The namespace of a prefix; undefined when it is not declared. */
export function resolve(scope: Scope, prefix: string): string | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) if (at.prefix === prefix) return at.uri
  return prefix === '' ? '' : undefined
}
