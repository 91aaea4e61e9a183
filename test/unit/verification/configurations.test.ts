// Configurations as trust: copies that are believed, and generations that an anchor vouches for, each until it expired.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verifyContainer } from '#evidence'
import { writeSharedParameters } from '#protocol'
import {
  type Files,
  readConfigurationCopy,
  readPinned,
  readStoredConfigurations,
  Trust,
  VerificationError,
} from '#verification'
import { needsVectors, vector } from '../../vectors.ts'
import { foundCountry, NOW } from '../evidence/authority.ts'
import { evidenceOf, once, REST_REQUEST } from '../evidence/messages.ts'
import { anchorOf, generationOf, pinnedDocument, sharedOf, signingKey, under } from './auditor.ts'

const country = foundCountry()
const [key, next] = [signingKey(), signingKey()]
const anchor = anchorOf(key)
const container = await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })
/** When it was time-stamped. */
const STAMPED = NOW.getTime() + 30_000
const shared = sharedOf(country)
const later = (seconds: number) => new Date(STAMPED + seconds * 1000)
const generation = (seconds: number, more: Partial<typeof shared> = {}, by = key) =>
  generationOf({ key: by, expiresAt: later(seconds), shared: { ...shared, ...more } })

async function judged(files: Files, vouching = anchor) {
  return verifyContainer(once(container), new Trust({ configurations: readStoredConfigurations(files, vouching) }))
}

const refused = (error: unknown) => error instanceof VerificationError && error.code === 'malformed_configuration'

test('an unsigned copy is believed for all times', async () => {
  const copy = new Map<string, Uint8Array>([
    ['instance-identifier', Buffer.from('DEMO')],
    ['DEMO/shared-params.xml', writeSharedParameters(shared, 6)],
    [
      'DEMO/shared-params.xml.metadata',
      Buffer.from('{"configurationVersion":"6","expirationDate":"2001-01-01T00:00:00Z"}'),
    ],
  ])
  const report = await verifyContainer(once(container), new Trust({ configurations: [readConfigurationCopy(copy)] }))
  assert.equal(report.verdict, 'valid')
  assert.equal(report.signerName, 'Population Register')
  assert.deepEqual(report.believed, ['configuration of DEMO, an unsigned copy'])
  assert.throws(() => readConfigurationCopy(new Map()), refused)
  assert.throws(() => readConfigurationCopy(new Map([['instance-identifier', Buffer.from('DEMO')]])), refused)
})

test('a signed generation speaks for every moment until it expired', async () => {
  // The format has no fractions of a second.
  const report = await judged(await generation(1))
  assert.equal(report.verdict, 'valid', JSON.stringify(report.checks))
  assert.match(report.believed?.[0] ?? '', /^configuration of DEMO, signed, valid until /)
  const expired = await judged(await generation(-1))
  assert.equal(expired.verdict, 'indeterminate')
  assert.equal(expired.checks.find(({ ok }) => !ok)?.code, 'nobody_believed')
})

test('of several generations the one that expired first after the moment is believed', async () => {
  const nobody = { authorities: [], tsas: [] }
  const files = (...all: readonly Files[]) =>
    new Map(all.flatMap((one, index) => [...under(`generations/${index}`, one)]))
  const [before, at, after] = await Promise.all([generation(-10, nobody), generation(60), generation(7200, nobody)])
  assert.equal((await judged(files(after, before, at))).verdict, 'valid')
  assert.equal((await judged(files(before, after))).subIndication, 'NO_POE')
})

test('what the anchor does not name signed nothing, unless an earlier generation vouched for it', async () => {
  const foreign = await generation(60, {}, next)
  assert.throws(() => readStoredConfigurations(foreign, anchor), refused)
  const sources = [{ address: 'cs', internal: [key.certificate, next.certificate], external: [] }]
  const voucher = await generation(-3600, { sources })
  const part = [...voucher].find(([, bytes]) => Buffer.from(bytes).includes('ocspFreshnessSeconds'))
  assert.ok(part)
  const vouched = new Map([
    ...foreign,
    ['DEMO/vouchers/1.directory', voucher.get('DEMO/directory') ?? new Uint8Array()],
    ['DEMO/vouchers/1.shared-params.xml', part[1]],
  ])
  assert.equal((await judged(vouched)).verdict, 'valid')
  const swapped = new Map([...vouched, ['DEMO/vouchers/1.shared-params.xml', Buffer.from('<x/>')] as const])
  assert.throws(() => readStoredConfigurations(swapped, anchor), refused)
})

