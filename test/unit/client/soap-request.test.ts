// SOAP messages as they go out, read by other people's parsers and by our own security server's.
import assert from 'node:assert/strict'
import test from 'node:test'
import { XMLParser } from 'fast-xml-parser'
import { collect, readSoapContent, readXml, type SoapContent } from '#protocol'
import { answer, type Replayed, replay } from './replay.ts'

/** What a security server of ours makes of a message. */
async function read(
  sent: Replayed['seen'][number] | undefined,
): Promise<{ soap: SoapContent | undefined; attachments: Buffer[] }> {
  const found: SoapContent[] = []
  const attachments: Buffer[] = []
  async function* source() {
    yield sent?.body ?? Buffer.alloc(0)
  }
  for await (const content of readSoapContent(source(), String(sent?.headers['content-type']))) {
    found.push(content)
    if (content.kind === 'attachment') attachments.push(Buffer.from(await collect(content.body, 1 << 20)))
  }
  return { soap: found[0], attachments }
}

const SERVICE = 'DEMO/GOV/70000001/population-register/findPerson/v2'
const GOOD = answer(
  'text/xml;charset=utf-8',
  `<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"><S:Header>
<x:client i:objectType="SUBSYSTEM"><i:xRoadInstance>DEMO</i:xRoadInstance><i:memberClass>GOV</i:memberClass><i:memberCode>2</i:memberCode></x:client>
<x:service i:objectType="SERVICE"><i:xRoadInstance>DEMO</i:xRoadInstance><i:memberClass>GOV</i:memberClass><i:memberCode>1</i:memberCode><i:serviceCode>f</i:serviceCode></x:service>
<x:id>7</x:id><x:protocolVersion>4.0</x:protocolVersion></S:Header>
<S:Body><findPersonResponse xmlns="urn:r" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><name lang="et">Õie &lt;3</name><child>A</child><child>B</child><dead xsi:nil="true"/><empty/></findPersonResponse></S:Body></S:Envelope>`,
)

test('the header says who asks whom, the body is what was given', async (t) => {
  const { xroad, seen } = await replay(t, GOOD, 'DEMO/GOV/70000002')
  await xroad.soap(SERVICE).call({
    id: 'soap-1',
    userId: 'Jüri & Co',
    issue: 'case <9>',
    representedParty: 'COM/123',
    securityServer: 'DEMO/GOV/70000001/ss1',
    soapAction: 'urn:find',
    body: { 'r:findPerson': { '@xmlns:r': 'urn:r', code: 7, name: ['Õie', 'B'], no: undefined, nil: null } },
  })
  const [sent] = seen
  assert.equal(sent?.method, 'POST')
  assert.equal(sent?.headers['content-type'], 'text/xml; charset=UTF-8')
  assert.equal(sent?.headers['soapaction'], '"urn:find"')
  assert.equal(Number(sent?.headers['content-length']), sent?.body.length)
  const parser = new XMLParser({ ignoreAttributes: false, removeNSPrefix: true, parseTagValue: false })
  const { Header: header, Body: body } = parser.parse(sent?.body ?? '').Envelope
  assert.equal(header.client['@_objectType'], 'MEMBER')
  assert.equal(header.client.memberCode, '70000002')
  assert.deepEqual(
    [
      header.service['@_objectType'],
      header.service.subsystemCode,
      header.service.serviceCode,
      header.service.serviceVersion,
    ],
    ['SERVICE', 'population-register', 'findPerson', 'v2'],
  )
  assert.deepEqual([header.securityServer['@_objectType'], header.securityServer.serverCode], ['SERVER', 'ss1'])
  assert.deepEqual(
    [header.id, header.userId, header.issue, header.protocolVersion],
    ['soap-1', 'Jüri & Co', 'case <9>', '4.0'],
  )
  assert.deepEqual([header.representedParty.partyClass, header.representedParty.partyCode], ['COM', '123'])
  assert.deepEqual([body.findPerson.code, body.findPerson.name], ['7', ['Õie', 'B']])
  const { soap } = await read(sent)
  assert.ok(soap?.kind === 'soap')
  const { client, service, securityServer, id, userId, issue, representedParty, protocolVersion, wrapper } =
    soap.message
  assert.deepEqual(
    { client, service, securityServer, id, userId, issue, representedParty, protocolVersion, wrapper },
    {
      client: { instance: 'DEMO', memberClass: 'GOV', memberCode: '70000002' },
      service: {
        instance: 'DEMO',
        memberClass: 'GOV',
        memberCode: '70000001',
        subsystemCode: 'population-register',
        serviceCode: 'findPerson',
        serviceVersion: 'v2',
      },
      securityServer: { instance: 'DEMO', memberClass: 'GOV', memberCode: '70000001', serverCode: 'ss1' },
      id: 'soap-1',
      userId: 'Jüri & Co',
      issue: 'case <9>',
      representedParty: { partyClass: 'COM', partyCode: '123' },
      protocolVersion: '4.0',
      wrapper: 'findPerson',
    },
  )
})

