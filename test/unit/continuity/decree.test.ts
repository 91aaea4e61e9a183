import assert from 'node:assert/strict'
import { sign } from 'node:crypto'
import { test } from 'node:test'
import { CENTRE, ContinuityError, type Decree, DecreeKeys, formatDecree, openDecree, parseDecree } from '#continuity'
import { formatNote, formatVerifierKey } from '#transparency'
import { type NoteSigner, noteSigner } from '../transparency/signers.ts'

const refused = (code: ContinuityError['code']) => ({ name: ContinuityError.name, code })
const ROOT = Buffer.alloc(32, 7).toString('base64')
const DECREE: Decree = {
  instance: 'DEMO',
  subject: 'population-register',
  embassy: 'DEMO/GOV/70000003/embassy',
  from: 'SEALED',
  to: 'TAKEOVER',
  epoch: [1, 2],
  predecessor: { origin: 'DEMO/population-register/1', size: 1234, root: ROOT },
  keys: 3,
  notBefore: new Date('2026-11-28T09:00:00Z'),
  notAfter: new Date('2026-11-28T21:00:00Z'),
  nonce: '00112233445566778899aabbccddeeff',
}
const NOON = new Date('2026-11-28T12:00:00Z')
const holders = ['Kask', 'Saar', 'Tamm', 'Mets', 'Kuusk'].map((name) => noteSigner('note', `DEMO/decree/${name}`))
const keys = new DecreeKeys(
  3,
  3,
  holders.map(({ key }) => formatVerifierKey(key)),
)

function signed(decree: Decree, signers: readonly NoteSigner[]): Buffer {
  const text = formatDecree(decree)
  const line = ({ key, privateKey }: NoteSigner) => ({
    name: key.name,
    id: key.id,
    signature: sign(null, Buffer.from(text), privateKey),
  })
  return formatNote({ text, signatures: signers.map(line) })
}

test('a decree is read as it was written', () => {
  const { predecessor, ...centre } = { ...DECREE, subject: CENTRE, to: 'RELAY' as const }
  for (const decree of [DECREE, centre]) assert.deepEqual(parseDecree(formatDecree(decree)), decree)
})

test('a decree counts when more than half of the holders signed it', () => {
  const { decree, signers } = openDecree(signed(DECREE, holders.slice(0, 3)), keys, NOON)
  assert.deepEqual(decree, DECREE)
  assert.deepEqual(signers, ['DEMO/decree/Kask', 'DEMO/decree/Saar', 'DEMO/decree/Tamm'])
  const refusals: [Buffer, ContinuityError['code'], Date?][] = [
    [signed(DECREE, holders.slice(0, 2)), 'unsigned_decree'],
    [signed(DECREE, [...holders.slice(0, 2), ...holders.slice(0, 2)]), 'unsigned_decree'],
    [signed(DECREE, [...holders.slice(0, 2), noteSigner('note', 'DEMO/decree/Tamm')]), 'unsigned_decree'],
    [signed({ ...DECREE, keys: 2 }, holders), 'unsigned_decree'],
    [signed(DECREE, holders), 'stale_decree', new Date('2026-11-28T21:00:01Z')],
    [signed(DECREE, holders), 'stale_decree', new Date('2026-11-28T08:59:59Z')],
    [Buffer.from(signed(DECREE, holders).toString().replace('TAKEOVER', 'READ_ONLY')), 'unsigned_decree'],
    [Buffer.from(formatDecree(DECREE)), 'malformed_decree'],
  ]
  for (const [note, code, now = NOON] of refusals) assert.throws(() => openDecree(note, keys, now), refused(code))
})

test('half of the holders are not enough, whatever the key set says', () => {
  const list = holders.slice(0, 4).map(({ key }) => formatVerifierKey(key))
  assert.equal(new DecreeKeys(1, 3, list).threshold, 3)
  for (const threshold of [0, 1, 2, 5])
    assert.throws(() => new DecreeKeys(1, threshold, list), refused('malformed_manifest'))
  assert.throws(() => new DecreeKeys(1, 3, [...list, ...list]), refused('malformed_manifest'))
  assert.throws(() => new DecreeKeys(1, 1, ['nothing']), refused('malformed_manifest'))
})

test('what is no decree is refused', () => {
  const text = formatDecree(DECREE)
  for (const [from, to] of [
    ['decree v1', 'decree v2'],
    ['epoch 1 2', 'epoch 1 3'],
    ['epoch 1 2', 'epoch 2 1'],
    ['epoch 1 2', 'epoch 01 2'],
    ['SEALED TAKEOVER', 'SEALED SEALED'],
    ['SEALED TAKEOVER', 'RELAY TAKEOVER'],
    ['SEALED TAKEOVER', 'SEALED OPEN'],
    ['not-after 2026', 'not-after 2025'],
    ['not-after 2026-11', 'not-after 2026-13'],
    ['not-before 2026-11-28T', 'not-before 2026-11-28 '],
    ['nonce 0', 'nonce g'],
    ['population-register', CENTRE],
    [` 1234 ${ROOT}`, ' 1234 root'],
    ['\nkeys', '\n\nkeys'],
    ['keys 3', 'keys 3 '],
    ['ccddeeff\n', 'ccddeeff'],
  ] as const) {
    assert.ok(text.includes(from))
    assert.throws(() => parseDecree(text.replace(from, to)), refused('malformed_decree'), `${from} → ${to}`)
  }
})
