// A search as the parameters of a URL: each is read for what it is, and nothing else is.
import assert from 'node:assert/strict'
import test from 'node:test'
import { readParameters, type SearchQuery } from '../../../../security-server/message-log/index.ts'
import { code } from './fixture.ts'

const MEMBER = { instance: 'DEMO', memberClass: 'GOV', memberCode: '1' }

const READ: readonly (readonly [string, SearchQuery])[] = [
  ['', {}],
  ['id=a%20b&requestId=c', { id: 'a b', requestId: 'c' }],
  [
    'from=2026-03-01T12:00:00Z&to=2026-03-01T12:00%2B02:00',
    { from: new Date('2026-03-01T12:00Z'), to: new Date('2026-03-01T10:00Z') },
  ],
  ['client=DEMO/GOV/1', { client: MEMBER }],
  ['provider=DEMO/GOV/1/a%252Fb', { provider: { ...MEMBER, subsystemCode: 'a/b' } }],
  ['member=DEMO/GOV/1/s', { member: { ...MEMBER, subsystemCode: 's' } }],
  ['service=DEMO/GOV/1/s/get', { service: { ...MEMBER, subsystemCode: 's', serviceCode: 'get' } }],
  [
    'service=DEMO/GOV/1/s/get/v1',
    { service: { ...MEMBER, subsystemCode: 's', serviceCode: 'get', serviceVersion: 'v1' } },
  ],
  ['service=DEMO/GOV/1//get', { service: { ...MEMBER, serviceCode: 'get' } }],
  ['userId=EE1&issue=i&text=abc', { userId: 'EE1', issue: 'i', text: 'abc' }],
  ['side=consumer&direction=response&protocol=soap', { side: 'consumer', direction: 'response', protocol: 'soap' }],
  ['order=oldest&cursor=x&limit=7', { order: 'oldest', cursor: 'x', limit: 7 }],
]

for (const [text, query] of READ)
  test(`?${text}`, () => assert.deepEqual(readParameters(new URLSearchParams(text)), query))

for (const text of [
  'queryId=x',
  '__proto__=x',
  'id=',
  'id=a&id=b',
  'from=2026-03-01',
  'from=2026-03-01T12:00:00',
  'from=2026-13-01T12:00:00Z',
  'from=yesterday',
  'client=DEMO/GOV',
  'client=DEMO/GOV/1/s/more',
  'client=DEMO/GOV/%251',
  'service=DEMO/GOV/1/s',
  'service=DEMO/GOV/1/s/',
  'service=DEMO/GOV/1/s/a/b/c',
  'side=both',
  'limit=-1',
  'limit=1e3',
  'limit=9999999',
  'owner=DEMO/GOV/1',
  'scope=DEMO/GOV/1',
])
  test(`?${text} is refused`, () =>
    assert.throws(() => readParameters(new URLSearchParams(text)), code('invalid_query')))
