// The client's own small readers: the XML one against saxes, multiparts in any pieces, identifiers, answers of whoever answers.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  isElement,
  ProtocolError,
  type XmlElement as Reference,
  readXml as referenceXml,
  writeSoapFault,
  XRoadFault,
} from '#protocol'
import { AnswerError, XRoadClientError } from '../../client/error.ts'
import { clientId, encodeId, serviceId } from '../../client/identifier.ts'
import { readMediaType } from '../../client/media-type.ts'
import { readMultipart } from '../../client/multipart.ts'
import { faultOf, readEnvelope } from '../../client/soap-answer.ts'
import { readXml, type XmlElement, XmlError } from '../../client/xml.ts'
import { rootOf, writeXml } from '../../client/xml-value.ts'
import { generate, random } from '../unit/evidence/documents.ts'
import { collect, SOAP_REQUEST } from '../unit/evidence/messages.ts'
import { soapText } from '../unit/protocol/soap-message.ts'
import { bears, property } from './campaign.ts'
import { byLine, byTag, chunked, cuts, mutated, shuffled, XML_TOKENS } from './mutate.ts'

/** What both readers say of an element: names, values, text where it stands. */
function shape(element: XmlElement | Reference): unknown {
  const children: unknown[] = []
  for (const child of element.children) {
    // One keeps instructions, and the other parts text by what it does not keep.
    if (typeof child === 'string') {
      if (typeof children.at(-1) === 'string') children.push(`${children.pop()}${child}`)
      else if (child !== '') children.push(child)
    } else if ('attributes' in child) children.push(shape(child))
  }
  return [
    element.name,
    element.local,
    element.namespace,
    element.attributes.map(({ name, namespace, value }) => [name, namespace, value]),
    children,
  ]
}

const documents = Array.from({ length: 30 }, (_, seed) => generate(random(seed), { maxDepth: 4, comments: true }).xml)
const strange = fc.oneof(
  mutated(
    documents.map((xml) => Buffer.from(xml)),
    XML_TOKENS,
  ).map((bytes) => bytes.toString()),
  shuffled(documents, byTag, XML_TOKENS),
  fc.nat().map((seed) => generate(random(seed), { maxDepth: 4 }).xml),
)
property('XML: what both readers take they read alike', { short: 500, long: 50_000 }, strange, (xml) => {
  const ours = bears(() => readXml(xml), XmlError)
  const theirs = bears(() => referenceXml(Buffer.from(xml)), ProtocolError)
  if (ours && theirs) assert.equal(JSON.stringify(shape(ours.value)), JSON.stringify(shape(theirs.value)))
  return ours !== undefined && theirs !== undefined && isElement(theirs.value)
})

const answers = [
  soapText({ body: '<e:Body><b:findBoatResponse xmlns:b="urn:boats"><a>1</a><a/></b:findBoatResponse></e:Body>' }),
  SOAP_REQUEST.toString(),
  Buffer.from(writeSoapFault(new XRoadFault('server.clientproxy.unknown_member', 'x', { detail: 'y' }))).toString(),
]
property(
  'SOAP answers',
  400,
  fc.oneof(
    shuffled(answers, byTag, XML_TOKENS),
    mutated(
      answers.map((xml) => Buffer.from(xml)),
      XML_TOKENS,
    ).map((bytes) => bytes.toString()),
  ),
  (xml) => {
    bears(() => faultOf(xml, 500), XRoadClientError)
    return bears(() => readEnvelope(xml, 200), XRoadClientError) !== undefined
  },
)

const name = fc.constantFrom('a', 'b', 'c-d', 'é')
const { value } = fc.letrec<{ value: string | object }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: fc.constantFrom('a', '<', '&', '"', ' ', '\n', '\r', 'õ', ']]>'), maxLength: 6 }),
    fc.dictionary(name, tie('value') as fc.Arbitrary<string>, { minKeys: 1, maxKeys: 3 }),
  ),
}))
property(
  'plain values: what is written is XML',
  200,
  fc.dictionary(name, value as fc.Arbitrary<string>, { minKeys: 1, maxKeys: 1 }),
  (input) => {
    const xml = writeXml(input)
    const { root } = rootOf(xml)
    assert.equal(JSON.stringify(shape(root)), JSON.stringify(shape(referenceXml(Buffer.from(xml)))))
    return true
  },
)

const multipart = Buffer.from(
  '--b\r\nContent-Type: text/xml\r\n\r\n<a/>\r\n--b\r\nContent-Type: a/b\r\nContent-ID: <x>\r\n\r\nxyz\r\n\r\n--b--\r\n',
)
const LINES = [
  '--b',
  '--b--',
  '\r\n--b\r\n',
  '\r\n',
  '\n',
  'a: b\r\n',
  ':',
  ' folded\r\n',
  '\u0000',
  'é: é\r\n',
  ' : x\r\n',
]
async function parts(bytes: Uint8Array, sizes: readonly number[]): Promise<string> {
  const seen: unknown[] = []
  try {
    for await (const { headers, body } of readMultipart(chunked(bytes, sizes), 'b'))
      seen.push([[...headers], (await collect(body)).toString('latin1')])
  } catch (error) {
    if (!(error instanceof AnswerError)) throw error
    seen.push(error.message)
  }
  return JSON.stringify(seen)
}
property(
  'multipart answers: pieces change nothing',
  { short: 150, long: 15_000 },
  fc.tuple(
    fc.oneof(
      mutated([multipart], LINES),
      shuffled([multipart.toString()], byLine, LINES).map((text) => Buffer.from(text)),
    ),
    cuts,
  ),
  async ([bytes, sizes]) => {
    const whole = await parts(bytes, [bytes.length || 1])
    assert.equal(await parts(bytes, sizes), whole)
    return whole.endsWith(']]')
  },
)

property(
  'identifiers and types of strangers',
  400,
  mutated(
    ['DEMO/GOV/1/sub', 'a/b/c/d/e%20f', 'text/xml; charset="utf-8"'].map((text) => Buffer.from(text)),
    ['/', '%', '%2F', '..', '"', ';', '=', '\\', '\u0000', ' '.repeat(500)],
  ),
  (bytes) => {
    const text = bytes.toString()
    readMediaType(text)
    const service = bears(() => serviceId(text), TypeError)
    if (service) assert.deepEqual(serviceId(encodeId(service.value)), service.value)
    const client = bears(() => clientId(text), TypeError)
    if (client) assert.deepEqual(clientId(encodeId(client.value)), client.value)
    return client !== undefined || service !== undefined
  },
)
