import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatNote,
  formatSignatureLines,
  formatVerifierKey,
  MAXIMUM_NOTE_BYTES,
  noteVerifier,
  openNote,
  parseNote,
  parseSignatureLines,
  parseVerifierKey,
  type TransparencyCode,
  TransparencyError,
  verifierKey,
  withSignatures,
} from '#transparency'
import { noteSigner } from './signers.ts'

const refused = (code: TransparencyCode) => ({ name: TransparencyError.name, code })

// The examples of C2SP signed-note and of Go's note package.
const PUBLISHED = [
  {
    key: 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
    note: 'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
  },
  {
    key: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    note: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n",
  },
]

for (const { key, note } of PUBLISHED)
  test(`the published note of ${key.split('+')[0]}`, () => {
    const parsed = parseNote(Buffer.from(note))
    const verifier = noteVerifier(parseVerifierKey(key))
    assert.deepEqual(openNote(parsed, [verifier]), parsed.signatures)
    assert.equal(formatVerifierKey(parseVerifierKey(key)), key)
    assert.equal(String(formatNote(parsed)), note)
    for (let at = 0; at < note.length; at += 1) {
      const other = note.slice(0, at) + (note[at] === 'A' ? 'B' : 'A') + note.slice(at + 1)
      assert.throws(() => openNote(parseNote(Buffer.from(other)), [verifier]), TransparencyError)
    }
  })

test('a verifier key with anything changed is refused', () => {
  for (const { key } of PUBLISHED) {
    for (let from = 0; from <= key.length; from += 1)
      for (let to = from; to <= key.length; to += 1)
        if (to - from < key.length) assert.throws(() => parseVerifierKey(key.slice(from, to)), refused('malformed_key'))
    for (let at = 0; at < key.length; at += 1) {
      const other = key.slice(0, at) + String.fromCharCode(key.charCodeAt(at) + 1) + key.slice(at + 1)
      assert.throws(() => parseVerifierKey(other), refused('malformed_key'))
    }
  }
  // Adjusted key ids, from Go's tests: octets too many, a type that nobody defined.
  for (const key of [
    'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==',
    'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
    `${'a'.repeat(5000)}+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW`,
    '',
    '++',
  ])
    assert.throws(() => parseVerifierKey(key), refused('malformed_key'))
})

test('names that cannot be those of a key', () => {
  const raw = noteSigner('note', 'n').key.publicKey
  for (const name of ['', 'a b', 'a+b', 'a\nb', 'a\u00a0b', 'a\u2003b', 'a\u0000', 'a\ud800', 'õ'.repeat(128)])
    assert.throws(() => verifierKey('note', name, raw), refused('malformed_key'))
  for (const name of ['a', 'saadik.example/log', 'õ'.repeat(127), 'oid/1.3.6.1'])
    assert.equal(parseVerifierKey(formatVerifierKey(verifierKey('note', name, raw))).name, name)
  assert.throws(() => verifierKey('note', 'a', raw.subarray(1)), refused('malformed_key'))
  assert.throws(() => verifierKey('subtree', 'a', raw), refused('malformed_key'))
})

const LINE = '— a.example AAAAAQAA\n'

test('the text ends at the last empty line', () => {
  const note = parseNote(Buffer.from(`\n\nverse\n\n\nverse\n\n${LINE}`))
  assert.equal(note.text, '\n\nverse\n\n\nverse\n')
  assert.deepEqual(note.signatures, [{ name: 'a.example', id: 1, signature: Buffer.of(0, 0) }])
  assert.equal(parseNote(Buffer.from(`\n\n${LINE}`)).text, '\n')
})

