// Types of a service from its OpenAPI 3 document: `paths` and `components`, in the shape that `saadik/client` and openapi-fetch read.
import { CliError } from '../error.ts'
import { resolved } from './references.ts'
import { type SchemaWriter, schemaWriter } from './schema.ts'
import { block, comment, isObject, type Json, key, objectsOf, quoted } from './text.ts'

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']

/** Throws CliError `unreadable` for what is no OpenAPI 3 document, or beyond the bounds. `source` is named in the first line. */
export function typesOf(document: unknown, source: string): string {
  if (!isObject(document) || !isObject(document['paths']) || !/^3\.\d/.test(String(document['openapi'])))
    throw new CliError('unreadable', `${source} is not an OpenAPI 3 document`)
  const schemas = schemaWriter(document)
  const { title, version } = isObject(document['info']) ? document['info'] : {}
  const paths = Object.entries(document['paths']).flatMap(([path, item]) => {
    const operations = pathItem(document, schemas, resolved(document, item))
    return operations.length === 0 ? [] : [`${quoted(path)}: ${block(operations)}`]
  })
  const components = isObject(document['components']) ? document['components']['schemas'] : undefined
  const named = Object.entries(isObject(components) ? components : {}).map(
    ([name, schema]) =>
      `${isObject(schema) ? comment(schema['description']) : ''}${key(name)}: ${schemas.type(schema)}`,
  )
  return [
    comment(
      `${String(title ?? 'A service')} ${String(version ?? '')}: types by \`saadik types ${source}\`. Not edited, but made again.`,
    ),
    `export interface paths ${block(paths)}\n\n`,
    `export interface components ${block([`schemas: ${block(named)}`])}\n`,
  ].join('')
}

function pathItem(document: Json, schemas: SchemaWriter, item: Json | undefined): string[] {
  if (!item) return []
  const shared = objectsOf(item['parameters'])
  return METHODS.flatMap((method) => {
    const operation = item[method]
    if (!isObject(operation)) return []
    const about = comment(operation['summary'] ?? operation['description'])
    const members = [
      `parameters: ${parameters(document, schemas, [...shared, ...objectsOf(operation['parameters'])])}`,
      ...requestBody(document, schemas, operation['requestBody']),
      `responses: ${responses(document, schemas, operation['responses'])}`,
    ]
    return [`${about}${method}: ${block(members)}`]
  })
}

interface Parameter {
  readonly place: string
  readonly needed: boolean
  readonly member: string
}

function parameters(document: Json, schemas: SchemaWriter, given: readonly Json[]): string {
  // Those of the operation come later and count instead of those of the path.
  const named = new Map<string, Parameter>()
  for (const each of given) {
    const { in: place, name, required, description, schema, content } = resolved(document, each) ?? {}
    if (typeof name !== 'string' || typeof place !== 'string') continue
    const first = isObject(content) ? Object.values(content).find(isObject) : undefined
    const needed = required === true || place === 'path'
    const member = `${comment(description)}${key(name)}${needed ? '' : '?'}: ${schemas.type(schema ?? first?.['schema'])}`
    named.set(`${place} ${name}`, { place, needed, member })
  }
  const members = ['path', 'query', 'header'].flatMap((place) => {
    const here = [...named.values()].filter((parameter) => parameter.place === place)
    if (here.length === 0) return []
    return [`${place}${here.some(({ needed }) => needed) ? '' : '?'}: ${block(here.map(({ member }) => member))}`]
  })
  return members.length === 0 ? 'Record<never, never>' : block(members)
}

function requestBody(document: Json, schemas: SchemaWriter, given: unknown): string[] {
  const body = resolved(document, given)
  if (!body) return []
  return [
    `requestBody${body['required'] === true ? '' : '?'}: ${block([contentOf(schemas, body) ?? 'content: unknown'])}`,
  ]
}

function responses(document: Json, schemas: SchemaWriter, given: unknown): string {
  const members = Object.entries(isObject(given) ? given : {}).flatMap(([status, each]) => {
    const response = resolved(document, each)
    if (!response || !/^(?:[1-5](?:\d\d|XX)|default)$/.test(status)) return []
    return [
      `${comment(response['description'])}${key(status)}: ${block([contentOf(schemas, response) ?? 'content?: never'])}`,
    ]
  })
  return block(members)
}

function contentOf(schemas: SchemaWriter, { content }: Json): string | undefined {
  if (!isObject(content)) return undefined
  const types = Object.entries(content).map(
    ([type, media]) => `${quoted(type)}: ${schemas.type(isObject(media) ? media['schema'] : undefined)}`,
  )
  return types.length === 0 ? undefined : `content: ${block(types)}`
}
