import assert from 'node:assert/strict'
import test from 'node:test'
import {
  attributeOf,
  childElement,
  childElements,
  descendants,
  escapeAttribute,
  escapeText,
  isElement,
  ProtocolError,
  readXml,
  textOf,
  XMLNS,
} from '#protocol'

const read = (text: string, limits = {}) => readXml(Buffer.from(text), limits)

function refused(bytes: string | Uint8Array, why: RegExp, limits = {}): void {
  assert.throws(
    () => readXml(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, limits),
    (error) =>
      error instanceof ProtocolError &&
      error.code === 'invalid_xml' &&
      why.test(`${error.message} ${(error.cause as Error)?.message ?? ''}`),
  )
}

test('the tree keeps what a canonicaliser needs', () => {
  const root = read(
    '<?xml version="1.0" encoding="utf-8"?><!-- dropped -->\n' +
      '<a xmlns="urn:a" xmlns:b="urn:b" b:c=" 1\n2&#10;3\r\n4" d="&lt;&amp;">t\r\nx&#13;<![CDATA[<y>]]><!-- c -->z<?pi some  data?><b:e/></a>\n<?after?>',
  )
  assert.deepEqual(
    root.attributes.map(({ name, prefix, local, namespace, value }) => [name, prefix, local, namespace, value]),
    [
      ['xmlns', '', 'xmlns', XMLNS, 'urn:a'],
      ['xmlns:b', 'xmlns', 'b', XMLNS, 'urn:b'],
      ['b:c', 'b', 'c', 'urn:b', ' 1 2\n3 4'],
      ['d', '', 'd', '', '<&'],
    ],
  )
  const [text, instruction, child] = root.children
  assert.equal(text, 't\nx\r<y>z')
  assert.deepEqual(instruction, { target: 'pi', data: 'some  data' })
  assert.ok(child !== undefined && isElement(child))
  assert.deepEqual([child.name, child.prefix, child.local, child.namespace], ['b:e', 'b', 'e', 'urn:b'])
  assert.equal(child.parent, root)
  assert.equal(root.parent, undefined)
})

test('helpers find elements, attributes and text', () => {
  const root = read('<r xmlns:i="urn:i"><x i:k="1" k="2">a<y>b</y>c</x><i:x/><x/></r>')
  const first = childElement(root, '', 'x')
  assert.ok(first)
  assert.equal(textOf(first), 'abc')
  assert.equal(attributeOf(first, 'k'), '2')
  assert.equal(attributeOf(first, 'k', 'urn:i'), '1')
  assert.equal(attributeOf(first, 'z'), undefined)
  assert.equal(childElements(root).length, 3)
  assert.equal(childElements(root, '', 'x').length, 2)
  assert.deepEqual(
    [...descendants(root)].map(({ name }) => name),
    ['r', 'x', 'y', 'i:x', 'x'],
  )
})

test('what is not well-formed or not namespace-correct is refused', () => {
  for (const text of [
    '',
    ' ',
    '<a>',
    '<a></b>',
    '<a/><b/>',
    'x<a/>',
    '<a b=1/>',
    '<a b="<"/>',
    '<a b="1" b="2"/>',
    '<a>&none;</a>',
    '<a>&#0;</a>',
    '<a>]]></a>',
    '<a><!-- -- --></a>',
    '<b:a/>',
    '<a xmlns:b=""/>',
    '<a xmlns:x="u" xmlns:y="u" x:b="" y:b=""/>',
    '<a xmlns:xml="urn:other"/>',
    '<?xml?><a/>',
    '\u0000<a/>',
  ]) {
    refused(text, /well-formed/)
  }
  refused('<a xmlns=" urn:a"/>', /white space/)
})

test('DOCTYPE, other encodings and XML 1.1 are refused', () => {
  refused('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', /DOCTYPE/)
  refused('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', /DOCTYPE/)
  refused('<?xml version="1.0" encoding="ISO-8859-1"?><a/>', /UTF-8/)
  refused('<?xml version="1.1"?><a/>', /1\.0/)
  refused(Buffer.from('<a>\xff</a>', 'latin1'), /UTF-8/)
  refused(Buffer.from('\uFEFF<a/>', 'utf16le'), /UTF-8|well-formed/)
  assert.equal(read('\uFEFF<a/>').name, 'a')
})

test('bytes, depth, nodes and attributes are bounded', () => {
  refused('<a></a>', /bytes/, { maxBytes: 6 })
  refused('<a>'.repeat(1000), /deep/)
  refused(`<a>${'<b/>'.repeat(50)}</a>`, /nodes/, { maxNodes: 50 })
  refused(`<a>${'<b/>x<?p?>'.repeat(20)}</a>`, /nodes/, { maxNodes: 50 })
  assert.equal(read(`<a>${'<b/>'.repeat(49)}</a>`, { maxNodes: 50 }).children.length, 49)
  refused(`<a ${Array.from({ length: 65 }, (_, index) => `b${index}=""`).join(' ')}/>`, /attributes/)
  refused(
    `<a><b ${Array.from({ length: 1_000_000 }, (_, index) => `b${index}=""`).join(' ')}/></a>`,
    /bytes|attributes/,
  )
})

test('escaping gives canonical text and nothing that XML cannot carry', () => {
  assert.equal(escapeText('a<b>&"\'\r\n\tc'), 'a&lt;b&gt;&amp;"\'&#xD;\n\tc')
  assert.equal(escapeAttribute('a<b>&"\'\r\n\tc'), "a&lt;b>&amp;&quot;'&#xD;&#xA;&#x9;c")
  assert.equal(escapeText('\u0000\u000b\uD800\uFFFE\u{1F600}'), '\uFFFD\uFFFD\uFFFD\uFFFD\u{1F600}')
  const hostile = 'x"><&\r\n\t\u{1F600}'
  const root = read(`<a b="${escapeAttribute(hostile)}">${escapeText(hostile)}</a>`)
  assert.equal(attributeOf(root, 'b'), hostile)
  assert.equal(textOf(root), hostile)
})
