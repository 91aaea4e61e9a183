import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Decree, DecreeKeys, formatDecree } from '#continuity'
import type { SignerClient } from '#signer'
import { formatNote, formatVerifierKey } from '#transparency'
import { Authority } from '../../../data-embassy/abroad/authority.ts'
import { EmbassyError } from '../../../data-embassy/error.ts'
import { scratch } from '../host/scratch.ts'
import { startedSigner } from '../signer/signer-process.ts'
import { noteSigner } from '../transparency/signers.ts'

const refused = (code: string) => ({ name: EmbassyError.name, code })
const NOW = new Date('2026-11-28T12:00:00Z')
const EMBASSY = 'DEMO/GOV/70000003/embassy'
const holders = ['Kask', 'Saar', 'Tamm'].map((name) => noteSigner('note', `DEMO/decree/${name}`))
const keys = new DecreeKeys(
  1,
  2,
  holders.map(({ key }) => formatVerifierKey(key)),
)

const FIRST: Decree = {
  ...{
    instance: 'DEMO',
    subject: 'population-register',
    embassy: EMBASSY,
    from: 'SEALED',
    to: 'READ_ONLY',
    epoch: [1, 2],
    keys: 1,
  },
  predecessor: { origin: 'DEMO/population-register/1', size: 10, root: Buffer.alloc(32).toString('base64') },
  notBefore: new Date('2026-11-28T09:00:00Z'),
  notAfter: new Date('2026-11-28T21:00:00Z'),
  nonce: '00112233445566778899aabbccddeeff',
}
const SECOND: Decree = { ...FIRST, from: 'READ_ONLY', to: 'TAKEOVER', epoch: [2, 3] }

function signed(decree: Decree, signers = holders): Buffer {
  const text = formatDecree(decree)
  const lines = signers.map(({ key, privateKey }) => ({
    name: key.name,
    id: key.id,
    signature: sign(null, Buffer.from(text), privateKey),
  }))
  return formatNote({ text, signatures: lines })
}

async function authorityOf(t: TestContext, signer: SignerClient, directory: string) {
  const authority = await Authority.open({ directory, instance: 'DEMO', embassy: EMBASSY, signer, keys })
  t.after(() => authority.close().catch(() => {}))
  return authority
}

test('decrees are recorded in order, once each, and survive a restart', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const authority = await authorityOf(t, client, directory)
  assert.equal(authority.recorded('population-register'), undefined)
  assert.equal((await authority.record(signed(FIRST), NOW)).index, 0)
  assert.equal((await authority.record(signed(FIRST, holders.slice(1)), NOW)).index, 0)
  assert.equal((await authority.record(signed(SECOND), NOW)).index, 1)
  assert.equal(authority.recorded('population-register')?.decree.to, 'TAKEOVER')
  assert.equal(authority.log.newest?.size, 2)
  await authority.close()
  const again = await authorityOf(t, client, directory)
  assert.deepEqual(again.recorded('population-register')?.decree, SECOND)
  assert.ok(await again.log.prove(1))
})

test('of two valid decrees for one epoch the first counts; the other is evidence', async (t) => {
  const { client } = await startedSigner(t)
  const directory = scratch(t)
  const authority = await authorityOf(t, client, directory)
  await authority.record(signed(FIRST), NOW)
  const other = { ...FIRST, to: 'TAKEOVER' as const, nonce: 'ff112233445566778899aabbccddeeff' }
  await assert.rejects(authority.record(signed(other), NOW), refused('conflicting_decree'))
  assert.equal(authority.recorded('population-register')?.decree.to, 'READ_ONLY')
  assert.equal(readdirSync(join(directory, 'conflicts')).length, 1)
  assert.equal(authority.log.newest?.size, 1)
})

test('a decree that does not continue what is in force changes nothing', async (t) => {
  const { client } = await startedSigner(t)
  const authority = await authorityOf(t, client, scratch(t))
  const first = signed(FIRST)
  for (const [why, bytes, code] of [
    ['another embassy', signed({ ...FIRST, embassy: 'DEMO/GOV/70000009/embassy' }), 'wrong_decree'],
    ['another instance', signed({ ...FIRST, instance: 'EE' }), 'wrong_decree'],
    ['a mode that it is not in', signed(SECOND), 'wrong_decree'],
    ['too few signatures', signed(FIRST, holders.slice(0, 1)), 'unsigned_decree'],
    ['altered', Buffer.from(first.toString().replace('READ_ONLY', 'TAKEOVER')), 'unsigned_decree'],
  ] as const)
    await assert.rejects(authority.record(bytes, NOW), { code }, why)
  await assert.rejects(authority.record(first, new Date('2026-11-29T00:00:00Z')), { code: 'stale_decree' })
  await authority.record(first, NOW)
  await assert.rejects(authority.record(signed({ ...SECOND, epoch: [3, 4] }), NOW), refused('wrong_decree'))
  assert.equal(authority.log.newest?.size, 1)
})
