import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { ConfigurationError, readConfigurationDirectory } from '#global-configuration'
import { parseAnchor } from '#protocol'
import { needsVectors, vector, vectorPath } from '../../vectors.ts'
import { testKey } from '../protocol/configuration/keys.ts'
import { bench } from './bench.ts'
import { sharedOf } from './source.ts'

const key = testKey('internalSigningKey')
const expiresAt = new Date('2030-01-01T00:10:00Z')
const failed = (error: unknown) => error instanceof ConfigurationError && error.code === 'download_failed'

test('a configuration is downloaded, verified and laid out as X-Road does (wire-conf §2.7)', async (t) => {
  const { open, source, directory } = await bench(t)
  const central = await source()
  const parts = await central.publish({ key, expiresAt })
  const client = await open(central.anchor(key))
  const current = client.current()
  assert.equal(current?.instance, 'ZZ')
  assert.equal(current?.version, 6)
  assert.equal(current?.private?.timestampingIntervalSeconds, 60)
  assert.equal(client.status().source, central.url)
  assert.equal(client.status().lastError, undefined)
  assert.equal(readFileSync(join(directory, 'instance-identifier'), 'utf8'), 'ZZ')
  assert.deepEqual(readdirSync(join(directory, 'ZZ')).sort(), [
    'private-params.xml',
    'private-params.xml.metadata',
    'shared-params.xml',
    'shared-params.xml.metadata',
  ])
  assert.deepEqual(JSON.parse(readFileSync(join(directory, 'ZZ', 'shared-params.xml.metadata'), 'utf8')), {
    contentIdentifier: 'SHARED-PARAMETERS',
    instanceIdentifier: 'ZZ',
    expirationDate: '2030-01-01T00:10:00Z',
    contentLocation: parts['SHARED-PARAMETERS'],
    configurationVersion: '6',
  })
  assert.deepEqual(
    readFileSync(join(directory, 'ZZ', 'shared-params.xml')),
    central.files.get(parts['SHARED-PARAMETERS'] ?? ''),
  )
  const read = await readConfigurationDirectory(directory)
  assert.equal(read.expiresAt.getTime(), expiresAt.getTime())
  assert.equal(read.shared.servers.length, 2)
  assert.deepEqual(current?.file(), { directory })
})

test('the newest version that the source has is taken, and asked for directly from then on', async (t) => {
  const { open, source } = await bench(t)
  const central = await source()
  await central.publish({ key, expiresAt, version: 4 })
  const client = await open(central.anchor(key))
  assert.equal(client.current()?.version, 4)
  const asked = () => central.requests.filter((path) => path.startsWith('/internalconf'))
  assert.deepEqual(
    asked(),
    ['6', '5', '4'].map((version) => `/internalconf?version=${version}`),
  )
  central.requests.length = 0
  await client.refresh()
  assert.deepEqual(asked(), ['/internalconf?version=4'])
  // Parts that did not change are not fetched again.
  assert.equal(central.requests.length, 1)
  // The version is gone: it is negotiated again at once.
  central.files.delete('/internalconf?version=4')
  await central.publish({ key, expiresAt, version: 5 })
  await client.refresh()
  assert.equal(client.current()?.version, 5)
})

test("version 2 is taken when there is no other; a version in the anchor is the anchor's", async (t) => {
  const { open, source } = await bench(t)
  const central = await source()
  await central.publish({ key, expiresAt, version: 2 })
  await central.publish({ key, expiresAt, version: 3 })
  const fixed = central.anchor(key)
  const client = await open({
    ...fixed,
    sources: fixed.sources.map((each) => ({ ...each, url: `${each.url}?version=2` })),
  })
  assert.equal(client.current()?.version, 2)
  assert.ok(central.requests.every((path) => !path.includes('version=3')))
  central.files.delete('/internalconf?version=3')
  assert.equal((await open(central.anchor(key))).current()?.version, 2)
})

