// What can be called in the demo, once as data: `demo status --json` shows it, the first message sends it, README prints it.
import { CUSTOMS, EMBASSY, INTERIOR, idOf, type Layout, PORTS, type ServerLayout } from './layout.ts'

export interface Call {
  readonly name: string
  readonly method: 'GET' | 'PUT'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly expect: { readonly status: number; readonly contentType?: string; readonly json?: object }
}

/** Persons of the register that is the same everywhere (test/unit/demo pins them). */
const ONE = '38203190108'
const ANOTHER = '39003070106'

/** The calls, the first message first. All can be made again and again with the same outcome. */
export function callsOf(layout: Layout): readonly [Call, ...Call[]] {
  const service = `r1/${idOf(INTERIOR, 'population-register')}/persons`
  const from = (member: typeof CUSTOMS) =>
    `http://${(layout.servers.find(({ owner }) => owner === member) as ServerLayout).host}:${PORTS.client}/${service}`
  const customs = { 'X-Road-Client': idOf(CUSTOMS, 'client') }
  const json = 'application/json; charset=utf-8'
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
    ...(method === 'GET' ? [] : ['-X', method]),
    ...more,
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `'${name}: ${value}'`]),
    ...(body === undefined ? [] : ['-d', `'${body}'`]),
    `'${url}'`,
  ]
  return words.join(' ')
}
