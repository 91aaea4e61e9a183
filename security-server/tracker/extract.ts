// Whom a request is about, and what they are told of it, by the rules of its service. Runs before the request is logged, so that what it finds is
// durable with the record; whatever goes wrong here is told and counted, and never keeps a request from its service.
import { belongsTo } from '#evidence'
import {
  isElement,
  mediaType,
  type RestRequestHead,
  type SoapMessage,
  soapQuestion,
  textOf,
  type XmlElement,
} from '#protocol'
import type { TrackedFacts } from '../message-log/index.ts'
import type { TrackerRules } from '../services/index.ts'
import { compilePath, inJson, inPath, inQuery, inXml, MAX_PERSONS, type PathPlace } from './places.ts'

/** Of a JSON body that is looked into. */
export const MAX_JSON_BYTES = 1024 * 1024
const MAX_CODE = 200
const MAX_TEXT = 1000
/** The legal basis in the header of a SOAP message, as `Saadik-Legal-Basis` is in that of a REST one. */
const NAMESPACE = 'urn:saadik:data-tracker:1'
const BASIS_ELEMENT = 'legalBasis'
const BASIS_HEADER = 'saadik-legal-basis'
const ISSUE_HEADER = 'x-road-issue'

export type TrackedRequest =
  | {
      readonly kind: 'rest'
      readonly head: RestRequestHead
      /** The body, undefined where there is none. Throws RangeError where it is longer than so many octets. */
      readonly body: (most: number) => Promise<Uint8Array | undefined>
    }
  | { readonly kind: 'soap'; readonly message: SoapMessage }

/** Undefined where the request is about nobody that the rules can find. Throws RangeError for one that cannot be looked into. */
export async function extract(request: TrackedRequest, rules: TrackerRules): Promise<TrackedFacts | undefined> {
  const compiled = compiledOf(rules)
  const found =
    request.kind === 'rest'
      ? await inRest(request, compiled)
      : { values: inSoap(request.message, compiled), operation: undefined }
  const persons = [...new Set(found.values.flatMap((value) => codeOf(value, compiled.code)))]
  if (persons.length === 0) return undefined
  if (persons.length > MAX_PERSONS) throw new RangeError(`It is about ${persons.length} persons`)
  const basis = basisOf(request, rules.basis)
  const { client, userId } = request.kind === 'rest' ? request.head : request.message
  const secret = rules.secret.some(
    (rule) =>
      (rule.client === undefined || belongsTo(rule.client, client)) &&
      (rule.basis === undefined || rule.basis === basis),
  )
  return {
    persons,
    ...(found.operation === undefined ? {} : { operation: found.operation }),
    ...(basis === undefined ? {} : { basis }),
    ...(rules.showUser && userId !== undefined && userId !== '' ? { user: userId.slice(0, MAX_TEXT) } : {}),
    ...(secret ? { secret } : {}),
  }
}

interface Compiled {
  readonly paths: readonly PathPlace[]
  readonly queries: readonly string[]
  readonly pointers: readonly string[]
  readonly elements: readonly string[]
  readonly code: RegExp | undefined
}

/** Rules never change; a document that is applied brings others. */
const known = new WeakMap<TrackerRules, Compiled>()

function compiledOf(rules: TrackerRules): Compiled {
  let compiled = known.get(rules)
  if (compiled === undefined) {
    const of = <K extends string>(name: K) =>
      rules.person.flatMap((place) => (name in place ? [(place as Record<K, string>)[name]] : []))
    compiled = {
      paths: of('path').map(compilePath),
      queries: of('query'),
      pointers: of('json'),
      elements: of('xml'),
      code: rules.code === undefined ? undefined : new RegExp(rules.code, 'u'),
    }
    known.set(rules, compiled)
  }
  return compiled
}

async function inRest(
  { head, body }: Extract<TrackedRequest, { readonly kind: 'rest' }>,
  { paths, queries, pointers }: Compiled,
): Promise<{ readonly values: readonly string[]; readonly operation: string | undefined }> {
  const values: string[] = []
  let shown = ''
  for (const place of paths) {
    const value = inPath(place, head)
    if (value === undefined) continue
    values.push(value)
    if (shown === '') shown = place.shown
  }
  for (const name of queries) values.push(...inQuery(name, head))
  if (pointers.length > 0) {
    const bytes = await body(MAX_JSON_BYTES)
    const document = bytes && jsonIn(bytes, head)
    for (const pointer of pointers) values.push(...inJson(pointer, document))
  }
  return { values, operation: shown === '' ? head.method : `${head.method} ${shown}` }
}

/**
 * Services read JSON whatever the Content-Type says, so it is looked for. What is wrong with a body is not said with pieces of it: they would stand in
 * the server's log.
 */
function jsonIn(bytes: Uint8Array, { headers }: RestRequestHead): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    const type = headers.findLast(([name]) => name.toLowerCase() === 'content-type')?.[1]
    if (type !== undefined && /^application\/(?:[^;]+\+)?json$/.test(mediaType(type).type))
      throw new RangeError('Its body is not JSON')
    return undefined
  }
}

function inSoap(message: SoapMessage, { elements }: Compiled): readonly string[] {
  const content = soapQuestion(message)
  return elements.flatMap((path) => inXml(path, content))
}

/** The code in what stands there; none where it does not look like one. */
function codeOf(value: string, code: RegExp | undefined): readonly string[] {
  const text = value.trim()
  if (text === '' || text.length > MAX_CODE) return []
  if (code === undefined) return [text]
  const match = code.exec(text)
  const found = match?.[1] ?? match?.[0] ?? ''
  return found === '' ? [] : [found]
}

function basisOf(request: TrackedRequest, names: readonly string[]): string | undefined {
  for (const name of names) {
    const text = request.kind === 'rest' ? headerOf(request.head, name) : elementOf(request.message, name)
    if (text !== undefined && text.trim() !== '') return text.trim().slice(0, MAX_TEXT)
  }
  return undefined
}

function headerOf({ headers }: RestRequestHead, wanted: string): string | undefined {
  return headers.find(([name]) => name.toLowerCase() === wanted.toLowerCase())?.[1]
}

function elementOf(message: SoapMessage, wanted: string): string | undefined {
  switch (wanted.toLowerCase()) {
    case ISSUE_HEADER:
      return message.issue
    case BASIS_HEADER: {
      // Up from what is asked to the envelope.
      const envelope = soapQuestion(message).parent?.parent
      const header = envelope?.children.filter(isElement).find(({ local }) => local === 'Header')
      const element = header?.children.filter(isElement).find(isBasis)
      return element && textOf(element)
    }
    default:
      return undefined
  }
}

function isBasis({ local, namespace }: XmlElement): boolean {
  return local === BASIS_ELEMENT && namespace === NAMESPACE
}
