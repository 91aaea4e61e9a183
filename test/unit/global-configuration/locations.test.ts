// The order of wire-conf §2.6 as a table; the room's door does not open it, so it is looked at from inside.
import assert from 'node:assert/strict'
import test from 'node:test'
import { type Location, LocationMemory, locationsOf } from '../../../global-configuration/locations.ts'
import { keys, sharedSample } from '../protocol/configuration/sample.ts'

const certificates = [keys.internal.certificate]
const anchor = (...urls: readonly string[]) => ({ instance: 'ZZ', sources: urls.map((url) => ({ url, certificates })) })
const sources = (...addresses: readonly string[]) => ({
  ...sharedSample(6),
  sources: addresses.map((address) => ({
    address,
    internal: [keys.internal.certificate],
    external: [keys.external.certificate],
  })),
})
const urls = (locations: readonly Location[]) => locations.map(({ url }) => url)

test("known sources before the anchor's, https before http in each group", () => {
  assert.deepEqual(urls(locationsOf(anchor('http://a/internalconf'), sources('b:8090'))), [
    'https://b:8090/internalconf',
    'http://b:8090/internalconf',
    'https://a/internalconf',
    'http://a/internalconf',
  ])
})

test('whose keys count depends on which directory is asked for', () => {
  const subjects = (url: string) =>
    locationsOf(anchor(url), sources('b'))[0]?.certificates.map(({ subject }) => subject.text)
  assert.deepEqual(subjects('http://a/internalconf'), ['CN=internalSigningKey'])
  assert.deepEqual(subjects('http://a/externalconf'), ['CN=externalSigningKey'])
  // A configuration proxy.
  assert.deepEqual(subjects('http://a/PROXY/conf'), ['CN=internalSigningKey', 'CN=externalSigningKey'])
})

test('https alone is enough, and is not downgraded', () => {
  assert.deepEqual(urls(locationsOf(anchor('https://a/internalconf'), sources('b'))), [
    'https://b/internalconf',
    'https://a/internalconf',
  ])
})

test('one URL is one location with the keys of all who name it', () => {
  const [location, ...rest] = locationsOf(anchor('http://a/internalconf', 'https://a/internalconf'), undefined)
  assert.equal(location?.url, 'https://a/internalconf')
  assert.deepEqual(urls(rest), ['http://a/internalconf'])
  const same = locationsOf(
    {
      ...anchor('http://a/internalconf'),
      sources: [{ url: 'http://a/internalconf', certificates: [keys.next.certificate] }],
    },
    sources('a'),
  )
  assert.equal(same.length, 2)
  assert.equal(same[0]?.certificates.length, 2)
})

test('sources without an address that is one, or without keys, are no locations', () => {
  const known = sources('a b', 'http://evil/', '')
  const noKeys = { ...known, sources: [{ address: 'c', internal: [], external: [keys.external.certificate] }] }
  assert.deepEqual(
    urls(locationsOf(anchor('https://a/internalconf'), known)).filter((url) => /a b/.test(url)),
    [],
  )
  assert.deepEqual(urls(locationsOf(anchor('https://a/internalconf'), noKeys)), ['https://a/internalconf'])
})

test('what worked is first, what failed is last for a while, longer each time, and nothing is left out', () => {
  const memory = new LocationMemory()
  const all = ['a', 'b', 'c'].map((url) => ({ url, certificates }))
  const start = new Date('2030-01-01T00:00:00Z')
  const after = (seconds: number) => new Date(start.getTime() + seconds * 1000)
  assert.deepEqual(urls(memory.order(all, start)), ['a', 'b', 'c'])
  memory.worked('c')
  memory.failed('a', start)
  assert.deepEqual(urls(memory.order(all, start)), ['c', 'b', 'a'])
  assert.deepEqual(urls(memory.order(all, after(31))), ['c', 'a', 'b'])
  memory.failed('a', after(31))
  assert.deepEqual(urls(memory.order(all, after(62))), ['c', 'b', 'a'])
  memory.failed('c', after(62))
  memory.failed('b', after(62))
  // Every one has failed: the one to be forgiven first is asked first.
  assert.deepEqual(urls(memory.order(all, after(63))), ['a', 'b', 'c'])
  memory.worked('c')
  assert.deepEqual(urls(memory.order(all, after(63))), ['c', 'a', 'b'])
})
