// The data tracker as server.yaml writes it: where persons' codes stand in a service's requests, and to whom the tracker answers.
import { parseClientId } from '#protocol'
import type { ServiceContext } from './document-checks.ts'
import { readRights } from './document-rights.ts'
import type { ClientInput, TrackerInput } from './document-schema.ts'
import type { PersonPlace, ServiceEntry, TrackerRules } from './model.ts'
import { OWN_CODES } from './own-codes.ts'

const PLACES = ['path', 'query', 'json', 'xml'] as const
const SOAP_PLACES: ReadonlySet<string> = new Set(['xml'])
const PATH = /^(?:[A-Za-z]+[ ]+)?\/[^?#\s]*$/
const POINTER = /^(?:\/(?:[^/~]|~[01])*)+$/
const ELEMENTS = /^[^/\s]+(?:\/[^/\s]+)*$/

/** @param path Of the key `tracker`. @param soap Whether the service is called by SOAP. */
export function readTracker(
  input: TrackerInput | undefined,
  path: string,
  soap: boolean,
  context: ServiceContext,
): TrackerRules | undefined {
  if (input === undefined) return undefined
  const { faults, tracked } = context
  if (!tracked) faults.add(path, 'needs a tracker of the client, to which persons are answered')
  const person = input.person.flatMap((place, index): PersonPlace[] => {
    const where = `${path}.person[${index}]`
    const given = PLACES.filter((name) => place[name] !== undefined)
    const [name, ...more] = given
    if (name === undefined || more.length > 0) {
      faults.add(where, 'needs exactly one of path, query, json and xml')
      return []
    }
    if (SOAP_PLACES.has(name) !== soap)
      faults.add(`${where}.${name}`, soap ? 'a SOAP service has persons in xml' : 'is for a SOAP service')
    const value = place[name] ?? ''
    const wrong = faultOf(name, value)
    if (wrong !== undefined) faults.add(`${where}.${name}`, wrong)
    return [{ [name]: value } as unknown as PersonPlace]
  })
  const { code, basis, showUser } = input
  if (code !== undefined) faults.attempt(`${path}.code`, () => new RegExp(code, 'u'))
  const secret = input.secret.flatMap((rule, index) => {
    const where = `${path}.secret[${index}]`
    if (rule.client === undefined && rule.basis === undefined) {
      faults.add(where, 'needs a client or a basis')
      return []
    }
    const { client: written, basis } = rule
    const client = written === undefined ? undefined : faults.attempt(`${where}.client`, () => parseClientId(written))
    return [{ ...(client && { client }), ...(basis === undefined ? {} : { basis }) }]
  })
  return { person, basis, showUser, secret, ...(code === undefined ? {} : { code }) }
}

function faultOf(name: (typeof PLACES)[number], value: string): string | undefined {
  switch (name) {
    case 'path': {
      if (!PATH.test(value)) return `'${value}' is not [METHOD] /path`
      const captures = value.split('/').filter((segment) => segment === '{person}').length
      if (captures !== 1) return 'needs {person} as one segment'
      return value.slice(0, -2).includes('**') ? '** stands at the end only' : undefined
    }
    case 'json':
      return POINTER.test(value) ? undefined : `'${value}' is no JSON pointer`
    case 'xml':
      return ELEMENTS.test(value) ? undefined : `'${value}' is not a path of element names`
    case 'query':
      return undefined
  }
}

/** The service that answers persons; the server has it in place of an address. */
export function trackerService(
  input: NonNullable<ClientInput['tracker']>,
  path: string,
  context: ServiceContext,
): ServiceEntry {
  return {
    code: OWN_CODES.tracker,
    type: 'OPENAPI3',
    title: 'Data tracker',
    url: '',
    timeoutSeconds: 0,
    tls: 'none',
    endpoints: [
      { method: 'GET', path: '/persons/*/uses' },
      { method: 'GET', path: '/statistics' },
    ],
    rights: input.access.flatMap((entry, index) => readRights(entry, `${path}.access[${index}]`, context)),
  }
}