test('dead, failing and lying sources fall over to the next, and are asked last afterwards', async (t) => {
  const { open, source } = await bench(t)
  const [good, failing, lying, stranger, dead] = await Promise.all([source(), source(), source(), source(), source()])
  await good.publish({
    key,
    expiresAt,
    shared: {
      sources: [good, failing, lying, stranger, dead].map(({ address }) => ({
        address,
        internal: [key.certificate],
        external: [],
      })),
    },
  })
  failing.status = 503
  lying.files.set('/internalconf?version=6', Buffer.from('Content-Type: text/html\r\n\r\n<h1>It works</h1>'))
  await stranger.publish({ key: testKey('somebody'), expiresAt })
  await dead.close()
  const all = [dead, failing, lying, stranger, good]
  const client = await open({
    instance: 'ZZ',
    sources: all.map(({ url }) => ({ url, certificates: [key.certificate] })),
  })
  assert.equal(client.status().source, good.url)
  assert.equal(client.current()?.instance, 'ZZ')
  for (const each of all) each.requests.length = 0
  await client.refresh()
  assert.equal(good.requests.length, 1)
  assert.deepEqual(
    all.filter((each) => each !== good).flatMap(({ requests }) => requests),
    [],
  )
  // The good one ends too: everything is tried, nothing is believed, and every one is named.
  await good.close()
  await assert.rejects(client.refresh(), failed)
  for (const { url } of all) assert.ok(client.status().lastError?.includes(url))
  assert.equal(client.current()?.instance, 'ZZ')
})

test("sources that the configuration names are used when the anchor's are gone", async (t) => {
  const { open, source } = await bench(t)
  const [first, second] = await Promise.all([source(), source()])
  const sources = [first, second].map(({ address }) => ({ address, internal: [key.certificate], external: [] }))
  for (const each of [first, second]) await each.publish({ key, expiresAt, shared: { sources } })
  const client = await open(first.anchor(key))
  await first.close()
  await client.refresh()
  assert.equal(client.status().source, second.url)
})

for (const [name, bend] of Object.entries<(files: Map<string, Uint8Array>, path: string) => void>({
  'a part that was tampered with': (files, path) => {
    const text = Buffer.from(files.get(path) ?? []).toString()
    files.set(path, Buffer.from(text.replace('ss-a.example.org', 'ss-evil.example.org')))
  },
  'a part that is not there': (files, path) => void files.delete(path),
  'a part that is empty': (files, path) => void files.set(path, Buffer.alloc(0)),
})) {
  test(`${name} is refused, and nothing of that generation is kept`, async (t) => {
    const { open, source, directory } = await bench(t)
    const central = await source()
    await central.publish({ key, expiresAt })
    const client = await open(central.anchor(key))
    const before = client.current()
    const file = () => readFileSync(join(directory, 'ZZ', 'private-params.xml'))
    const kept = file()
    const parts = await central.publish({
      key,
      expiresAt,
      shared: { ocspFreshnessSeconds: 1 },
      private: { timestampingIntervalSeconds: 1 },
    })
    bend(central.files, parts['SHARED-PARAMETERS'] ?? '')
    await assert.rejects(client.refresh(), failed)
    assert.equal(client.current(), before)
    assert.deepEqual(file(), kept)
    assert.ok(client.status().lastError)
    await central.publish({ key, expiresAt, shared: { ocspFreshnessSeconds: 1 } })
    await client.refresh()
    assert.equal(client.current()?.shared.ocspFreshnessSeconds, 1)
    assert.equal(client.status().lastError, undefined)
  })
}

test('parts lie where the directory lies; another server is not asked for them', async (t) => {
  const { open, source } = await bench(t)
  const [central, elsewhere] = await Promise.all([source(), source()])
  await central.publish({ key, expiresAt, location: `http://${elsewhere.address}/FILE` })
  const client = await open(central.anchor(key))
  assert.equal(client.current(), undefined)
  assert.deepEqual(elsewhere.requests, [])
})

test('parameters of another instance than the part names are refused', async (t) => {
  const { open, source } = await bench(t)
  const central = await source()
  await central.publish({ key, expiresAt, shared: sharedOf('YY') })
  assert.equal((await open(central.anchor(key))).current(), undefined)
  await central.publish({ key, expiresAt, private: { instance: 'YY' } })
  assert.equal((await open(central.anchor(key))).current(), undefined)
})

test("a directory of another instance than the anchor's is refused", async (t) => {
  const { open, source } = await bench(t)
  const central = await source()
  await central.publish({ key, expiresAt, instance: 'YY', shared: sharedOf('YY') })
  const client = await open(central.anchor(key))
  assert.equal(client.current(), undefined)
  assert.match(client.status().lastError ?? '', /no shared parameters of ZZ/)
})

