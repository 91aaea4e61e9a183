// The reader of plain XML against saxes: for every document, whole or damaged, it declines or gives the very tree that saxes gives.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import test from 'node:test'
import { readPlainXml } from '../../../protocol/xml-plain.ts'
import { readWithSaxes } from '../../../protocol/xml-saxes.ts'
import type { Opaque } from '../../../protocol/xml-tree.ts'
import { haveVectors, needsVectors, vectorPath } from '../../vectors.ts'
import { freshSeed, generate, random } from '../evidence/documents.ts'

const BOUNDS = { maxBytes: 4 << 20, maxDepth: 12, maxNodes: 2_000, maxAttributes: 16 }
const WIDE = { maxBytes: 4 << 20, maxDepth: 64, maxNodes: 200_000, maxAttributes: 64 }

/** Whether the reader took the document. Fails when saxes refuses what it took, or reads another tree. */
function agrees(xml: string | Buffer, bounds = BOUNDS): boolean {
  const bytes = Buffer.from(xml as string)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return false // refused before either reader sees it
  }
  const plain = readPlainXml(text, bounds)
  if (plain === undefined) return false
  let judged: ReturnType<typeof readWithSaxes>
  try {
    judged = readWithSaxes(text, bounds)
  } catch (cause) {
    assert.fail(`taken, but refused by saxes (${(cause as Error).cause}): ${JSON.stringify(text)}`)
  }
  assert.deepEqual(plain, judged, JSON.stringify(text))
  // The same when some of it is not kept; then more fits into the bounds.
  const opaque: Opaque = ({ parent, attributes }) => parent !== undefined && attributes.length !== 1
  const pruned = readPlainXml(text, bounds, opaque)
  assert.deepEqual(pruned, readWithSaxes(text, bounds, 'UTF-8', opaque), JSON.stringify(text))
  return true
}

/** A signature in miniature, with everything that plain XML may have. */
const SAMPLES = [
  '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="s"><ds:SignedInfo>' +
    '<ds:Reference Id=\'r\' URI="/a.xml"><ds:DigestValue>YWJj&#13;\nZGVm</ds:DigestValue></ds:Reference></ds:SignedInfo>' +
    '<x:Q xmlns:x="urn:x" xmlns="urn:d" x:a="1" a="2"><Cert xml:lang="et"/><y xmlns=""><z/></y></x:Q >\n</ds:Signature>\n',
  '<a xmlns="urn:a" xmlns:b="urn:b" b:c="&lt;&#x41;&quot;"><b:d e=""/>õun &amp; &#128512;<b:d\n\te="ä" ></b:d></a>',
  '<r><a/><a x="1" y="2"><b>]] &gt;</b></a>text<c xmlns:p="u" p:q="v"/></r>',
]

test('plain documents are taken', () => {
  for (const sample of SAMPLES) assert.ok(agrees(sample), sample)
})

test('what is not plain, or not well-formed, is declined', () => {
  for (const text of [
    ...[
      '',
      ' ',
      '<',
      '<a',
      '<a>',
      '<a></b>',
      '<a></ab>',
      '<ab></a>',
      '<a/><b/>',
      'x<a/>',
      '<a/>x',
      '</a>',
      '<a/>&amp;',
      '< a/>',
    ],
    ...[
      '<a b/>',
      '<a b=1/>',
      '<a b="<"/>',
      '<a b="1" b="2"/>',
      '<a b="1"c="2"/>',
      '<a b="\t"/>',
      '<a b="1/>',
      '<a / >',
      '<a b ="1"/>',
    ],
    ...[
      '<a>&none;</a>',
      '<a>&#0;</a>',
      '<a>&#xD800;</a>',
      '<a>&#xFFFE;</a>',
      '<a>&#1114112;</a>',
      '<a>&#X41;</a>',
      '<a>& </a>',
      '<a>&</a>;',
    ],
    ...[
      '<a>]]></a>',
      '<a><!-- c --></a>',
      '<a><?p?></a>',
      '<a><![CDATA[x]]></a>',
      '<!DOCTYPE a><a/>',
      '<?p?><a/>',
      '<a/><!-- c -->',
    ],
    ...['<b:a/>', '<a b:c=""/>', '<:a/>', '<a:/>', '<a:b:c xmlns:a="u"/>', '<xmlns:a/>', '<1a/>', '<ä/>', '<a ä=""/>'],
    ...[
      '<a xmlns:b=""/>',
      '<a xmlns=" u"/>',
      '<a xmlns:xml="u"/>',
      '<a xmlns:xmlns="u"/>',
      '<a xmlns:x="u" xmlns:y="u" x:b="" y:b=""/>',
    ],
    ...[
      '<a xmlns="http://www.w3.org/2000/xmlns/"/>',
      '<a xmlns:x="http://www.w3.org/XML/1998/namespace"/>',
      '<a xmlns:x="u" xmlns:x="u"/>',
    ],
    ...[
      '<a><b xmlns:p="u"/><p:c/></a>',
      '<a><b xmlns:p="u"></b><p:c/></a>',
      '<a><p:b xmlns:p="u"><p:c/></p:b><d p:e=""/></a>',
    ],
    ...[
      '<?xml?><a/>',
      '<?xml version="1.1"?><a/>',
      '<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
      ' <?xml version="1.0"?><a/>',
    ],
    ...[
      '\uFEFF\uFEFF<a/>',
      '<a>\r\n</a>',
      '<a>\u0000</a>',
      '<a b="\u0001"/>',
      '<a>\uFFFE</a>',
      '<a>\uFFFF</a>',
      `<a>${'<b>'.repeat(99)}`,
    ],
  ])
    assert.equal(agrees(text), false, JSON.stringify(text))
})