test('a body given as XML goes out as it is, and is read before', async (t) => {
  const { xroad, seen } = await replay(t, GOOD)
  const xml = `<findPerson xmlns='urn:r' a = "1"><!-- x --><code><![CDATA[<7>]]></code></findPerson>`
  await xroad.soap(SERVICE).call({ body: `<?xml version="1.0"?>\n${xml}\n` })
  assert.ok(seen[0]?.body.toString().includes(`<soap:Body>${xml}</soap:Body>`))
  for (const body of [
    '',
    'text',
    '<findPerson>',
    '<findPerson/><findPerson/>',
    '<other/>',
    '<!DOCTYPE a><findPerson/>',
    '<p:findPerson/>',
  ])
    await assert.rejects(xroad.soap(SERVICE).call({ body }), TypeError, body)
  for (const body of [
    { 'find Person': '' },
    { findPerson: { '@a b': 1 } },
    { findPerson: '\u0001' },
    { findPerson: ['a', 'b'] },
  ])
    await assert.rejects(xroad.soap(SERVICE).call({ body }), TypeError)
  assert.equal(seen.length, 1)
})

test('attachments stream behind the message', async (t) => {
  const { xroad, seen } = await replay(t, GOOD)
  const large = Buffer.alloc(300_000, 'é')
  async function* pieces() {
    yield large.subarray(0, 100_000)
    yield large.subarray(100_000)
  }
  await xroad.soap(SERVICE).call({
    body: { findPerson: '' },
    attachments: [
      { content: 'text', id: 'one', type: 'text/plain' },
      { content: pieces() },
      { content: new Blob(['<a/>'], { type: 'application/xml' }) },
    ],
  })
  const boundary = /boundary="([^"]+)"/.exec(String(seen[0]?.headers['content-type']))?.[1] ?? ''
  assert.match(String(seen[0]?.headers['content-type']), /^multipart\/related; type="text\/xml"; start="<envelope>"/)
  const parts = (seen[0]?.body ?? Buffer.alloc(0)).toString('latin1').split(`--${boundary}`)
  assert.equal(parts.length, 6)
  assert.match(parts[1] ?? '', /^\r\nContent-Type: text\/xml; charset=UTF-8\r\n/)
  assert.match(parts[2] ?? '', /Content-Type: text\/plain\r\n.*Content-ID: <one>\r\n\r\ntext\r\n$/s)
  assert.ok(parts[3]?.includes(large.toString('latin1')))
  assert.match(parts[4] ?? '', /Content-Type: application\/xml\r\n.*\r\n\r\n<a\/>\r\n$/s)
  const { soap, attachments } = await read(seen[0])
  assert.ok(soap?.kind === 'soap')
  assert.deepEqual(attachments, [Buffer.from('text'), large, Buffer.from('<a/>')])
  await assert.rejects(
    xroad.soap(SERVICE).call({ body: { findPerson: '' }, attachments: [{ content: '', id: 'a>\r\n' }] }),
    TypeError,
  )
})

test('the answer as a value, as XML and as it came', async (t) => {
  const { xroad } = await replay(t, GOOD)
  const found = await xroad.soap(SERVICE).call<{ child: string[] }>({ body: { findPerson: '' } })
  assert.deepEqual(found.value, {
    name: { '@lang': 'et', '#text': 'Õie <3' },
    child: ['A', 'B'],
    dead: null,
    empty: '',
  })
  assert.equal(found.value.child[1], 'B')
  const alone = readXml(Buffer.from(found.bodyXml))
  assert.deepEqual([alone.local, alone.namespace], ['findPersonResponse', 'urn:r'])
  assert.equal(found.header.id, '7')
})
