// ZIP files and the containers in them: read in any pieces, and judged whatever is in them.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { EvidenceError, readZip, verifyContainer, writeZip } from '#evidence'
import { digest } from '#trust'
import { foundCountry, NOW } from '../unit/evidence/authority.ts'
import { collect, evidenceOf, REST_REQUEST, SOAP_REQUEST } from '../unit/evidence/messages.ts'
import { property } from './campaign.ts'
import { changedXml, chunked, cuts, mutated, XML_TOKENS } from './mutate.ts'
import { vectorFiles } from './seeds.ts'

const country = foundCountry()
const BODY = Buffer.from('{"a":1}')

const entryName = fc
  .array(fc.constantFrom('a', 'B', 'õ', '-', '1', 'META-INF', '.x'), { minLength: 1, maxLength: 3 })
  .map((list) => list.join(''))
const entries = fc.uniqueArray(
  fc.record({
    name: fc.array(entryName, { minLength: 1, maxLength: 3 }).map((list) => list.join('/')),
    body: fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(3).map((octet) => Buffer.alloc(90_000, octet)),
    ),
    streamed: fc.boolean(),
    compress: fc.boolean(),
  }),
  { maxLength: 5, selector: ({ name }) => name.normalize('NFC').toLowerCase() },
)

/** Names and contents, or the refusal's code. */
async function unzipped(source: AsyncIterable<Uint8Array>): Promise<string> {
  const seen: string[] = []
  try {
    for await (const { name, body } of readZip(source, { maxBytes: 4 << 20, maxEntries: 50 }))
      seen.push(name, Buffer.from(digest('SHA-256', await collect(body))).toString('hex'))
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    return [...seen, error.code].join('\n')
  }
  return [...seen, 'whole'].join('\n')
}

property(
  'ZIP: what is written is read, in any pieces',
  { short: 60, long: 3_000 },
  fc.tuple(entries, cuts, fc.string({ unit: fc.constantFrom(...'abc '), maxLength: 10 })),
  async ([list, sizes, comment]) => {
    const written = list.map(({ name, body, streamed, compress }) => ({
      name,
      modifiedAt: NOW,
      compress,
      body: streamed ? () => chunked(body, [1000]) : body,
    }))
    const zip = await collect(writeZip(written, comment))
    const expected = list.flatMap(({ name, body }) => [name, Buffer.from(digest('SHA-256', body)).toString('hex')])
    assert.equal(await unzipped(chunked(zip, sizes, 200)), [...expected, 'whole'].join('\n'))
    return true
  },
)

const containers = [
  await evidenceOf(country, { message: REST_REQUEST, body: BODY, stamp: 'batch' }),
  await evidenceOf(country, { message: SOAP_REQUEST, stamp: 'single' }),
]
const RECORDS = [
  'PK\x03\x04',
  'PK\x01\x02',
  'PK\x05\x06',
  'PK\x06\x06',
  'PK\x06\x07',
  'PK\x07\x08',
  '\xff\xff\xff\xff',
  '\xff\xff',
  '\x01\x00\x10\x00',
  'mimetype',
  'message.xml',
  '../',
  '/',
  '\\',
  '\x00\x00\x00\x00',
  'META-INF/signatures.xml',
].map((text) => Buffer.from(text, 'latin1'))
property(
  'ZIP files of strangers: pieces change nothing',
  { short: 100, long: 6_000 },
  fc.tuple(mutated([...containers, ...vectorFiles('asic').slice(0, 3)], RECORDS), cuts),
  async ([zip, sizes]) => {
    const whole = await unzipped(chunked(zip, [zip.length || 1]))
    assert.equal(await unzipped(chunked(zip, sizes, 200)), whole)
    return whole.endsWith('whole')
  },
)

/** The container with one entry's content changed and everything about it as ZIP right. */
const repacked = await Promise.all(
  containers.map(async (container) => {
    const list: { name: string; body: Buffer }[] = []
    for await (const { name, body } of readZip(chunked(container, [65_536])))
      list.push({ name, body: await collect(body) })
    return list
  }),
)
property(
  'containers of strangers are judged, never thrown at',
  { short: 80, long: 8_000 },
  fc.nat(repacked.length - 1).chain((index) => {
    const list = repacked[index] ?? []
    return fc
      .nat(list.length - 1)
      .chain((at) =>
        fc.tuple(
          fc.constant(list),
          fc.constant(at),
          fc.oneof(changedXml([list[at]?.body ?? BODY], XML_TOKENS), fc.constant(Buffer.alloc(0))),
          fc.boolean(),
        ),
      )
  }),
  async ([list, at, body, drop]) => {
    const other = list.flatMap((entry, index) => (index !== at ? [entry] : drop ? [] : [{ ...entry, body }]))
    const zip = await collect(writeZip(other.map((entry) => ({ ...entry, modifiedAt: NOW, compress: true }))))
    const { verdict } = await verifyContainer(chunked(zip, [10_000]), country.trust)
    const changedName = list[at]?.name ?? ''
    // What the evidence is about cannot be changed without being noticed.
    if (verdict === 'valid' && /^(message\.xml|attachment1)$/.test(changedName))
      assert.ok(!drop && body.equals(list[at]?.body ?? BODY))
    return verdict === 'valid'
  },
)
