// Documents that people hand to a command: read in time that grows with them, and refused in words when they say nothing.
import assert from 'node:assert/strict'
import test from 'node:test'
import { CliError } from '../../../cli/error.ts'
import { readDocument } from '../../../cli/files.ts'

test('YAML and JSON, however many keys there are', () => {
  assert.deepEqual(readDocument('a: 1\nb: [x]', 'f'), { a: 1, b: ['x'] })
  assert.deepEqual(readDocument('{"a":{"b":null}}', 'f'), { a: { b: null } })
  // Compared each with each other, these would take minutes.
  const many = Array.from({ length: 60_000 }, (_, index) => `k${index}: ${index}`).join('\n')
  assert.equal(Object.keys(readDocument(many, 'f') as object).length, 60_000)
})

for (const [what, text] of [
  ['a key that is there twice', 'a: 1\na: 2'],
  ['no YAML', 'a: [1'],
  [
    'too many aliases',
    `a: &a [1]\nb: [${Array.from({ length: 101 }, () => '*a').join(', ')}]\nc: &c [*a, *a]\nd: [*c, *c]`,
  ],
] as const)
  test(`refused: ${what}`, () => {
    assert.throws(
      () => readDocument(text, 'f.yaml'),
      (error) => error instanceof CliError && error.code === 'unreadable' && error.message.startsWith('f.yaml '),
    )
  })
