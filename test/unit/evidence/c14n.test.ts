// Canonical XML: the corners by hand, and elements in their context by xmlsec1. Whole documents are in c14n-differential.test.ts.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { C14N_EXCLUSIVE, C14N_INCLUSIVE, type C14nMode, canonicalize } from '#evidence'
import { attributeOf, descendants, readXml, type XmlElement } from '#protocol'
import { digest } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { freshSeed, generate, random } from './documents.ts'

const inclusive: C14nMode = { kind: 'inclusive' }
const exclusive: C14nMode = { kind: 'exclusive' }

function parse(xml: string): XmlElement {
  return readXml(Buffer.from(xml))
}

function find(root: XmlElement, id: string): XmlElement {
  for (const element of descendants(root)) if (attributeOf(element, 'Id') === id) return element
  throw new Error(`no element ${id}`)
}

function of(xml: string, mode: C14nMode, id?: string): string {
  const root = parse(xml)
  return Buffer.from(canonicalize(id === undefined ? root : find(root, id), mode)).toString()
}

test('the corners, by hand', () => {
  const cases: [why: string, xml: string, mode: C14nMode, id: string | undefined, expected: string][] = [
    ['empty elements get an end tag', '<a/>', inclusive, undefined, '<a></a>'],
    [
      'attributes are sorted by namespace, then name',
      '<a b="1" a="2" xmlns:z="urn:a" xmlns:y="urn:b" y:a="3" z:b="4"/>',
      inclusive,
      undefined,
      '<a xmlns:y="urn:b" xmlns:z="urn:a" a="2" b="1" z:b="4" y:a="3"></a>',
    ],
    [
      'upper case sorts before lower case',
      '<a xmlns:id="urn:1" xmlns:SOAP-ENV="urn:2"/>',
      inclusive,
      undefined,
      '<a xmlns:SOAP-ENV="urn:2" xmlns:id="urn:1"></a>',
    ],
    [
      'beyond the BMP sorts last',
      '<a \u{10400}="1" \uFB50="2"/>',
      inclusive,
      undefined,
      '<a \uFB50="2" \u{10400}="1"></a>',
    ],
    ['characters in text', '<a>&#13;&amp;&lt;&gt;"\'\t</a>', inclusive, undefined, '<a>&#xD;&amp;&lt;&gt;"\'\t</a>'],
    [
      'characters in values',
      '<a b="&#13;&#10;&#9;&amp;&lt;>&quot;\'"/>',
      inclusive,
      undefined,
      '<a b="&#xD;&#xA;&#x9;&amp;&lt;>&quot;\'"></a>',
    ],
    [
      'line breaks are normalised before',
      '<a b="x\r\ny">1\r\n2\r3</a>',
      inclusive,
      undefined,
      '<a b="x y">1\n2\n3</a>',
    ],
    ['CDATA is text', '<a><![CDATA[<&>]]></a>', inclusive, undefined, '<a>&lt;&amp;&gt;</a>'],
    ['comments are dropped', '<a>1<!-- 2 -->3</a>', inclusive, undefined, '<a>13</a>'],
    ['instructions are kept', '<a><?p q  r?><?s?></a>', inclusive, undefined, '<a><?p q  r?><?s?></a>'],
    [
      'declarations are not repeated',
      '<a xmlns="urn:1"><b xmlns="urn:1"><c xmlns="urn:2"/></b></a>',
      inclusive,
      undefined,
      '<a xmlns="urn:1"><b><c xmlns="urn:2"></c></b></a>',
    ],
    [
      'a default namespace is undone',
      '<a xmlns="urn:1"><b xmlns=""/></a>',
      inclusive,
      undefined,
      '<a xmlns="urn:1"><b xmlns=""></b></a>',
    ],
    ['nothing is undone that is not there', '<a xmlns=""><b xmlns=""/></a>', inclusive, undefined, '<a><b></b></a>'],
    [
      'the apex gets what is in scope',
      '<r xmlns:u="urn:u" xmlns="urn:d"><u:b Id="i"><c/></u:b></r>',
      inclusive,
      'i',
      '<u:b xmlns="urn:d" xmlns:u="urn:u" Id="i"><c></c></u:b>',
    ],
    [
      'the apex gets xml: attributes, the nearest first',
      '<r xml:lang="et" xml:space="preserve"><s xml:lang="en"><b Id="i"/></s></r>',
      inclusive,
      'i',
      '<b Id="i" xml:lang="en" xml:space="preserve"></b>',
    ],
    [
      'its own xml: attributes win',
      '<r xml:lang="et"><b xml:lang="en" Id="i"><c/></b></r>',
      inclusive,
      'i',
      '<b Id="i" xml:lang="en"><c></c></b>',
    ],
    [
      'exclusive: only what is used',
      '<r xmlns:u="urn:u" xmlns:v="urn:v" xmlns="urn:d" xml:lang="et"><u:b Id="i" v:c="1"><c/></u:b></r>',
      exclusive,
      'i',
      '<u:b xmlns:u="urn:u" xmlns:v="urn:v" Id="i" v:c="1"><c xmlns="urn:d"></c></u:b>',
    ],
    [
      'exclusive: declared where used, each time',
      '<r xmlns:u="urn:u"><b Id="i"><u:c/><u:c/></b></r>',
      exclusive,
      'i',
      '<b Id="i"><u:c xmlns:u="urn:u"></u:c><u:c xmlns:u="urn:u"></u:c></b>',
    ],
    [
      'exclusive: xmlns="" where a default is in the output',
      '<r><a xmlns="urn:d" Id="i"><b xmlns=""/></a></r>',
      exclusive,
      'i',
      '<a xmlns="urn:d" Id="i"><b xmlns=""></b></a>',
    ],
    [
      'PrefixList',
      '<r xmlns:u="urn:u" xmlns:v="urn:v"><b Id="i"/></r>',
      { kind: 'exclusive', inclusivePrefixes: ['v', 'nobody'] },
      'i',
      '<b xmlns:v="urn:v" Id="i"></b>',
    ],
    [
      'PrefixList with #default',
      '<r xmlns="urn:d" xmlns:u="urn:u"><u:b Id="i"/></r>',
      { kind: 'exclusive', inclusivePrefixes: ['#default'] },
      'i',
      '<u:b xmlns="urn:d" xmlns:u="urn:u" Id="i"></u:b>',
    ],
    [
      'the prefix xml is never declared',
      '<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:lang="et"/>',
      inclusive,
      undefined,
      '<a xml:lang="et"></a>',
    ],
  ]
  cases.push([
    'namespace names are escaped',
    '<a xmlns="urn:a&amp;b"/>',
    inclusive,
    undefined,
    '<a xmlns="urn:a&amp;b"></a>',
  ])
  for (const [why, xml, mode, id, expected] of cases) assert.equal(of(xml, mode, id), expected, why)
})

