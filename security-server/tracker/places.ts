// Where persons' codes stand in a request, compiled once for each service: values out of path, query, JSON and XML.
import { decodeServicePath, isElement, type RestRequestHead, textOf, type XmlElement } from '#protocol'

/** Beyond it a request is about too many to be told one by one. */
export const MAX_PERSONS = 5000

/** The segments that a path must have; `*` any one, `**` any that follow. */
export interface PathPlace {
  readonly method: string | undefined
  readonly segments: readonly string[]
  /** Which of them is the person's. */
  readonly person: number
  /** As it is shown: `GET /persons/{person}`. */
  readonly shown: string
}

export function compilePath(written: string): PathPlace {
  const [path = '', method] = written.split(/ +/).reverse()
  const segments = path.slice(1).split('/')
  return { method: method?.toUpperCase(), segments, person: segments.indexOf('{person}'), shown: path }
}

/** The value in a path, undefined where the path is another. Segments are compared as they are meant, not as they are escaped. */
export function inPath({ method, segments, person }: PathPlace, head: RestRequestHead): string | undefined {
  if (method !== undefined && method !== head.method) return undefined
  const path = decodeServicePath(head.servicePath)
  const open = segments.at(-1) === '**'
  const fixed = open ? segments.slice(0, -1) : segments
  if (open ? path.length < fixed.length : path.length !== fixed.length) return undefined
  const same = fixed.every((segment, at) => segment === '*' || segment === '{person}' || segment === path[at])
  return same ? path[person] : undefined
}

/** Every value of a parameter. */
export function inQuery(name: string, head: RestRequestHead): readonly string[] {
  return new URLSearchParams(head.query ?? '').getAll(name)
}

/** Texts and numbers at a JSON pointer (RFC 6901), in which `*` stands for every element of an array. */
export function inJson(pointer: string, document: unknown): readonly string[] {
  let values: readonly unknown[] = [document]
  for (const escaped of pointer.slice(1).split('/')) {
    const token = escaped.replaceAll('~1', '/').replaceAll('~0', '~')
    values = values.flatMap((value) => {
      if (Array.isArray(value)) return token === '*' ? value : /^\d{1,9}$/.test(token) ? [value[Number(token)]] : []
      const held = typeof value === 'object' && value !== null && Object.hasOwn(value, token)
      return held ? [(value as Record<string, unknown>)[token]] : []
    })
    if (values.length > MAX_PERSONS) throw new RangeError(`${values.length} values are too many`)
  }
  return values.flatMap((value) =>
    typeof value === 'string' ? [value] : typeof value === 'number' ? [`${value}`] : [],
  )
}

/** Texts of the elements on a path of local names within an element. */
export function inXml(path: string, content: XmlElement): readonly string[] {
  let elements: readonly XmlElement[] = [content]
  for (const name of path.split('/'))
    elements = elements.flatMap(({ children }) => children.filter(isElement).filter(({ local }) => local === name))
  if (elements.length > MAX_PERSONS) throw new RangeError(`${elements.length} elements are too many`)
  return elements.map(textOf)
}