test('optional parts are read; one that cannot be read means its default, and is named', async (t) => {
  const { open, source, directory } = await bench(t)
  const central = await source()
  const conf = (inside: string) => `<x:conf xmlns:x="http://x-road.eu/xsd/xroad.xsd">${inside}</x:conf>`
  await central.publish({
    key,
    expiresAt,
    more: [
      ['FETCHINTERVAL', conf('<ocspFetchInterval>5</ocspFetchInterval>')],
      ['NEXTUPDATE', conf('<verifyNextUpdate>false</verifyNextUpdate>')],
      ['FOO', 'anything'],
    ],
  })
  const client = await open(central.anchor(key))
  // Below the minimum counts as the minimum (wire-conf §3.5).
  assert.equal(client.current()?.ocspFetchIntervalSeconds, 60)
  assert.equal(client.current()?.trust.verifyNextUpdate, false)
  assert.ok(existsSync(join(directory, 'ZZ', 'foo.xml')))
  await central.publish({ key, expiresAt, more: [['NEXTUPDATE', conf('<verifyNextUpdate>no</verifyNextUpdate>')]] })
  await client.refresh()
  assert.equal(client.current()?.ocspFetchIntervalSeconds, 1200)
  assert.equal(client.current()?.trust.verifyNextUpdate, true)
  assert.equal(client.status().omissions?.length, 1)
  assert.equal(existsSync(join(directory, 'ZZ', 'foo.xml')), false)
})

test('listeners hear of what is new, not of a new expiry', async (t) => {
  const made = await bench(t)
  const central = await made.source()
  await central.publish({ key, expiresAt })
  const client = await made.open(central.anchor(key))
  const heard: number[] = []
  client.onChange(() => {
    throw new Error('a listener that fails')
  })
  const end = client.onChange(({ shared }) => heard.push(shared.ocspFreshnessSeconds))
  await central.publish({ key, expiresAt: new Date('2030-01-01T00:20:00Z') })
  await client.refresh()
  assert.equal(client.current()?.expiresAt.toISOString(), '2030-01-01T00:20:00.000Z')
  assert.deepEqual(heard, [])
  await central.publish({ key, expiresAt, shared: { ocspFreshnessSeconds: 7 } })
  await client.refresh()
  assert.deepEqual(heard, [7])
  // It had expired: that there is a valid one again is news, whatever it says.
  made.now = new Date('2030-01-01T01:00:00Z')
  await central.publish({ key, expiresAt: new Date('2030-01-01T02:00:00Z'), shared: { ocspFreshnessSeconds: 7 } })
  await client.refresh()
  assert.deepEqual(heard, [7, 7])
  end()
  await central.publish({ key, expiresAt: new Date('2030-01-01T02:00:00Z') })
  await client.refresh()
  assert.deepEqual(heard, [7, 7])
})

test('an anchor that cannot be used stops the start', async (t) => {
  const { open, source } = await bench(t)
  const central = await source()
  await assert.rejects(
    open({ ...central.anchor(key), sources: [] }),
    (error) => error instanceof ConfigurationError && error.code === 'anchor_unusable',
  )
})

for (const [name, anchorFile, folder, at, version] of [
  [
    'version 6 of a real central server',
    'globalconf/configuration_anchor_CS_internal.xml',
    'globalconf/signed',
    '2026-11-25T00:00:00Z',
    6,
  ],
  [
    'the recorded configuration',
    'recorded/signed-configuration/anchor.xml',
    'recorded/signed-configuration',
    '2026-11-24T00:00:00Z',
    6,
  ],
] as const) {
  test(`the reference's own: ${name} is downloaded with its own anchor`, async (t) => {
    if (!needsVectors(t)) return
    const made = await bench(t)
    const central = await made.source()
    made.now = new Date(at)
    const root = vectorPath(folder)
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (file.endsWith('.xml')) central.files.set(`/${file}`, vector(folder, file))
      if (file.endsWith('internalconf')) central.files.set(`/internalconf?version=${version}`, vector(folder, file))
    }
    // The one file that is not signed: the anchor's address becomes this one's.
    const [source] = parseAnchor(vector(anchorFile)).sources
    assert.ok(source)
    const { instance } = parseAnchor(vector(anchorFile))
    const client = await made.open({ instance, sources: [{ ...source, url: central.url }] })
    assert.equal(client.status().lastError, undefined)
    assert.equal(client.current()?.version, version)
    assert.equal(client.current()?.shared.servers.length, 2)
    assert.equal(client.current()?.private?.instance, instance)
  })
}