const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
const MODES: readonly C14nMode[] = [
  inclusive,
  exclusive,
  { kind: 'exclusive', inclusivePrefixes: ['a', 'SOAP-ENV'] },
  { kind: 'exclusive', inclusivePrefixes: ['#default', 'id', 'õ'] },
]

function transformOf(mode: C14nMode): string {
  if (mode.kind === 'inclusive') return `<Transform Algorithm="${C14N_INCLUSIVE}"/>`
  const list = mode.inclusivePrefixes?.join(' ')
  return `<Transform Algorithm="${C14N_EXCLUSIVE}">${list === undefined ? '' : `<InclusiveNamespaces xmlns="${C14N_EXCLUSIVE}" PrefixList="${list}"/>`}</Transform>`
}

test('elements in their context, as xmlsec1 hashes them', (t) => {
  if (!needsTools(t, 'xmlsec1')) return
  const next = random(freshSeed(t))
  const folder = mkdtempSync(join(tmpdir(), 'saadik-c14n-'))
  try {
    writeFileSync(join(folder, 'key'), 'secret')
    let compared = 0
    for (let round = 0; round < 25; round += 1) {
      const { xml, ids } = generate(next, { maxDepth: 7 })
      const wanted = ids.flatMap((id) => MODES.map((mode) => ({ id, mode })))
      // Digests are taken by a signer that is not ours: it fills in the values, and we must come to the same.
      const references = wanted.map(
        ({ id, mode }) =>
          `<Reference URI="#${id}"><Transforms>${transformOf(mode)}</Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference>`,
      )
      const template = `<Signature xmlns="${DSIG}"><SignedInfo><CanonicalizationMethod Algorithm="${C14N_INCLUSIVE}"/><SignatureMethod Algorithm="${DSIG}hmac-sha1"/>${references.join('')}</SignedInfo><SignatureValue/></Signature>`
      const body = xml.trimEnd().replace(/^<\?xml[^>]*\?>\n/, '')
      const whole = `<whole xmlns="urn:two" xmlns:a="urn:outer" xmlns:id="urn:id" xml:lang="et" xml:base="http://base.example/">${body}${template}</whole>`
      writeFileSync(join(folder, 'in.xml'), whole)
      const names = new Set(
        [...descendants(parse(whole))].map(({ local, namespace }) =>
          namespace === '' ? local : `${namespace}:${local}`,
        ),
      )
      const judged = tool('xmlsec1', [
        '--sign',
        '--hmackey',
        join(folder, 'key'),
        ...[...names].flatMap((name) => ['--id-attr:Id', name]),
        '--output',
        join(folder, 'out.xml'),
        join(folder, 'in.xml'),
      ])
      assert.equal(judged.status, 0, `${judged.stderr}\n${whole}`)
      const signed = parse(readFileSync(join(folder, 'out.xml'), 'utf8'))
      const values = [...descendants(signed)].filter(
        ({ local, namespace }) => local === 'DigestValue' && namespace === DSIG,
      )
      const original = parse(whole)
      wanted.forEach(({ id, mode }, index) => {
        const canonical = canonicalize(find(original, id), mode)
        const ours = Buffer.from(digest('SHA-256', canonical)).toString('base64')
        assert.equal(
          ours,
          values[index]?.children.join('').trim(),
          `${id} ${JSON.stringify(mode)}\n${Buffer.from(canonical)}\n${whole}`,
        )
        compared += 1
      })
    }
    assert.ok(compared > 100, `${compared} elements`)
    t.diagnostic(`${compared} canonical forms compared`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
