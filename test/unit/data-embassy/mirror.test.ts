// From a register to a receipt and back: an author at home, a mirror abroad, signers of both.
import assert from 'node:assert/strict'
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { type Change, open, parseBatch, parseLeaf, Recipients, unwrap } from '#continuity'
import type { SignerClient } from '#signer'
import { noteVerifier, openNote, parseCheckpoint, parseNote } from '#transparency'
import { NoteKeys } from '#transparent-log'
import { Mirror } from '../../../data-embassy/abroad/mirror.ts'
import { Author } from '../../../data-embassy/authoring/author.ts'
import { EmbassyError } from '../../../data-embassy/error.ts'
import type { Captured } from '../../../data-embassy/register/source.ts'
import { scratch } from '../host/scratch.ts'
import { startedSigner } from '../signer/signer-process.ts'

const ORIGIN = 'DEMO/population-register/1'
const refused = (code: EmbassyError['code']) => ({ name: EmbassyError.name, code })
const identity = await generateHybridIdentity()
const recipients = new Recipients([await identityToRecipient(identity)])

function changes(first: number, count: number, complete = true): Captured[] {
  return Array.from({ length: count }, (_, at) => {
    const key = { code: `'${first + at}'` }
    const change: Change = {
      ...{
        operation: 'insert',
        relation: 'persons',
        key,
        row: { ...key, name: "'Mari-Liis'" },
        position: `1.${first + at}`,
      },
      at: new Date('2026-11-28T09:00:00Z'),
    }
    return { change, complete: complete && at === count - 1 }
  })
}

async function authorOf(t: TestContext, signer: SignerClient, directory = scratch(t)) {
  const author = await Author.open({ directory, instance: 'DEMO', origin: ORIGIN, signer, recipients })
  t.after(() => author.close().catch(() => {}))
  return author
}

async function mirrorOf(t: TestContext, signer: SignerClient, directory: string, author: Author) {
  const keys = await NoteKeys.open(signer, 'mirror', 'DEMO/embassy/mirror')
  const mirror = await Mirror.open({ directory, origin: ORIGIN, logKeys: author.log.keys.verifierKeys, keys })
  t.after(() => mirror.close())
  return { mirror, keys }
}

async function stage(t: TestContext) {
  const [home, abroad] = [await startedSigner(t), await startedSigner(t)]
  const [homeFolder, abroadFolder] = [scratch(t), scratch(t)]
  const author = await authorOf(t, home.client, homeFolder)
  return {
    home: home.client,
    abroad: abroad.client,
    homeFolder,
    abroadFolder,
    author,
    ...(await mirrorOf(t, abroad.client, abroadFolder, author)),
  }
}

const batchAt = (author: Author, index: number) => {
  const found = author.batch(index)
  assert.ok(found)
  return parseBatch(found.bytes)
}

/** Opens every entry of a mirror that can be opened. */
async function opened(mirror: Mirror): Promise<(Change | 'erased')[]> {
  const found: (Change | 'erased')[] = []
  for (let index = 0; index < mirror.size; index += 1) {
    const [leaf] = await mirror.tree.entries(index, 1)
    const parsed = parseLeaf(leaf ?? new Uint8Array())
    if (parsed.kind !== 'change') continue
    const { wrapped } = await mirror.store.batchOf(index)
    const place = { instance: 'DEMO', origin: ORIGIN, index, transaction: parsed.transaction, keyId: parsed.keyId }
    const [slot, blob] = [await mirror.store.slot(index), await mirror.store.content(index)]
    found.push(slot === undefined ? 'erased' : open({ slot, blob }, place, await unwrap(wrapped, identity)))
  }
  return found
}

test('what was captured at home is receipted and opens abroad', async (t) => {
  const { author, mirror, keys } = await stage(t)
  for (const [first, count] of [
    [0, 1],
    [1, 30],
    [31, 5],
  ] as const)
    await author.write(changes(first, count))
  for (let at = 0; at < author.size; ) {
    const batch = batchAt(author, at)
    const receipt = parseNote(await mirror.take(batch))
    const verifiers = [...author.log.keys.verifierKeys, ...keys.verifierKeys].map(noteVerifier)
    assert.equal(openNote(receipt, verifiers).length, 2)
    at += batch.entries.length
    assert.equal(parseCheckpoint(receipt.text).size, at)
  }
  assert.equal(mirror.size, 36)
  const all = await opened(mirror)
  assert.deepEqual(
    all.map((change) => (change === 'erased' ? '' : change.position)),
    Array.from({ length: 36 }, (_, at) => `1.${at}`),
  )
  assert.equal(await mirror.store.boundary(36), 36)
  assert.equal(await mirror.store.boundary(35), 31)
  await mirror.take(batchAt(author, 1))
})