test('a part that is changed, exchanged or missing is not what was signed', async () => {
  const files = await generation(60)
  const other = await generation(60, { members: [] })
  const name = [...files].find(([, bytes]) => Buffer.from(bytes).includes('ocspFreshnessSeconds'))?.[0] ?? ''
  const changed = new Map([
    ...files,
    [name, Buffer.concat([files.get(name) ?? new Uint8Array(), Buffer.from(' ')])] as const,
  ])
  assert.throws(() => readStoredConfigurations(changed, anchor), refused)
  assert.throws(() => readStoredConfigurations(new Map([...files].filter(([path]) => path !== name)), anchor), refused)
  const mixed = new Map([...files, ['DEMO/directory', other.get('DEMO/directory') ?? new Uint8Array()] as const])
  assert.throws(() => readStoredConfigurations(mixed, anchor), refused)
  // Where a part lies does not matter, nor what else lies there.
  const moved = new Map([...files, ['DEMO/readme', Buffer.from('hello')] as const])
  assert.equal((await judged(moved)).verdict, 'valid')
})

test('as a server keeps it beside its plain copy, in folders of any depth, and as one folder alone', async () => {
  const files = await generation(60)
  const plain = new Map([
    ['instance-identifier', Buffer.from('DEMO')],
    ['DEMO/shared-params.xml', Buffer.from('<x/>')],
  ])
  assert.equal((await judged(new Map([...plain, ...under('.verified', files)]))).verdict, 'valid')
  assert.equal((await judged(under('2031/05/06/configuration/.verified', files))).verdict, 'valid')
  const alone = new Map([...files].map(([path, bytes]) => [path.slice('DEMO/'.length), bytes]))
  assert.equal((await judged(alone)).verdict, 'valid')
})

test('whose it is and until when is verified at once, what it says when it is asked for', async () => {
  const sources = [{ address: 'cs', internal: [key.certificate], external: [] }]
  const odd = await generationOf({ key, expiresAt: later(60), shared: { ...shared, sources } })
  const [one] = readStoredConfigurations(odd, anchor)
  assert.equal(one?.read(), one?.read())
  const other = await generationOf({ key, expiresAt: later(60), shared: { ...shared, instance: 'XX' } })
  const renamed = new Map([...other].map(([path, bytes]) => [path.replace('XX/', 'DEMO/'), bytes]))
  assert.throws(() => readStoredConfigurations(renamed, anchor), refused)
})

test('nothing, an anchor that is none, another instance', async () => {
  assert.throws(() => readStoredConfigurations(new Map(), anchor), refused)
  const files = await generation(60)
  assert.throws(() => readStoredConfigurations(files, Buffer.from('<x/>')), refused)
  const foreign = await generationOf({ key, expiresAt: later(60), shared: { ...shared, instance: 'XX' } })
  assert.throws(() => readStoredConfigurations(foreign, anchor), refused)
})

test('a configuration and a list add up; the list has the last word', async () => {
  const configurations = readStoredConfigurations(await generation(60, { tsas: [] }), anchor)
  const alone = await verifyContainer(once(container), new Trust({ configurations }))
  assert.equal(alone.subIndication, 'NO_POE')
  const { timestampAuthorities } = pinnedDocument(country) as { timestampAuthorities: object[] }
  const pinned = [readPinned({ format: 'saadik pinned trust 1', timestampAuthorities, ocspFreshnessSeconds: 3600 })]
  assert.equal((await verifyContainer(once(container), new Trust({ configurations, pinned }))).verdict, 'valid')
  const strict = [readPinned({ format: 'saadik pinned trust 1', timestampAuthorities, ocspFreshnessSeconds: 1 })]
  const report = await verifyContainer(once(container), new Trust({ configurations, pinned: strict }))
  assert.equal(report.subIndication, 'TRY_LATER')
})

test("a real central server's generation, with its anchor", (t) => {
  if (!needsVectors(t)) return
  const anchorXml = vector('globalconf', 'configuration_anchor_CS_internal.xml')
  const root = ['globalconf', 'signed', 'V6'] as const
  const files = new Map<string, Uint8Array>([['CS/directory', vector(...root, 'internalconf')]])
  const directory = Buffer.from(files.get('CS/directory') ?? []).toString('latin1')
  for (const [, path = ''] of directory.matchAll(/^Content-location: \/V6\/(.*)$/gim))
    files.set(`CS/${path.trim().replaceAll('/', '-')}`, vector(...root, ...path.trim().split('/')))
  const [configuration, ...more] = readStoredConfigurations(files, anchorXml)
  assert.ok(configuration?.until && more.length === 0)
  assert.equal(configuration.instance, 'DEV')
  const trust = new Trust({ configurations: [configuration] })
  assert.ok(trust.at(configuration.until))
  assert.equal(trust.at(new Date(configuration.until.getTime() + 1)), undefined)
})
