// What can be called in the demo, once as data: `demo status --json` shows it, the first message sends it, README prints it.
import { CUSTOMS, EMBASSY, INTERIOR, idOf, LAND_BOARD, type Layout, PORTS, type ServerLayout } from './layout.ts'
import { soapMessage } from './soap-call.ts'

export interface Call {
  readonly name: string
  readonly method: 'GET' | 'PUT' | 'POST'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly expect: {
    readonly status: number
    readonly contentType?: string
    /** Part of the answer, if that is JSON. */
    readonly json?: object
    /** Each stands in the answer somewhere, if that is SOAP; with an attachment it is a multipart. */
    readonly includes?: readonly string[]
  }
}

/** Persons of the register that is the same everywhere (test/unit/demo pins them). */
const ONE = '38203190108'
const ANOTHER = '39003070106'
/** Half of it is the other person's. */
const PROPERTY = '15101:102:0082'

const SOAP = {
  population: {
    client: [CUSTOMS, 'client'],
    provider: [INTERIOR, 'population-register'],
    namespace: 'urn:demo:population-register',
  },
  land: {
    client: [CUSTOMS, 'client'],
    provider: [LAND_BOARD, 'land-register'],
    namespace: 'urn:demo:land-register',
  },
} as const

/** The calls, the first message first. All can be made again and again with the same outcome. */
export function callsOf(layout: Layout): readonly [Call, ...Call[]] {
  const at = (member: typeof CUSTOMS) =>
    `http://${(layout.servers.find(({ owner }) => owner === member) as ServerLayout).host}:${PORTS.client}`
  const service = `r1/${idOf(INTERIOR, 'population-register')}/persons`
  const from = (member: typeof CUSTOMS) => `${at(member)}/${service}`
  const customs = { 'X-Road-Client': idOf(CUSTOMS, 'client') }
  const json = 'application/json; charset=utf-8'
  const soap = (
    name: string,
    [provider, operation, field, value]: readonly [keyof typeof SOAP, string, string, string],
    ...includes: readonly string[]
  ): Call => ({
    name,
    method: 'POST',
    url: `${at(CUSTOMS)}/`,
    headers: { 'Content-Type': 'text/xml' },
    body: soapMessage(SOAP[provider], operation, [field, value], `try-${operation}`),
    expect: { status: 200, includes: [`:${operation}Response`, ...includes] },
  })
  const address = { street: 'Pikk 61', postalCode: '10133', municipality: 'Tallinn', county: 'Harju maakond' }
  return [
    {
      name: 'search persons',
      method: 'GET',
      url: `${from(CUSTOMS)}/persons?name=tamm&birthYear=1984`,
      headers: customs,
      expect: { status: 200, contentType: json, json: { total: 3, page: 1 } },
    },
    {
      name: 'one person',
      method: 'GET',
      url: `${from(CUSTOMS)}/persons/${ONE}`,
      headers: customs,
      expect: {
        status: 200,
        contentType: json,
        json: { personalCode: ONE, givenName: 'Sten', surname: 'Rebane', dateOfBirth: '1982-03-19' },
      },
    },
    {
      name: 'the photo of a person',
      method: 'GET',
      url: `${from(CUSTOMS)}/persons/${ONE}/photo`,
      headers: customs,
      expect: { status: 200, contentType: 'image/png' },
    },
    {
      name: 'update a person',
      method: 'PUT',
      url: `${from(CUSTOMS)}/persons/${ANOTHER}`,
      headers: { ...customs, 'Content-Type': 'application/json' },
      body: JSON.stringify({ givenName: 'Uku', surname: 'Nurk', address }),
      expect: { status: 200, contentType: json, json: { personalCode: ANOTHER, address } },
    },
    soap(
      'a property and its owners, over SOAP',
      ['land', 'findProperty', 'cadastralCode', PROPERTY],
      `<cadastralCode>${PROPERTY}</cadastralCode>`,
      '<owner><personalCode>39003070106</personalCode><givenName>',
    ),
    soap(
      'the properties of a person, over SOAP',
      ['land', 'listPropertiesOf', 'personalCode', ANOTHER],
      `<property><cadastralCode>${PROPERTY}</cadastralCode>`,
    ),
    soap(
      'the map of a property, over SOAP with MTOM',
      ['land', 'getMap', 'cadastralCode', PROPERTY],
      'href="cid:map"',
      'Content-ID: <map>',
    ),
    soap(
      'one person, over SOAP',
      ['population', 'getPerson', 'personalCode', ONE],
      '<givenName>Sten</givenName><surname>Rebane</surname>',
    ),
    soap(
      'the photo of a person, over SOAP with an attachment',
      ['population', 'getPhoto', 'personalCode', ONE],
      '<photo>cid:photo</photo>',
      'Content-Type: image/png',
    ),
    {
      name: 'a search that is not allowed to the embassy',
      method: 'GET',
      url: `${from(EMBASSY)}/persons?name=tamm`,
      headers: { 'X-Road-Client': idOf(EMBASSY, 'embassy') },
      expect: { status: 500, contentType: 'application/json', json: { type: 'server.serverproxy.access_denied' } },
    },
  ]
}

/** The call as a person types it. */
export function curl({ method, url, headers, body }: Call, more: readonly string[] = []): string {
  const words = [
    'curl',
    // A body makes it a POST.
    ...(method === 'PUT' ? ['-X', method] : []),
    ...more,
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `'${name}: ${value}'`]),
    ...(body === undefined ? [] : ['-d', `'${body}'`]),
    `'${url}'`,
  ]
  return words.join(' ')
}