test('gaps, forks, reorderings, forgeries are refused and change nothing', async (t) => {
  const { author, mirror, home, abroad } = await stage(t)
  await author.write(changes(0, 4))
  await author.write(changes(4, 4))
  const [one, two] = [batchAt(author, 0), batchAt(author, 4)]
  await assert.rejects(mirror.take(two), refused('gap'))
  await mirror.take(one)
  const wrong: [string, Parameters<typeof mirror.take>[0], EmbassyError['code']][] = [
    ['another order', { ...two, entries: two.entries.toReversed() }, 'forked'],
    ['one left out', { ...two, entries: two.entries.slice(1) }, 'foreign'],
    ['another origin', { ...two, origin: 'DEMO/other/1' }, 'foreign'],
    ['an older checkpoint', { ...two, checkpoint: one.checkpoint }, 'foreign'],
    [
      'no signature',
      {
        ...two,
        checkpoint: Buffer.from(
          Buffer.from(two.checkpoint)
            .toString()
            .replace(/— \S+ \S/, '— other+ A'),
        ),
      },
      'foreign',
    ],
  ]
  for (const [why, batch, code] of wrong) {
    await assert.rejects(mirror.take(batch), refused(code), why)
    assert.equal(mirror.size, 4)
  }
  // A second history, signed by a home whose signer was restored from a copy.
  const key = (await home.keys()).find(({ use }) => use === 'log')
  assert.ok(key)
  await mirror.take(two)
  const altered = {
    ...one,
    entries: one.entries.map((entry, at) => (at === 2 ? { ...entry, leaf: Buffer.alloc(81, 1) } : entry)),
  }
  await assert.rejects(mirror.take(altered), refused('forked'))
  assert.equal((await NoteKeys.open(abroad, 'mirror', 'DEMO/embassy/mirror')).heads(ORIGIN)[0]?.size, 8)
})

test('a mirror that was opened again holds what was receipted, and a copy of yesterday is refused', async (t) => {
  const { author, mirror, abroad, abroadFolder } = await stage(t)
  await author.write(changes(0, 250))
  await mirror.take(batchAt(author, 0))
  const copy = join(scratch(t), 'copy')
  cpSync(abroadFolder, copy, { recursive: true })
  await author.write(changes(250, 10))
  const receipt = await mirror.take(batchAt(author, 250))
  const again = await mirrorOf(t, abroad, abroadFolder, author)
  assert.equal(again.mirror.size, 260)
  assert.deepEqual(again.mirror.receipt, Buffer.from(receipt))
  assert.equal((await opened(again.mirror)).length, 260)
  await assert.rejects(mirrorOf(t, abroad, copy, author), refused('store_damaged'))
  // The receipt was lost: the same batch gives it again.
  rmSync(join(abroadFolder, 'receipt'))
  const third = await mirrorOf(t, abroad, abroadFolder, author)
  assert.equal(third.mirror.receipt, undefined)
  assert.equal(parseCheckpoint(parseNote(await third.mirror.take(batchAt(author, 250))).text).size, 260)
})

test('an author that was opened again goes on where it was', async (t) => {
  const { author, mirror, home, homeFolder } = await stage(t)
  await author.write(changes(0, 3, false))
  await author.close()
  const again = await authorOf(t, home, homeFolder)
  assert.equal(again.position, '1.2')
  await again.write(changes(3, 2))
  await mirror.take(batchAt(again, 0))
  await mirror.take(batchAt(again, 3))
  const transactions = await Promise.all(
    [0, 1, 2, 3, 4].map(async (index) => (await mirror.tree.entries(index, 1)).map((leaf) => parseLeaf(leaf))),
  )
  assert.deepEqual(
    transactions.flat().map((leaf) => leaf.kind === 'change' && leaf.transaction),
    [0, 0, 0, 0, 0],
  )
  assert.equal(await mirror.store.boundary(4), 0)
  again.spool.receipted('embassy', 5, mirror.receipt ?? Buffer.alloc(0), new Date(), ['embassy'])
  assert.equal(again.batch(0), undefined)
  await again.close()
  const third = await authorOf(t, home, homeFolder)
  await third.write(changes(5, 1))
  assert.equal((await mirror.take(batchAt(third, 5))).length > 0, true)
})

test('a row that was erased opens nowhere, everything else does', async (t) => {
  const { author, mirror, homeFolder, abroadFolder, home } = await stage(t)
  await author.write(changes(0, 3))
  await mirror.take(batchAt(author, 0))
  await author.write(changes(3, 3))
  const slots = batchAt(author, 0)
    .entries.concat(batchAt(author, 3).entries)
    .map(({ slot }) => Buffer.from(slot ?? []))
  assert.deepEqual(await author.erase('persons', { code: "'1'" }, 'PDPA §18'), [1])
  assert.deepEqual(await author.erase('persons', { code: "'4'" }, 'PDPA §18'), [4])
  assert.deepEqual(await author.erase('persons', { code: "'99'" }, 'PDPA §18'), [])
  for (const at of [3, 6, 7]) await mirror.take(batchAt(author, at))
  const all = await opened(mirror)
  assert.deepEqual(
    all.map((change) => (change === 'erased' ? change : change.position)),
    ['1.0', 'erased', '1.2', '1.3', 'erased', '1.5'],
  )
  await author.close()
  await authorOf(t, home, homeFolder)
  for (const folder of [homeFolder, abroadFolder])
    for (const file of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const bytes = readFileSync(join(file.parentPath, file.name))
      for (const erased of [1, 4])
        assert.equal(bytes.includes(slots[erased] ?? ''), false, `${file.name} still has slot ${erased}`)
    }
})
