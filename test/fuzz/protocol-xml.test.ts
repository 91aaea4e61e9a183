// XML from strangers: the fast reader against saxes, what is escaped against what is read, and faults in both spellings.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  attributeOf,
  currentCode,
  escapeAttribute,
  escapeText,
  FAULTS,
  isElement,
  legacyCode,
  ProtocolError,
  readSoapFault,
  readXml,
  renderRestError,
  textOf,
  writeSoapFault,
  type XmlElement,
  XRoadFault,
} from '#protocol'
import { readPlainXml } from '../../protocol/xml-plain.ts'
import { readWithSaxes } from '../../protocol/xml-saxes.ts'
import { generate, random } from '../unit/evidence/documents.ts'
import { bears, property } from './campaign.ts'
import { byTag, mutated, shuffled, XML_TOKENS } from './mutate.ts'

const BOUNDS = { maxBytes: 1 << 20, maxDepth: 12, maxNodes: 2_000, maxAttributes: 16 }

/** The tree without the way up, which is checked apart. */
function flat(element: XmlElement, parent?: XmlElement): unknown {
  assert.equal(element.parent, parent)
  const { name, prefix, local, namespace, attributes, children } = element
  const below = children.map((child) => (isElement(child) ? flat(child, element) : child))
  return [
    name,
    prefix,
    local,
    namespace,
    attributes.map((one) => [one.name, one.prefix, one.local, one.namespace, one.value]),
    below,
  ]
}

/** Whether the fast reader took it. What it takes saxes must take, as the same tree; what it declines saxes may take. */
function agree(bytes: Uint8Array): boolean {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    assert.throws(() => readXml(bytes), { name: 'ProtocolError', code: 'invalid_xml' })
    return false
  }
  const plain = readPlainXml(text, BOUNDS)
  const judged = bears(() => readWithSaxes(text, BOUNDS), ProtocolError)
  const whole = bears(() => readXml(bytes, BOUNDS), ProtocolError)
  if (plain !== undefined) {
    assert.ok(judged !== undefined, 'taken, but refused by saxes')
    assert.equal(JSON.stringify(flat(plain)), JSON.stringify(flat(judged.value)))
  }
  assert.equal(whole === undefined, judged === undefined)
  return plain !== undefined
}

const documents = Array.from({ length: 40 }, (_, seed) => generate(random(seed), { maxDepth: 4 }).xml)

/** Documents of the kind that the fast reader is for. */
const plainDocument = (() => {
  const name = fc.constantFrom('a', 'b', 'p:a', 'q:b', 'Long-name_1', 'x.y')
  const value = fc.array(
    fc.constantFrom('v', ' ', 'õ', '😀', '&amp;', '&#13;', '&#x41;', '&lt;', '>', "'", '\n', 'text '),
    { maxLength: 5 },
  )
  const attributes = fc.uniqueArray(
    fc.tuple(
      fc.constantFrom('a', 'b', 'p:a', 'q:b', 'xml:lang', 'Id', 'xmlns:p', 'xmlns:q', 'xmlns', 'xmlns:r'),
      value,
      fc.constantFrom('"', '\n', '  '),
    ),
    { maxLength: 4, selector: ([key]) => key },
  )
  const tag = (key: string, list: readonly (readonly [string, readonly string[], string])[]) =>
    key +
    list
      .map(
        ([attribute, text, space]) =>
          `${space === '"' ? ' ' : space}${attribute}="${attribute.startsWith('xmlns') ? `urn:${text.length % 3}` : text.join('').replaceAll('\n', '')}"`,
      )
      .join('')
  const { element } = fc.letrec<{ element: string }>((tie) => ({
    element: fc
      .tuple(
        name,
        attributes,
        fc.array(
          fc.oneof(
            { depthSize: 'small' },
            value.map((text) => text.join('')),
            tie('element'),
          ),
          { maxLength: 4 },
        ),
        fc.constantFrom('', ' '),
      )
      .map(([key, list, children, space]) =>
        children.length === 0
          ? `<${tag(key, list)}${space}/>`
          : `<${tag(key, list)}${space}>${children.join('')}</${key}${space}>`,
      ),
  }))
  return fc
    .tuple(fc.constantFrom('', '<?xml version="1.0" encoding="UTF-8"?>\n'), fc.array(element, { maxLength: 4 }))
    .map(([head, list]) => `${head}<r xmlns:p="urn:1" xmlns:q="urn:2">${list.join('')}</r>`)
})()
const plain = fc.sample(plainDocument, { seed: 1, numRuns: 60 })
const seeds = [...documents, ...plain]

