// The client's own XML reader where answers seldom take it; the property in test/fuzz holds it to saxes.
import assert from 'node:assert/strict'
import test from 'node:test'
import { elements, readXml, XmlError, xmlOf } from '../../../client/xml.ts'

test('the end of a line in an attribute value is one blank, however it is written (XML §2.11, §3.3.3)', () => {
  const value = (text: string) => readXml(`<a b="${text}"/>`).attributes[0]?.value
  assert.equal(value('1\r\n2\r3\n4\t5\r\r6'), '1 2 3 4 5  6')
  assert.equal(value('1&#13;&#10;2'), '1\r\n2')
})

test('prefixes are in force inside the element that declares them, the inner one first', () => {
  const text = '<p:a xmlns:p="urn:1" xmlns="urn:d"><p:b xmlns:p="urn:2" xmlns=""><p:c/><c/></p:b><p:b/></p:a>'
  const root = readXml(text)
  const [inner, after] = elements(root)
  assert.deepEqual([root.namespace, inner?.namespace, after?.namespace], ['urn:1', 'urn:2', 'urn:1'])
  assert.ok(inner)
  const [prefixed, plain] = elements(inner)
  assert.deepEqual([prefixed?.namespace, plain?.namespace], ['urn:2', ''])
  // Cut out, it takes along what its surroundings declare.
  assert.ok(prefixed)
  assert.equal(xmlOf(text, prefixed), '<p:c xmlns:p="urn:2" xmlns=""/>')
  assert.throws(() => readXml('<a><b xmlns:p="urn:1"/><p:c/></a>'), XmlError)
})

test('a document of declarations is read in time that grows with it', () => {
  // With a copy of what is in force for each element that declares, this would take minutes: the runner's bound would end the test.
  const declarations = (level: number) =>
    Array.from({ length: 199 }, (_, index) => `xmlns:p${level}x${index}="u"`).join(' ')
  const open = Array.from({ length: 150 }, (_, level) => `<a ${declarations(level)}>`).join('')
  const children = '<b xmlns:q="v"/>'.repeat(50_000)
  assert.equal(readXml(`${open}${children}${'</a>'.repeat(150)}`).local, 'a')
})

test('a byte-order mark inside a document is no white space (found by fuzzing)', () => {
  assert.throws(() => readXml('<z a\ufeff="1"/>'), XmlError)
  assert.throws(() => readXml('<z\ufeffa="1"/>'), XmlError)
})