test('of the controls only the tab and the line feed are plain, among letters of any width', () => {
  for (const letters of ['a', 'õ', '漢']) {
    const taken = Array.from({ length: 0x20 }, (_, code) => code).filter((code) =>
      agrees(`<a>${letters}${String.fromCharCode(code)}</a>`),
    )
    assert.deepEqual(taken, [0x09, 0x0a])
    for (const code of [0xfffe, 0xffff]) assert.ok(!agrees(`<a>${letters}${String.fromCharCode(code)}</a>`))
    for (const code of [0x20, 0x7f, 0x85, 0xd7ff, 0xe000, 0xfffd])
      assert.ok(agrees(`<a>${letters}${String.fromCharCode(code)}</a>`))
  }
})

test('bounds decline, one beyond them', () => {
  for (const [inside, beyond] of [
    [`${'<a>'.repeat(12)}${'</a>'.repeat(12)}`, `${'<a>'.repeat(13)}${'</a>'.repeat(13)}`],
    [`${'<a>'.repeat(11)}<a/>${'</a>'.repeat(11)}`, `${'<a>'.repeat(12)}<a/>${'</a>'.repeat(12)}`],
    [`<a>${'<b/>'.repeat(1999)}</a>`, `<a>${'<b/>'.repeat(2000)}</a>`],
    [`<a>${'<b/>x'.repeat(999)}</a>`, `<a>${'<b/>x'.repeat(1000)}</a>`],
    ...[16].map((count) => {
      const attributes = Array.from({ length: count }, (_, index) => ` b${index}=""`).join('')
      return [`<a${attributes}/>`, `<a${attributes} c=""/>`] as const
    }),
  ] as const) {
    assert.ok(agrees(inside))
    assert.equal(agrees(beyond), false)
  }
  const nested = (count: number) => Array.from({ length: count }, (_, index) => `<a xmlns:p${index}="u">`).join('')
  assert.equal(agrees(nested(33) + '</a>'.repeat(33), WIDE), false)
  assert.ok(agrees(nested(32) + '</a>'.repeat(32), WIDE))
})

test('time is linear in references, names and unclosed values', () => {
  const many = 200_000
  for (const text of [
    `<a>${'<b/>x'.repeat(many)}&amp;</a>`,
    `<a>${'&'.repeat(many)}</a>`,
    `<a b="${'&amp'.repeat(many)}"/>`,
    `<${'a'.repeat(many)}`,
  ])
    agrees(text, { ...WIDE, maxNodes: many * 3 })
})

test('XML of the vectors is read alike', (t) => {
  if (!needsVectors(t)) return
  let taken = 0
  const found = vectorDocuments()
  for (const xml of found) if (agrees(xml, WIDE)) taken++
  t.diagnostic(`${taken} of ${found.length} documents are plain`)
  assert.ok(taken > 20, 'nearly everything of the message path is plain')
})

