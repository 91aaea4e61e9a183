// YAML as it is read here: 1.2 in its core schema, which knows no timestamps and no merge keys, in time that grows with the text.
import type * as yaml from 'yaml'
import { reasonOf } from './error.ts'
import { load } from './lazy.ts'

/** What a text says, or why it says nothing; warnings are of tags and directives that mean nothing here. */
export type YamlReading =
  | { readonly value: unknown; readonly warnings: readonly string[] }
  | { readonly faults: readonly string[]; readonly warnings: readonly string[] }

/** Reads one document. Keys that are there twice are faults, aliases are counted against bombs; never throws for a text. */
export function readYaml(text: string): YamlReading {
  const { LineCounter, parseDocument, visit } = load<typeof yaml>('yaml')
  const lines = new LineCounter()
  // `uniqueKeys` compares every key with every other one of its map: a text of nothing but keys would stop the process.
  const document = parseDocument(text, { version: '1.2', schema: 'core', uniqueKeys: false, lineCounter: lines })
  const warnings = document.warnings.map(firstLine)
  const faults = document.errors.map(firstLine)
  if (faults.length > 0) return { faults, warnings }
  try {
    visit(document, {
      Map(_, map) {
        for (const fault of repeated(map, lines)) faults.push(fault)
      },
    })
    if (faults.length > 0) return { faults, warnings }
    return { value: document.toJS({ maxAliasCount: 100 }), warnings }
  } catch (cause) {
    return { faults: [firstLine(cause)], warnings }
  }
}

function repeated(map: yaml.YAMLMap, lines: yaml.LineCounter): string[] {
  const seen = new Set<string>()
  const faults: string[] = []
  for (const { key } of map.items) {
    // As they are in the object that is made: 1 and '1' are the same.
    const name = String(key)
    if (seen.has(name)) faults.push(`the key ${name.slice(0, 100)} is there twice${placeOf(key, lines)}`)
    seen.add(name)
  }
  return faults
}

function placeOf(key: unknown, lines: yaml.LineCounter): string {
  const [start] = (key as Partial<yaml.Node> | null)?.range ?? []
  return start === undefined ? '' : ` at line ${lines.linePos(start).line}`
}

function firstLine(error: unknown): string {
  return reasonOf(error).split('\n')[0] ?? ''
}
