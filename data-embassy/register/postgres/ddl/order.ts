// In which order objects can be made: nothing before what it needs.
import type { Kind, RegisterObject } from './objects.ts'

/** Where nothing else decides: as a person would do it. */
const USUAL: readonly Kind[] = [
  ...([
    'schema',
    'extension',
    'enum',
    'domain',
    'composite',
    'range',
    'sequence',
    'function',
    'table',
    'view',
  ] as const),
  ...(['constraint', 'index', 'statistics', 'trigger', 'rule', 'policy'] as const),
]

/** Needs among the objects that are given; a circle is cut where the usual order cuts it. */
export function inOrder(objects: readonly RegisterObject[]): RegisterObject[] {
  const byName = new Map(objects.map((each) => [nameOf(each), each]))
  const usual = objects.toSorted(
    (one, other) => USUAL.indexOf(one.kind) - USUAL.indexOf(other.kind) || one.oid - other.oid,
  )
  const rank = new Map(usual.map((each, at) => [each, at]))
  const later = (one: RegisterObject, other: RegisterObject) => (rank.get(other) ?? 0) - (rank.get(one) ?? 0)
  const done = new Set<RegisterObject>()
  const ordered: RegisterObject[] = []
  // With a stack of its own: chains of views are longer than calls may be deep.
  for (const root of usual) {
    const stack: { readonly object: RegisterObject; readonly needs: RegisterObject[] }[] = []
    const enter = (object: RegisterObject) => {
      if (done.has(object)) return
      done.add(object)
      const needs = object.is.needs.flatMap(([kind, oid]) => byName.get(`${kind} ${oid}`) ?? [])
      stack.push({ object, needs: needs.toSorted(later) })
    }
    enter(root)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.needs.pop()
      if (next !== undefined) enter(next)
      else {
        ordered.push(top.object)
        stack.pop()
      }
    }
  }
  return ordered
}

function nameOf({ kind, oid }: RegisterObject): string {
  return `${kind} ${oid}`
}
