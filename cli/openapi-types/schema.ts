// A JSON Schema, as OpenAPI 3.0 and 3.1 have it, as a TypeScript type. What TypeScript cannot say (patterns, ranges) is left out.
import { CliError } from '../error.ts'
import { resolved, schemaName } from './references.ts'
import { block, comment, isObject, type Json, key, quoted } from './text.ts'

/** Schemas inside schemas: people write some ten. */
const MAX_DEPTH = 60
/** Schemas of one document: the largest public ones have some ten thousand. */
const MAX_SCHEMAS = 200_000

export interface SchemaWriter {
  /** The type of a schema. Throws CliError `unreadable` beyond the bounds. */
  type(schema: unknown): string
}

export function schemaWriter(document: Json): SchemaWriter {
  let count = 0

  function type(schema: unknown, depth: number): string {
    count += 1
    if (depth > MAX_DEPTH || count > MAX_SCHEMAS)
      throw new CliError('unreadable', `the document has too many schemas, or they are nested deeper than ${MAX_DEPTH}`)
    if (!isObject(schema)) return schema === false ? 'never' : 'unknown'
    const reference = schema['$ref']
    if (typeof reference === 'string') return referred(schema, reference, depth)
    const parts = [own(schema, depth), ...combined(schema, depth)].filter((part) => part !== undefined)
    const whole = parts.length === 0 ? 'unknown' : intersection(parts)
    return schema['nullable'] === true ? union([whole, 'null']) : whole
  }

  function referred(schema: Json, reference: string, depth: number): string {
    const name = schemaName(reference)
    const target = resolved(document, schema)
    if (name !== undefined && target !== undefined) return `components['schemas'][${quoted(name)}]`
    return target === undefined ? 'unknown' : type(target, depth + 1)
  }

  /** What the schema says itself, undefined when it only combines others. */
  function own(schema: Json, depth: number): string | undefined {
    if (schema['const'] !== undefined) return literal(schema['const'])
    if (Array.isArray(schema['enum'])) return union(schema['enum'].map(literal))
    const named = [schema['type'] ?? implied(schema)].flat().filter((name) => typeof name === 'string')
    return named.length === 0 ? undefined : union(named.map((name) => ofType(name, schema, depth)))
  }

  function ofType(name: string, schema: Json, depth: number): string {
    switch (name) {
      case 'string':
      case 'boolean':
      case 'null':
        return name
      case 'integer':
      case 'number':
        return 'number'
      case 'array':
        return array(schema, depth)
      case 'object':
        return object(schema, depth)
      default:
        return 'unknown'
    }
  }

  function array(schema: Json, depth: number): string {
    const items = type(schema['items'], depth + 1)
    if (!Array.isArray(schema['prefixItems'])) return `${bracketed(items)}[]`
    const first = schema['prefixItems'].map((item) => type(item, depth + 1))
    return `[${[...first, ...(schema['items'] === false ? [] : [`...${bracketed(items)}[]`])].join(', ')}]`
  }

  function object(schema: Json, depth: number): string {
    const properties = isObject(schema['properties']) ? Object.entries(schema['properties']) : []
    const required = new Set(Array.isArray(schema['required']) ? schema['required'] : [])
    const members = properties.map(([name, property]) => {
      const about = isObject(property) ? comment(property['description']) : ''
      return `${about}${key(name)}${required.has(name) ? '' : '?'}: ${type(property, depth + 1)}`
    })
    const more = schema['additionalProperties']
    if (properties.length === 0) {
      if (more === false) return 'Record<string, never>'
      return `{ [key: string]: ${isObject(more) ? type(more, depth + 1) : 'unknown'} }`
    }
    // The type of an index must hold for the named properties too, so beside them it can only be wide.
    return block(isObject(more) || more === true ? [...members, '[key: string]: unknown'] : members)
  }

  function* combined(schema: Json, depth: number): Generator<string> {
    const all = schema['allOf']
    if (Array.isArray(all)) for (const part of all) yield type(part, depth + 1)
    for (const either of [schema['oneOf'], schema['anyOf']])
      if (Array.isArray(either)) yield union(either.map((part) => type(part, depth + 1)))
  }

  return { type: (schema) => type(schema, 0) }
}

function implied(schema: Json): string | undefined {
  if (isObject(schema['properties']) || schema['additionalProperties'] !== undefined) return 'object'
  return schema['items'] === undefined && schema['prefixItems'] === undefined ? undefined : 'array'
}

function literal(value: unknown): string {
  if (typeof value === 'string') return quoted(value)
  return typeof value === 'number' || typeof value === 'boolean' || value === null ? String(value) : 'unknown'
}

function union(types: readonly string[]): string {
  const each = [...new Set(types)]
  if (each.length === 0) return 'never'
  return each.includes('unknown') ? 'unknown' : each.join(' | ')
}

function intersection(types: readonly string[]): string {
  const each = [...new Set(types)].filter((type) => type !== 'unknown')
  if (each.length < 2) return each[0] ?? 'unknown'
  return each.map(bracketed).join(' & ')
}

/** Between brackets where an operator would bind otherwise. Quoted text may hold the characters too: then they are harmless. */
function bracketed(type: string): string {
  return /[|&]/.test(type) ? `(${type})` : type
}
