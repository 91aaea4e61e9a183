// Strings replaced inside JSON: the same texts are JSON as JSON.parse says, and nothing but the strings changes.
import assert from 'node:assert/strict'
import test from 'node:test'
import { replaceStrings } from '../../../../security-server/metadata/json-strings.ts'

const SAMPLE = String.raw`{ "a" : [1, -0.5e+10, true, false, null, {"b\u0063": "x\"\\\/\b\f\n\r\t\u00fc"}, []], "": {}, "ä": "õ😀",
  "deep": [[["end"]]] }`

test('what stands in place of a string depends on its path', () => {
  const seen: string[] = []
  const written = replaceStrings(SAMPLE, (path, value) => {
    seen.push(path.join('.'))
    return value === 'end' ? 'new "end"\u2028' : value
  })
  assert.deepEqual(seen, ['a.[].bc', 'ä', 'deep.[].[].[]'])
  assert.equal(written, SAMPLE.replace('"end"', JSON.stringify('new "end"\u2028')))
})

test('JSON is what JSON.parse takes, and over 200 levels are refused', () => {
  const keep = (_path: readonly string[], value: string) => value
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '0',
    '01',
    '-',
    '.',
    'e',
    'null',
    'tru',
    ' ',
    '\n',
    '\u0001',
    'x',
    '\u00a0',
    '',
  ]
  let accepted = 0
  for (let round = 0; round < 20_000; round++) {
    // A fixed walk over places, lengths and pieces: the same texts each time.
    const at = (round * 7919) % SAMPLE.length
    const piece = pieces[round % pieces.length] ?? ''
    const text = SAMPLE.slice(0, at) + piece + SAMPLE.slice(at + ((round * 31) % 4))
    const valid = attempt(() => JSON.parse(text))
    assert.equal(
      attempt(() => assert.equal(replaceStrings(text, keep), text)),
      valid,
      text,
    )
    if (valid) accepted++
  }
  assert.ok(accepted > 500 && accepted < 19_500, String(accepted))
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  assert.equal(replaceStrings(nested(200), keep), nested(200))
  assert.throws(() => replaceStrings(nested(201), keep), /levels deep/)
})

function attempt(what: () => unknown): boolean {
  try {
    what()
    return true
  } catch {
    return false
  }
}