property('plain documents', { short: 300, long: 100_000 }, plainDocument, (xml) => agree(Buffer.from(xml)))
property('generated documents', { short: 100, long: 20_000 }, fc.nat(), (seed) =>
  agree(Buffer.from(generate(random(seed), { maxDepth: 4 }).xml)),
)
property(
  'documents with octets changed',
  600,
  fc.oneof(mutated(plain.map(Buffer.from), XML_TOKENS), mutated(seeds.map(Buffer.from), XML_TOKENS)),
  agree,
)
property(
  'documents with tags changed',
  600,
  fc.oneof(shuffled(plain, byTag, XML_TOKENS), shuffled(seeds, byTag, XML_TOKENS)),
  (xml) => agree(Buffer.from(xml)),
)
property(
  'tokens alone',
  300,
  fc.array(fc.constantFrom(...XML_TOKENS, '<a>', '</a>', 'x', ' b="1"'), { maxLength: 12 }),
  (list) => agree(Buffer.from(list.join(''))),
)

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: fc.constantFrom(...'<>&"\'\r\n\t \u0000\u000B\uFFFE]a;#x\uD800\uDC00'), maxLength: 30 }),
)
const NOT_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu

property('what is escaped is read back', 400, fc.tuple(anyText, anyText), ([text, value]) => {
  const root = readXml(Buffer.from(`<a b="${escapeAttribute(value)}">${escapeText(text)}</a>`))
  assert.equal(textOf(root), text.replace(NOT_XML, '\uFFFD'))
  assert.equal(attributeOf(root, 'b'), value.replace(NOT_XML, '\uFFFD'))
  return true
})

const codes = Object.keys(FAULTS)
const faultCode = fc
  .tuple(fc.constantFrom('client', 'server.clientproxy', 'server.serverproxy'), fc.constantFrom(...codes))
  .map((parts) => parts.join('.'))
const message = anyText.map((text) => text.replaceAll('\r', '').toWellFormed())

property(
  'faults: what is written is read, in both spellings',
  200,
  fc.tuple(faultCode, message, fc.uuid(), fc.constantFrom('current' as const, 'legacy' as const)),
  ([code, text, detail, spelling]) => {
    const read = readSoapFault(writeSoapFault(new XRoadFault(code, text, { detail }), spelling))
    // Two codes share a legacy word; the older one is read.
    assert.equal(read?.code, spelling === 'legacy' ? currentCode(legacyCode(code)) : code)
    assert.equal(legacyCode(read?.code ?? ''), legacyCode(code))
    assert.equal(read?.message, text.replace(NOT_XML, '\uFFFD'))
    assert.equal(read?.detail, detail)
    return true
  },
)

property(
  'faults to REST clients say the same in JSON and XML',
  200,
  fc.tuple(fc.oneof(faultCode, anyText), anyText, anyText),
  ([code, text, detail]) => {
    const fault = new XRoadFault(code, text, { detail })
    const json = renderRestError(fault, [])
    assert.deepEqual(JSON.parse(Buffer.from(json.body).toString()), { type: code, message: text, detail })
    const root = readXml(renderRestError(fault, ['text/xml']).body)
    const said = root.children.map((child) => (isElement(child) ? textOf(child) : assert.fail()))
    assert.deepEqual(
      said,
      [code, text, detail].map((one) => one.replace(NOT_XML, '\uFFFD')),
    )
    return true
  },
)

const faults = [
  writeSoapFault(new XRoadFault('server.clientproxy.unknown_member', 'no <such> member', { detail: 'id' })),
  writeSoapFault(new XRoadFault('server.serverproxy.service_failed.http_error', 'x', { detail: 'id' }), 'legacy'),
]
const CODES = [
  'Server.ServerProxy.',
  'Client.',
  'client.',
  '.',
  '..',
  'mlog.',
  '__proto__',
  'Server.ServerProxy.constructor',
  'Server.ServerProxy.A.B',
  ...XML_TOKENS,
]
property(
  'faults of strangers',
  400,
  fc.oneof(
    mutated(faults, CODES),
    shuffled(
      faults.map((xml) => Buffer.from(xml).toString()),
      byTag,
      CODES,
    ).map((xml) => Buffer.from(xml)),
  ),
  (xml) => {
    const read = bears(() => readSoapFault(xml), ProtocolError)
    const code = read?.value?.code
    if (code !== undefined) assert.match(code, /^[!-~]{1,255}$/)
    return code !== undefined
  },
)

property(
  'Accept headers never break an error',
  200,
  fc.array(fc.oneof(fc.string(), fc.constantFrom('text/xml', 'application/xml;q=0', 'text/*', ',', ';;', '*/*')), {
    maxLength: 5,
  }),
  (accept) => {
    const { status, contentType } = renderRestError(new XRoadFault('client.x', 'x'), accept)
    assert.equal(status, 400)
    return contentType !== 'application/json'
  },
)
