import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  checkpointMessage,
  cosignatureMessage,
  cosignatureTime,
  EMPTY_ROOT,
  formatCheckpoint,
  formatTimestamped,
  formatVerifierKey,
  noteVerifier,
  openNote,
  parseCheckpoint,
  parseNote,
  parseVerifierKey,
  subtreeMessage,
  type TransparencyCode,
  TransparencyError,
  verifySubtreeCosignature,
} from '#transparency'
import { noteSigner, signedBy } from './signers.ts'

const refused = (code: TransparencyCode) => ({ name: TransparencyError.name, code })
const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const TEXT = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`

// A head of a log that really runs, as it and a witness signed it one day of 2026.
const REAL = `arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
`
const REAL_LOG = 'arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f'
const REAL_WITNESS = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'

test('a witnessed checkpoint of others', () => {
  const note = parseNote(Buffer.from(REAL))
  const witness = parseVerifierKey(REAL_WITNESS)
  const verifiers = [noteVerifier(parseVerifierKey(REAL_LOG)), noteVerifier(witness)]
  const [log, cosignature] = openNote(note, verifiers)
  assert.equal(log?.name, 'arche2025h1.staging.ct.transparency.dev')
  assert.ok(cosignature)
  assert.equal(cosignatureTime(witness, cosignature), 0x6a122120)
  assert.equal(parseCheckpoint(note.text).size, 1_432_088_532)
  const other = parseNote(Buffer.from(REAL.replace('1432088532', '1432088533')))
  assert.throws(() => openNote(other, verifiers), refused('bad_signature'))
})

test('a checkpoint is written as it is read', () => {
  const checkpoint = parseCheckpoint(TEXT)
  assert.equal(checkpoint.origin, 'example.com/behind-the-sofa')
  assert.equal(checkpoint.size, 20_852_163)
  assert.equal(Buffer.from(checkpoint.root).toString('base64'), ROOT)
  assert.equal(formatCheckpoint(checkpoint), TEXT)
  const extended = `${TEXT}one more\n— and another\n`
  assert.deepEqual(parseCheckpoint(extended).extensions, ['one more', '— and another'])
  assert.equal(formatCheckpoint(parseCheckpoint(extended)), extended)
  assert.equal(parseCheckpoint(`a b+c\n0\n${ROOT}\n`).origin, 'a b+c')
})

for (const [why, text] of [
  ['nothing', ''],
  ['a newline', '\n'],
  ['two lines', 'a\n1\n'],
  ['no end', TEXT.trimEnd()],
  ['no origin', `\n1\n${ROOT}\n`],
  ['a long origin', `${'o'.repeat(256)}\n1\n${ROOT}\n`],
  ['a zero before the size', `a\n01\n${ROOT}\n`],
  ['no size', `a\n\n${ROOT}\n`],
  ['a negative size', `a\n-1\n${ROOT}\n`],
  ['a plus', `a\n+1\n${ROOT}\n`],
  ['hexadecimal', `a\n0x1\n${ROOT}\n`],
  ['a space', `a\n1 \n${ROOT}\n`],
  ['2^53', `a\n9007199254740992\n${ROOT}\n`],
  ['2^64', `a\n18446744073709551616\n${ROOT}\n`],
  ['digits of another script', `a\n١\n${ROOT}\n`],
  ['a short root', 'a\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxqw==\n'],
  ['a root that is not canonical', `a\n1\n${ROOT.replace('2I=', '2J=')}\n`],
  ['an empty line after', `${TEXT}\n`],
  ['an empty extension', `${TEXT}a\n\nb\n`],
  ['a carriage return', TEXT.replaceAll('\n', '\r\n')],
] as const)
  test(`${why} is no checkpoint`, () => {
    assert.throws(() => parseCheckpoint(text), refused('malformed_checkpoint'))
  })

test('what is no checkpoint is not written', () => {
  const good = { origin: 'a', size: 1, root: EMPTY_ROOT }
  for (const bad of [
    { origin: '' },
    { origin: 'a\nb' },
    { size: -1 },
    { size: 0.5 },
    { root: EMPTY_ROOT.subarray(1) },
    { extensions: [''] },
    { extensions: ['a\tb'] },
  ])
    assert.throws(() => formatCheckpoint({ ...good, ...bad }), refused('malformed_checkpoint'))
})

test('what a cosigner signs, octet by octet', () => {
  assert.equal(String(cosignatureMessage(1_679_315_147, TEXT)), `cosignature/v1\ntime 1679315147\n${TEXT}`)
  const { origin, size, root } = parseCheckpoint(TEXT)
  const message = checkpointMessage('w.example', 0x0102030405, { origin, size, root })
  const expected = [
    Buffer.from('subtree/v1\n\0').toString('hex'),
    `09${Buffer.from('w.example').toString('hex')}`,
    '0000000102030405',
    `1b${Buffer.from(origin).toString('hex')}`,
    '0000000000000000',
    '00000000013e2dc3',
    Buffer.from(root).toString('hex'),
  ]
  assert.equal(message.toString('hex'), expected.join(''))
})

test('what cannot be said is not signed', () => {
  const good = { cosigner: 'w', timestamp: 0, origin: 'o', range: { start: 8, end: 13 }, hash: EMPTY_ROOT }
  assert.equal(subtreeMessage(good).length, 12 + 2 + 8 + 2 + 16 + 32)
  for (const bad of [
    { timestamp: 1 },
    { timestamp: -1 },
    { range: { start: 2, end: 1 } },
    { range: { start: 0.5, end: 1 } },
    { hash: EMPTY_ROOT.subarray(1) },
    { origin: '' },
    { origin: 'o'.repeat(256) },
  ])
    assert.throws(() => subtreeMessage({ ...good, ...bad }), refused('out_of_range'))
  assert.throws(() => subtreeMessage({ ...good, cosigner: 'a b' }), refused('malformed_key'))
  for (const time of [-1, 0.5, 2 ** 53, Number.NaN]) {
    assert.throws(() => cosignatureMessage(time, TEXT), refused('out_of_range'))
    assert.throws(() => formatTimestamped(time, Buffer.alloc(64)), refused('out_of_range'))
  }
})

for (const type of ['cosignature', 'subtree'] as const)
  test(`a key of type ${type} signs checkpoints, and its signatures are good for nothing else`, () => {
    const checkpoint = { origin: 'log.example', size: 3, root: EMPTY_ROOT }
    const witness = noteSigner(type, 'witness.example/w1')
    const key = parseVerifierKey(formatVerifierKey(witness.key))
    const verifier = noteVerifier(key)
    const note = parseNote(signedBy(checkpoint, witness))
    const [line] = openNote(note, [verifier])
    assert.ok(line)
    assert.equal(cosignatureTime(key, line), 1_764_000_000)
    for (const other of [{ size: 4 }, { origin: 'log.exampl' }, { root: Buffer.alloc(32) }]) {
      const text = formatCheckpoint({ ...checkpoint, ...other })
      assert.throws(() => openNote({ ...note, text }, [verifier]), refused('bad_signature'))
    }
    for (let at = 0; at < line.signature.length; at += type === 'subtree' ? 97 : 1) {
      const signature = Buffer.from(line.signature)
      signature[at] = (signature[at] ?? 0) ^ 0x10
      assert.throws(
        () => openNote({ ...note, signatures: [{ ...line, signature }] }, [verifier]),
        refused('bad_signature'),
      )
    }
    for (const signature of [line.signature.subarray(1), line.signature.subarray(0, -1), line.signature.subarray(8)])
      assert.ok(!verifier.verify(note.text, signature))
    // Not even a good signature makes a checkpoint of what is none.
    assert.ok(!verifier.verify('no checkpoint\n', line.signature))
  })

test('extension lines are covered by Ed25519 and not by ML-DSA-44', () => {
  const checkpoint = { origin: 'log.example', size: 3, root: EMPTY_ROOT, extensions: ['more'] }
  const [classic, modern] = [noteSigner('cosignature', 'c'), noteSigner('subtree', 'm')]
  const note = parseNote(signedBy(checkpoint, classic, modern))
  assert.equal(openNote(note, [noteVerifier(classic.key), noteVerifier(modern.key)]).length, 2)
  const other = { ...note, text: note.text.replace('more', 'less') }
  assert.throws(() => openNote(other, [noteVerifier(classic.key)]), refused('bad_signature'))
  assert.equal(openNote(other, [noteVerifier(modern.key)]).length, 1)
})

test('cosignatures of a part of a tree', () => {
  const witness = noteSigner('subtree', 'witness.example')
  const statement = { origin: 'log.example', range: { start: 8, end: 13 }, hash: EMPTY_ROOT }
  const line = witness.signSubtree({ ...statement, timestamp: 0 })
  assert.ok(verifySubtreeCosignature(witness.key, statement, line))
  for (const other of [
    { origin: 'log' },
    { range: { start: 8, end: 12 } },
    { range: { start: 0, end: 13 } },
    { hash: Buffer.alloc(32) },
  ])
    assert.ok(!verifySubtreeCosignature(witness.key, { ...statement, ...other }, line))
  assert.ok(!verifySubtreeCosignature(noteSigner('subtree', 'witness.example').key, statement, line))
  assert.ok(!verifySubtreeCosignature({ ...witness.key, type: 'cosignature' }, statement, line))
  assert.ok(!verifySubtreeCosignature(witness.key, statement, { ...line, signature: line.signature.subarray(1) }))
  // A time on a part that does not begin at leaf 0 must not be, so nobody signs it and nobody believes it.
  const stamped = { ...line, signature: formatTimestamped(5, line.signature.subarray(8)) }
  assert.ok(!verifySubtreeCosignature(witness.key, statement, stamped))
})

test('a time is only on what has one', () => {
  const checkpoint = { origin: 'log.example', size: 3, root: EMPTY_ROOT }
  const log = noteSigner('note', 'log.example')
  assert.throws(() => cosignatureTime(log.key, log.sign(checkpoint)), refused('malformed_key'))
  const witness = noteSigner('cosignature', 'w')
  const late = { ...witness.sign(checkpoint), signature: Buffer.alloc(72, 0xff) }
  assert.throws(() => cosignatureTime(witness.key, late), refused('malformed_key'))
  assert.ok(!noteVerifier(witness.key).verify(formatCheckpoint(checkpoint), late.signature))
})
