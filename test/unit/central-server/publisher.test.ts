import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { sql } from 'kysely'
import type { Log } from '#host'
import { type ConfigurationVersion, verifySignedDirectory } from '#protocol'
import { anchorOf } from '../../../central-server/anchors.ts'
import { CentralServerError } from '../../../central-server/error.ts'
import { folderName, sweepGenerations } from '../../../central-server/publication/files.ts'
import { type Publisher, startPublisher } from '../../../central-server/publication/publisher.ts'
import { openRegistry } from '../../../central-server/registry/registry.ts'
import { openCentralStore } from '../../../central-server/registry/schema.ts'
import { signingKeys } from '../../../central-server/signing-keys.ts'
import { placeIn } from '../../stores.ts'
import { country, DeskSigner } from './country.ts'

const log: Log = { error() {}, warn() {}, info() {}, debug() {} }
const refused = (code: string) => (error: unknown) => error instanceof CentralServerError && error.code === code

async function desk(t: TestContext, minimumVersion: ConfigurationVersion = 2) {
  const directory = mkdtempSync(join(tmpdir(), 'saadik-central-'))
  const published = join(directory, 'public')
  const time = { now: new Date('2030-01-01T00:00:00.500Z') }
  const clock = { now: () => time.now }
  const desk = new DeskSigner()
  const { client: signer } = desk
  const store = openCentralStore(placeIn(directory, 'registry'))
  const registry = openRegistry(store.db, clock)
  const keys = signingKeys({ db: store.db, signer, clock, log, algorithm: 'EC-P256', expireSeconds: 600 })
  const start = (): Publisher =>
    startPublisher({
      registry,
      keys,
      signer,
      clock,
      log,
      directory: published,
      address: 'cs:8090',
      intervalSeconds: 3600,
      expireSeconds: 600,
      minimumVersion,
    })
  const publisher = start()
  t.after(async () => {
    await publisher.stop()
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const directoryOf = async (version: number, name = 'internalconf') =>
    verifySignedDirectory(
      readFileSync(join(published, `V${version}`, name)),
      (await keys.list()).map(({ certificate }) => certificate),
      time.now,
    )
  return { published, time, clock, desk, store, registry, keys, publisher, directoryOf }
}

test('every version is published for both sources, and says when it expires', async (t) => {
  const { registry, publisher, published, directoryOf } = await desk(t)
  await assert.rejects(publisher.publish(), refused('no_federation'))
  assert.equal(publisher.lastError, undefined)
  await registry.apply(country)
  const { expiresAt } = await publisher.publish()
  assert.equal(expiresAt.toISOString(), '2030-01-01T00:10:00.000Z')
  for (const version of [2, 3, 4, 5, 6]) {
    const directory = await directoryOf(version)
    assert.equal(directory.version, version)
    assert.equal(directory.expiresAt.getTime(), expiresAt.getTime())
    assert.equal(directory.parts.length, 5)
    for (const { location } of directory.parts) {
      assert.match(location, new RegExp(`^/V${version}/20300101000000500000000/[a-z-]+\\.xml$`))
      assert.ok(existsSync(join(published, location)))
    }
    assert.equal((await directoryOf(version, 'externalconf')).parts.length, 1)
  }
})

test('versions below the lowest are not published, and go when it is raised', async (t) => {
  const { registry, publisher, published, time } = await desk(t, 5)
  await registry.apply(country)
  await publisher.publish()
  assert.deepEqual(readdirSync(published).sort(), ['V5', 'V6'])
  await sweepGenerations(published, 6, time.now)
  assert.deepEqual(readdirSync(published), ['V6'])
})

test('generations older than ten minutes are removed, what nobody of us made stays', async (t) => {
  const { registry, publisher, published, time, directoryOf } = await desk(t, 6)
  await registry.apply(country)
  await publisher.publish()
  const folders = () => readdirSync(join(published, 'V6')).filter((name) => /^\d+$/.test(name)).length
  time.now = new Date('2030-01-01T00:10:00Z')
  await publisher.publish()
  assert.equal(folders(), 2)
  await mkdir(join(published, 'V6', 'note'))
  await writeFile(join(published, 'V6', '123'), '')
  time.now = new Date('2030-01-01T00:10:01Z')
  await publisher.publish()
  assert.equal(folders(), 3)
  assert.ok(existsSync(join(published, 'V6', 'note')) && existsSync(join(published, 'V6', '123')))
  assert.equal(
    (await directoryOf(6)).parts.every(({ location }) => existsSync(join(published, location))),
    true,
  )
})

test('a generation has a folder of its own, also in the same millisecond', async (t) => {
  const { registry, publisher, published } = await desk(t, 6)
  await registry.apply(country)
  await Promise.all([publisher.publish(), publisher.publish()])
  await publisher.publish()
  assert.equal(readdirSync(join(published, 'V6')).filter((name) => /^\d{23}$/.test(name)).length, 2)
  assert.equal(folderName(new Date('2030-12-31T23:59:59.007Z')), '20301231235959007000000')
})

test('a publication that fails leaves the last good one, is reported, and ends with its cause', async (t) => {
  const { registry, publisher, published, desk: signer } = await desk(t, 6)
  await registry.apply(country)
  await publisher.publish()
  const good = readFileSync(join(published, 'V6', 'internalconf'))
  signer.locked = true
  await registry.apply({ ...country, settings: { ocspFreshnessSeconds: 100 } })
  await assert.rejects(publisher.publish(), refused('publication_failed'))
  assert.match(publisher.lastError ?? '', /locked/)
  assert.deepEqual(readFileSync(join(published, 'V6', 'internalconf')), good)
  signer.locked = false
  await publisher.publish()
  assert.equal(publisher.lastError, undefined)
  assert.notDeepEqual(readFileSync(join(published, 'V6', 'internalconf')), good)
})

test('whoever asks while a publication is under way gets one that has his change', async (t) => {
  const { registry, publisher, published, directoryOf } = await desk(t, 6)
  await registry.apply(country)
  const under = publisher.publish()
  await registry.apply({ ...country, instance: 'ZZ', settings: { ocspFreshnessSeconds: 4242 } })
  await publisher.publish()
  await under
  const { parts } = await directoryOf(6)
  const shared = readFileSync(
    join(published, parts.find(({ contentIdentifier }) => contentIdentifier === 'SHARED-PARAMETERS')?.location ?? ''),
    'utf8',
  )
  assert.match(shared, /<ocspFreshnessSeconds>4242</)
})

test('applying is idempotent, all or nothing, and never changes the instance', async (t) => {
  const { registry, store } = await desk(t)
  assert.equal(await registry.facts(), undefined)
  assert.ok((await registry.apply(country)).length > 10)
  assert.deepEqual(await registry.apply(country), [])
  await assert.rejects(registry.apply({ ...country, instance: 'YY' }), refused('federation_invalid'))
  await assert.rejects(registry.apply({ ...country, members: [] }), refused('federation_invalid'))
  assert.equal((await registry.facts())?.of('member').length, 2)
  // Many at once: each compares with what the one before left.
  const renamed = (name: string) => ({ ...country, memberClasses: { ...country.memberClasses, GOV: name } })
  const changes = await Promise.all(['a', 'b', 'b', 'c'].map((name) => registry.apply(renamed(name))))
  assert.deepEqual(
    changes.map(({ length }) => length),
    [1, 1, 0, 1],
  )
  const history = await store.db.selectFrom('change').select('what').orderBy('seq', 'desc').limit(1).execute()
  assert.deepEqual(
    history.map(({ what }) => what),
    ['member class GOV changed: description'],
  )
})

test('the order of time-stamping authorities is kept; a store that knew none has them by name', async (t) => {
  const { registry } = await desk(t)
  const [tsa] = country.timestampingAuthorities ?? []
  assert.ok(tsa)
  const ordered = (...names: string[]) => ({
    ...country,
    timestampingAuthorities: names.map((name) => ({ ...tsa, name })),
  })
  const published = async () =>
    ((await registry.facts()) ?? assert.fail())
      .of('time-stamping authority')
      .map(([name, fact]) => [name, fact.position])
  await registry.apply(ordered('B', 'A'))
  assert.deepEqual(await published(), [
    ['A', 1],
    ['B', 0],
  ])
  assert.deepEqual(await registry.apply(ordered('A', 'B')), [
    'time-stamping authority A changed: position',
    'time-stamping authority B changed: position',
  ])

  // As the version before left it.
  const directory = mkdtempSync(join(tmpdir(), 'saadik-central-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const place = placeIn(directory, 'registry')
  const old = openCentralStore(place)
  await openRegistry(old.db, { now: () => new Date() }).apply(ordered('B', 'A'))
  for (const { kind, key, content } of await old.db.selectFrom('entry').selectAll().execute()) {
    const { position: _, ...before } = JSON.parse(content)
    const of = old.db.updateTable('entry').where('kind', '=', kind).where('key', '=', key)
    await of.set({ content: JSON.stringify(before) }).execute()
  }
  await sql`DELETE FROM migration WHERE name LIKE '002%'`.execute(old.db)
  await old.close()
  const opened = openCentralStore(place)
  t.after(() => opened.close())
  assert.deepEqual(await openRegistry(opened.db, { now: () => new Date() }).apply(ordered('A', 'B')), [])
})

test('a new key is listed at once and signs when every configuration without it has expired', async (t) => {
  const { registry, publisher, keys, time, directoryOf } = await desk(t, 6)
  await registry.apply(country)
  await publisher.publish()
  const [first] = (await keys.list()).filter(({ source }) => source === 'internal')
  assert.ok(first?.active && first.publishedAt)
  const { id } = await keys.add('internal')
  await assert.rejects(keys.activate(id, false), refused('key_refused'))
  await publisher.publish()
  await assert.rejects(keys.activate(id, false), refused('key_refused'))
  time.now = new Date(time.now.getTime() + 599_000)
  await assert.rejects(keys.activate(id, false), refused('key_refused'))
  time.now = new Date(time.now.getTime() + 2_000)
  const second = await keys.activate(id, false)
  assert.equal(second.active, true)
  await publisher.publish()
  assert.equal((await directoryOf(6)).certificate.sha256, second.certificate.sha256)
  assert.equal(
    (await directoryOf(6, 'externalconf')).certificate.sha256,
    (await keys.list()).find(({ source }) => source === 'external')?.certificate.sha256,
  )
  // The one that signs cannot go; the one that did can.
  await assert.rejects(keys.remove(id), refused('key_refused'))
  await keys.remove(first.id)
  assert.equal((await keys.list()).filter(({ source }) => source === 'internal').length, 1)
  await assert.rejects(keys.remove(first.id), refused('unknown_key'))
  await assert.rejects(keys.activate(first.id, true), refused('unknown_key'))
})

test('in an emergency a key signs at once', async (t) => {
  const { registry, publisher, keys, directoryOf } = await desk(t, 6)
  await registry.apply(country)
  await publisher.publish()
  const { id, certificate } = await keys.add('internal')
  await keys.activate(id, true)
  await publisher.publish()
  assert.equal((await directoryOf(6)).certificate.sha256, certificate.sha256)
})

test('two who find no keys make one of each', async (t) => {
  const { keys } = await desk(t)
  const [a, b] = await Promise.all([keys.ensure(), keys.ensure()])
  assert.equal((await keys.list()).length, 2)
  assert.deepEqual(a, b)
})

test('an anchor stays the same bytes until keys or address change', async (t) => {
  const { keys, store, clock, time } = await desk(t)
  const anchor = async (address = 'cs:8090') =>
    Buffer.from(
      await anchorOf('internal', { instance: 'ZZ', address, keys: await keys.ensure() }, { db: store.db, clock }),
    ).toString()
  const first = await anchor()
  assert.match(first, /<generatedAt>2030-01-01T00:00:00\.500Z</)
  time.now = new Date('2030-02-01T00:00:00Z')
  assert.equal(await anchor(), first)
  const { id } = await keys.add('internal')
  const second = await anchor()
  assert.equal(second.match(/<verificationCert>/g)?.length, 2)
  assert.match(second, /<generatedAt>2030-02-01/)
  time.now = new Date('2030-03-01T00:00:00Z')
  await keys.activate(id, true)
  assert.equal(await anchor(), second)
  assert.match(await anchor('other'), /<downloadURL>http:\/\/other\/internalconf</)
})