for (const [why, text] of [
  ['nothing', ''],
  ['no signature', 'text\n'],
  ['no empty line', `text\n${LINE}`],
  ['an empty line and nothing after it', 'text\n\n'],
  ['a last line that does not end', `text\n\n${LINE.trimEnd()}`],
  ['a carriage return', `text\r\n\n${LINE}`],
  ['a tab', `te\txt\n\n${LINE}`],
  ['a NUL', `te\0xt\n\n${LINE}`],
  ['a hyphen for the dash', `text\n\n- a.example AAAAAQAA\n`],
  ['two spaces', `text\n\n—  a.example AAAAAQAA\n`],
  ['a space after', `text\n\n— a.example AAAAAQAA \n`],
  ['no name', `text\n\n— AAAAAQAA\n`],
  ['a plus in the name', `text\n\n— a+b AAAAAQAA\n`],
  ['a no-break space in the name', `text\n\n— a\u00a0b AAAAAQAA\n`],
  ['base64 that is none', `text\n\n— a.example AAAA_QAA\n`],
  ['base64 that is not canonical', `text\n\n— a.example AAAAAQAB=\n`],
  ['bits that mean nothing', `text\n\n— a.example AAAAAQB=\n`],
  ['a key id alone', `text\n\n— a.example AAAAAQ==\n`],
  ['a line of something else', `text\n\n${LINE}note\n`],
  ['65 signatures', `text\n\n${LINE.repeat(65)}`],
] as const)
  test(`${why} is no note`, () => {
    assert.throws(() => parseNote(Buffer.from(text)), refused('malformed_note'))
  })

test('bounds: size and characters', () => {
  assert.equal(parseNote(Buffer.from(`text\n\n${LINE.repeat(64)}`)).signatures.length, 64)
  assert.throws(() => parseNote(Buffer.from(`\ufeff\xff`, 'latin1')), refused('malformed_note'))
  assert.throws(() => parseNote(Buffer.alloc(MAXIMUM_NOTE_BYTES + 1, 0x0a)), refused('malformed_note'))
  // A byte order mark is part of the text, not swallowed.
  assert.equal(parseNote(Buffer.from(`\ufeffa\n\n${LINE}`)).text, '\ufeffa\n')
})

test('only signatures of known keys count, and they must all be right', () => {
  const checkpoint = { origin: 'log.example', size: 0, root: Buffer.alloc(32) }
  const [log, other, stranger] = [noteSigner('note', 'log.example'), noteSigner('note', 'b'), noteSigner('note', 'c')]
  const line = log.sign(checkpoint)
  const text = 'log.example\n0\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n'
  const junk = { name: 'c', id: 7, signature: Buffer.of(1) }
  const note = { text, signatures: [junk, line, stranger.sign(checkpoint)] }
  const verifiers = [noteVerifier(log.key), noteVerifier(other.key)]
  assert.deepEqual(openNote(note, verifiers), [line])
  assert.throws(() => openNote(note, []), refused('unsigned'))
  assert.throws(() => openNote(note, [noteVerifier(other.key)]), refused('unsigned'))
  // One wrong signature of a key that we know spoils the note, whatever else signed it.
  const forged = { ...other.sign(checkpoint), signature: line.signature }
  assert.throws(() => openNote({ text, signatures: [line, forged] }, verifiers), refused('bad_signature'))
  // The same name with another id, and the same id with another name, are strangers.
  const alike = [
    { ...line, id: line.id ^ 1 },
    { ...line, name: 'log.example2' },
  ]
  assert.throws(() => openNote({ text, signatures: alike }, verifiers), refused('unsigned'))
})

test('signature lines alone, and added to a note', () => {
  const signatures = parseSignatureLines(`${LINE}— ü 8AAAAQEC\n`)
  assert.deepEqual(
    signatures.map(({ name, id }) => [name, id]),
    [
      ['a.example', 1],
      ['ü', 0xf0000001],
    ],
  )
  assert.equal(formatSignatureLines(signatures), `${LINE}— ü 8AAAAQEC\n`)
  const note = parseNote(Buffer.from(`text\n\n${LINE}`))
  assert.equal(String(formatNote(withSignatures(note, signatures))), `text\n\n${LINE}— ü 8AAAAQEC\n`)
  assert.throws(() => parseSignatureLines(''), refused('malformed_note'))
  assert.throws(() => parseSignatureLines('\n'), refused('malformed_note'))
})

test('what could not be read is not written', () => {
  const signatures = parseSignatureLines(LINE)
  for (const text of ['', 'text', 'a\tb\n', 'a\ud800\n'])
    assert.throws(() => formatNote({ text, signatures }), refused('malformed_note'))
  assert.throws(() => formatNote({ text: 'a\n', signatures: [] }), refused('malformed_note'))
  for (const name of ['', 'a b']) assert.throws(() => formatSignatureLines([{ name, id: 1, signature: Buffer.of(1) }]))
  assert.throws(() => formatSignatureLines([{ name: 'a', id: 1, signature: Buffer.of() }]), refused('malformed_note'))
})
