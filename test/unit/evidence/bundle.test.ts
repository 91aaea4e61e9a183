// Evidence bundles: written in one order, read in one pass, refused in any other.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Bundled, EvidenceError, readBundle, readZip, writeBundle, writeZip } from '#evidence'
import { NOW } from './authority.ts'
import { collect, once } from './messages.ts'

const NAME = 'an-id-request-1.asice'
const CONTAINER = Buffer.from('not judged here')
const PROOF = Buffer.from('c2sp.org/tlog-proof@v1\n')

const whole = () =>
  collect(
    writeBundle({
      modifiedAt: NOW,
      name: NAME,
      container: () => once(CONTAINER),
      proof: PROOF,
      signedConfiguration: [
        { path: 'DEMO/directory', bytes: Buffer.from('signed') },
        { path: 'DEMO/00.part', bytes: Buffer.from('part') },
      ],
      verificationConfiguration: [{ path: 'instance-identifier', bytes: Buffer.from('DEMO') }],
    }),
  )

interface Read extends Bundled {
  readonly name: string
  readonly container: string
}

const read = (bytes: Uint8Array): Promise<Read> =>
  readBundle(once(bytes), async (name, container, bundled) => ({
    name,
    container: (await collect(container)).toString(),
    ...bundled,
  }))

async function entriesOf(bytes: Uint8Array): Promise<{ name: string; body: Buffer }[]> {
  const entries: { name: string; body: Buffer }[] = []
  for await (const { name, body } of readZip(once(bytes))) entries.push({ name, body: await collect(body) })
  return entries
}

const zipped = (entries: readonly { name: string; body: Buffer }[]) =>
  collect(writeZip(entries.map((entry) => ({ ...entry, modifiedAt: NOW, compress: true }))))

test('what is written is read', async () => {
  const { name, container, proof, signedConfiguration, verificationConfiguration } = await read(await whole())
  assert.deepEqual([name, container, verificationConfiguration], [NAME, CONTAINER.toString(), true])
  assert.deepEqual(proof, PROOF)
  assert.deepEqual(
    [...signedConfiguration].map(([path, bytes]) => `${path}: ${Buffer.from(bytes)}`),
    ['DEMO/directory: signed', 'DEMO/00.part: part'],
  )
  const least = writeBundle({ modifiedAt: NOW, name: NAME, container: () => once(CONTAINER) })
  assert.equal((await read(await collect(least))).proof, undefined)
})

test('the note stands first, the container last', async () => {
  assert.deepEqual(
    (await entriesOf(await whole())).map(({ name }) => name),
    [
      'EVIDENCE.txt',
      'signedconf/DEMO/directory',
      'signedconf/DEMO/00.part',
      'verificationconf/instance-identifier',
      `${NAME}.tlog-proof`,
      NAME,
    ],
  )
})

const entries = await entriesOf(await whole())
const [note, directory, , , proof, container] = entries as [Entry, Entry, Entry, Entry, Entry, Entry]
type Entry = (typeof entries)[number]

const MALFORMED: Record<string, readonly Entry[]> = {
  'no note': [container],
  'the note elsewhere': [directory, note, container],
  'another version': [{ ...note, body: Buffer.from('saadik evidence bundle 2\n') }, container],
  'no container': [note, proof],
  'two containers': [note, container, { ...container, name: 'b.asice' }],
  'a proof behind the container': [note, container, proof],
  'a proof of another container': [note, { ...proof, name: 'b.asice.tlog-proof' }, container],
  'two proofs': [note, proof, { ...proof, name: 'b.asice.tlog-proof' }, container],
  'a container in a folder': [note, { ...container, name: `x/${NAME}` }],
  'something else': [note, { name: 'readme.md', body: CONTAINER }, container],
  'a proof that is too long': [note, { ...proof, body: Buffer.alloc(300_000, 1) }, container],
  'a note that is too long': [{ ...note, body: Buffer.concat([note.body, Buffer.alloc(20_000, 32)]) }, container],
}

for (const [name, list] of Object.entries(MALFORMED))
  test(`refused: ${name}`, async () => {
    await assert.rejects(
      read(await zipped(list)),
      (error) => error instanceof EvidenceError && error.code === 'malformed_bundle',
    )
  })

test('what is no ZIP, or is cut off, is refused', async () => {
  const bytes = await whole()
  for (const broken of [Buffer.from('hello'), bytes.subarray(0, bytes.length - 5)])
    await assert.rejects(read(broken), (error) => error instanceof EvidenceError && error.code === 'asic_malformed_zip')
})

test('a container without its ending is not bundled', async () => {
  for (const name of ['x.zip', 'a/x.asice'])
    await assert.rejects(collect(writeBundle({ modifiedAt: NOW, name, container: () => once(CONTAINER) })), TypeError)
})
