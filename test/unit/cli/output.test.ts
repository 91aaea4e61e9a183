import assert from 'node:assert/strict'
import test from 'node:test'
import { facts, printable } from '../../../cli/output.ts'

test('texts of others cannot drive the terminal', () => {
  assert.equal(printable('a\u001b]0;title\u0007b\u001b[2Jc\u009b1mx'), 'a\ufffd]0;title\ufffdb\ufffd[2Jc\ufffd1mx')
  assert.equal(printable('\u202egpj.exe\u2066\u200f'), '\ufffdgpj.exe\ufffd\ufffd')
  assert.equal(printable('\u001b[31mred\u001b[39m\n'), '\u001b[31mred\u001b[39m\n')
})

test('facts are aligned, leave out what is not there, and stay on their line', () => {
  assert.deepEqual(
    facts([
      ['a', '1'],
      ['long', undefined],
      ['bcd', 'x\r\nVALID'],
    ]),
    ['  a    1', '  bcd  x VALID'],
  )
})
