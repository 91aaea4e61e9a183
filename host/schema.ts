// What schemas say, for people and for exact types.
import type { z } from 'zod'

type Issue = z.core.$ZodIssue
type Path = readonly PropertyKey[]

/**
 * One line for each thing that a person has to change: `services[0].access: must be …`.
 *
 * @param whole What the value as a whole is called: `(file)`, `(document)`.
 */
export function schemaFaults(issues: readonly Issue[], whole: string): string[] {
  return issues.flatMap((issue) => faultsOf(issue, [], whole))
}

function faultsOf(issue: Issue, prefix: Path, whole: string): string[] {
  const path = [...prefix, ...issue.path]
  const at = shown(path, whole)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => `${shown([...path, key], whole)}: unknown key`)
    case 'invalid_union': {
      // Which form was meant is guessed: the one whose faults lie deepest is the one that matched longest.
      const forms = issue.errors.filter((form) => form.length > 0)
      const deepest = forms.toSorted((a, b) => depth(b) - depth(a) || a.length - b.length)[0]
      if (deepest === undefined) return [`${at}: ${issue.message}`]
      if (depth(deepest) > 0) return deepest.flatMap((inner) => faultsOf(inner, path, whole))
      return [`${at}: ${[...new Set(forms.flat().map((inner) => inner.message))].join(', or ')}`]
    }
    default:
      return [`${at}: ${issue.message}`]
  }
}

function depth(issues: readonly Issue[]): number {
  return Math.max(...issues.map((issue) => issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0)))
}

function shown(path: Path, whole: string): string {
  let text = ''
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`
    else text += text === '' ? String(step) : `.${String(step)}`
  }
  return text === '' ? whole : text
}

/** Without the keys whose value is undefined: zod says them of what is absent, `exactOptionalPropertyTypes` does not. */
export function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>
  }
}
