// A provider with a data tracker, and a citizens' portal that asks it: the pair of most tests with services whose requests are about persons.
import assert from 'node:assert/strict'
import { judgeAnswer, readAnswer, type TrackerAnswer, type TrackerReport } from '#evidence'
import type { SecurityServerStatus, TrackerCheckReport, TrackerStatus } from '#security-server/contract'
import { type Policy, parseVerifierKey, quorumPolicy } from '#transparency'
import { streamFrom } from '../../cli/control-stream.ts'
import { CLIENT, type Pair, type PairOptions, startPair } from './pair.ts'
import type { StateServer } from './state.ts'
import { until } from './traces.ts'

export const PORTAL_PATH = '/r1/TEST/GOV/1111/registry/saadikDataTracker'
export const PROVIDER = 'TEST/GOV/1111/registry'

const SECRET_BASIS = 'criminal procedure'

/** Uses of `items` by `CLIENT` are tracked; those with SECRET_BASIS are secret. Both CLIENT and whoever else `access` names ask the tracker. */
export function startTracked(options: PairOptions = {}): Promise<Pair> {
  const person = [
    { path: '/items/{person}' },
    { path: 'GET /status/{person}/**' },
    { query: 'code' },
    { json: '/persons/*/code' },
  ]
  return startPair({
    services: (url) => [
      {
        code: 'items',
        url,
        timeoutSeconds: 10,
        access: [{ subject: CLIENT }],
        tracker: { person, code: '^(?:EE)?(\\w{3,})$', secret: [{ basis: SECRET_BASIS }] },
      },
      { code: 'untracked', url, access: [{ subject: CLIENT }] },
      {
        wsdl: `${url}/soap.wsdl`,
        access: [{ subject: CLIENT }],
        tracker: { person: [{ xml: 'who/code' }], showUser: true },
      },
    ],
    providerClient: { tracker: { access: [{ subject: CLIENT }] } },
    ...options,
  })
}

export const SECRETLY = { 'Saadik-Legal-Basis': SECRET_BASIS }

/** States what was used so far. */
export async function stated(server: StateServer): Promise<TrackerStatus> {
  return await server.control.post<TrackerStatus>('/tracker/state', {})
}

export async function trackerStatus(server: StateServer): Promise<TrackerStatus> {
  return (await server.control.get<SecurityServerStatus>('/status')).tracker
}

/** What the portal is told, over the exchange. */
export async function askTracker(pair: Pair, path: string): Promise<Response> {
  return await fetch(`${pair.consumer.client}${PORTAL_PATH}${path}`, { headers: { 'X-Road-Client': CLIENT } })
}

/** All pages about a person. */
export async function answersAbout(
  pair: Pair,
  person: string,
  limit = 100,
): Promise<[TrackerAnswer, ...TrackerAnswer[]]> {
  const pages: TrackerAnswer[] = []
  for (let upTo = ''; ; ) {
    const response = await askTracker(pair, `/persons/${encodeURIComponent(person)}/uses?limit=${limit}${upTo}`)
    const text = await response.text()
    assert.equal(response.status, 200, text)
    const page = readAnswer(JSON.parse(text))
    pages.push(page)
    if (page.before.number === 0) return pages as [TrackerAnswer, ...TrackerAnswer[]]
    upTo = `&upTo=${page.before.number}`
  }
}

/** What the court is told. */
export async function secretAnswer(pair: Pair, person: string): Promise<TrackerAnswer> {
  const wanted = { provider: PROVIDER, person, map: 'secret' }
  return readAnswer(await pair.provider.control.post('/tracker/answer', wanted))
}

/** The log's own key, and no witness. */
export async function policyOf(server: StateServer): Promise<Policy> {
  const { transparency } = await server.control.get<SecurityServerStatus>('/status')
  return quorumPolicy(
    transparency.keys.map((key) => ({ key: parseVerifierKey(key) })),
    [],
    0,
  )
}

export async function judged(pair: Pair, pages: [TrackerAnswer, ...TrackerAnswer[]]): Promise<TrackerReport> {
  return await judgeAnswer(pages, await policyOf(pair.provider))
}

/** `chain:broken_chain`, of each check that failed. */
export function failures({ checks }: TrackerReport): string[] {
  return checks.flatMap((check) => (check.ok ? [] : [check.code ?? '']))
}

export async function checked(server: StateServer): Promise<TrackerCheckReport> {
  const answer = await streamFrom({ directory: server.directory, shown: server.code } as never, '/tracker/check', {})
  let text = ''
  for await (const chunk of answer) text += chunk
  return JSON.parse(text.trim().split('\n').at(-1) ?? '') as TrackerCheckReport
}

/** The tracker has looked at all that is logged now. */
export async function followed(server: StateServer): Promise<void> {
  const { messageLog } = await server.control.get<SecurityServerStatus>('/status')
  await until(async () => ((await trackerStatus(server)).records ?? 0) >= messageLog.records)
}