const PIECES = [
  ...[
    '<',
    '>',
    '/',
    '/>',
    '</',
    '&',
    ';',
    '"',
    "'",
    '=',
    ' ',
    '\t',
    '\n',
    '\r',
    '\r\n',
    ':',
    '\0',
    '\u0001',
    '\u007f',
    '\u0085',
    '\u2028',
  ],
  ...[
    '\uFFFE',
    '\uFFFD',
    '\uFEFF',
    '😀',
    'é',
    ']]>',
    ']]',
    '<!-- c -->',
    '<![CDATA[x]]>',
    '<?pi d?>',
    '<?xml version="1.0"?>',
    '<!DOCTYPE a>',
  ],
  ...[
    '&amp;',
    '&lt;',
    '&none;',
    '&#13;',
    '&#0;',
    '&#x1F600;',
    '&#xD800;',
    '&#x;',
    '&#X41;',
    '&#00000000065;',
    '<q/>',
    '<q>',
    '</q>',
    '<q>z</q>',
  ],
  ...[
    ' xmlns=""',
    ' xmlns="urn:z"',
    ' xmlns:p="urn:z"',
    ' xmlns:p=""',
    ' xmlns:xml="urn:z"',
    ' xmlns:xmlns="urn:z"',
    ' xmlns:b=" u "',
  ],
  ...[
    ' xmlns:xml="http://www.w3.org/XML/1998/namespace"',
    ' xmlns="http://www.w3.org/2000/xmlns/"',
    ' xml:space="preserve"',
    ' xmlns:x="urn:x"',
  ],
  ...[
    ' a="1"',
    " a='1'",
    'a="1"',
    ' a="<"',
    ' p:a="1"',
    ' x:a="1"',
    ' a ="1"',
    ' a= "1"',
    ' a=1',
    ' a',
    ' a="&lt;"',
    ' a="\t\n"',
    'p:',
    'x:',
  ],
]

/** One damage: an octet flipped, a piece put in (anywhere, or where it bites), a stretch removed, doubled or exchanged. */
function damaged(xml: Buffer, next: () => number): Buffer {
  const below = (limit: number) => Math.floor(next() * limit)
  const spots = [...xml.entries()].filter(([, byte]) => '<>"=/ '.includes(String.fromCharCode(byte))).map(([at]) => at)
  const near = next() < 0.6 && spots.length > 0 ? (spots[below(spots.length)] ?? 0) + below(2) : below(xml.length + 1)
  const length = next() < 0.7 ? 1 + below(3) : below(40)
  const [head, rest] = [xml.subarray(0, near), xml.subarray(near)]
  switch (below(6)) {
    case 0: {
      const copy = Buffer.from(xml)
      if (near < copy.length) copy[near] = (copy[near] as number) ^ (1 << below(8))
      return copy
    }
    case 1:
    case 2:
      return Buffer.concat([head, Buffer.from(PIECES[below(PIECES.length)] as string), rest])
    case 3:
      return Buffer.concat([head, rest.subarray(length)])
    case 4:
      return Buffer.concat([head, rest.subarray(0, length), rest])
    default: {
      const other = spots[below(spots.length)] ?? 0
      const [from, to] = [Math.min(near, other), Math.max(near, other)]
      const piece = xml.subarray(to, to + length)
      return Buffer.concat([xml.subarray(0, from), piece, xml.subarray(from, to), xml.subarray(to + piece.length)])
    }
  }
}

test('forty thousand damaged documents are declined or read alike', (t) => {
  const next = random(freshSeed(t))
  const originals: Buffer[] = [
    ...SAMPLES.map((text) => Buffer.from(text)),
    ...Array.from({ length: 100 }, () => Buffer.from(generate(next).xml)),
  ]
  if (haveVectors()) originals.push(...vectorDocuments().filter(({ length }) => length < 12_000))
  let taken = 0
  for (let round = 0; round < 40_000; round++) {
    // Samples most of all: in small documents nearly every damage matters.
    const pool = next() < 0.7 ? SAMPLES.length : originals.length
    let xml: Buffer = originals[Math.floor(next() * pool)] as Buffer
    for (let damages = next() < 0.7 ? 1 : 2; damages > 0; damages--) xml = damaged(xml, next)
    if (agrees(xml)) taken++
  }
  t.diagnostic(`${taken} of 40000 were taken`)
  assert.ok(taken > 2_000, 'the reader must take enough to be judged')
})

function vectorDocuments(): Buffer[] {
  return readdirSync(vectorPath(), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.asice') && !entry.name.endsWith('.zip'))
    .flatMap(({ parentPath, name }) => xmlIn(readFileSync(`${parentPath}/${name}`)))
}

/** The file itself, or what stands in it between a start and the end of its XML: parts of a recorded exchange. */
function xmlIn(file: Buffer): Buffer[] {
  const found: Buffer[] = []
  const text = file.toString('latin1')
  for (const match of text.matchAll(
    /(?:<\?xml [^>]*>\s*)?<([A-Za-z][\w.-]*:)?(\w+)[^>]*\sxmlns[^>]*>[\s\S]*?<\/\1?\2\s*>\s*/g,
  ))
    found.push(Buffer.from(match[0], 'latin1'))
  return found
}
