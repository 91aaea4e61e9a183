// What remains of messages whose bodies are not logged. The known answers of SOAP are what the reference's own libraries (SAAJ 3.0.4, JAXB
// 4.0.5) write for these headers.
import assert from 'node:assert/strict'
import test from 'node:test'
import { parseRestRequest, readSoap, reducedRest, reducedSoap, type SoapMessage } from '#protocol'
import { soapMessage } from './soap-message.ts'

const SHA512 = 'http://www.w3.org/2001/04/xmlenc#sha512'

function message(written: Parameters<typeof soapMessage>[0]): SoapMessage {
  const read = readSoap(soapMessage(written), 'text/xml')
  assert.ok(read.kind === 'soap')
  return read.message
}

const START =
  '<?xml version="1.0" encoding="utf-8" ?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/" xmlns:id="http://x-road.eu/xsd/identifiers" xmlns:xroad="http://x-road.eu/xsd/xroad.xsd"><SOAP-ENV:Header xmlns:ns4="http://x-road.eu/xsd/representation.xsd">'
const CLIENT =
  '<xroad:client id:objectType="SUBSYSTEM"><id:xRoadInstance>QQ</id:xRoadInstance><id:memberClass>ORG</id:memberClass><id:memberCode>7001</id:memberCode><id:subsystemCode>desk</id:subsystemCode></xroad:client>'
const SERVICE =
  '<xroad:service id:objectType="SERVICE"><id:xRoadInstance>QQ</id:xRoadInstance><id:memberClass>ORG</id:memberClass><id:memberCode>7002</id:memberCode><id:subsystemCode>boats</id:subsystemCode><id:serviceCode>findBoat</id:serviceCode><id:serviceVersion>v3</id:serviceVersion></xroad:service>'

test('a SOAP request: its X-Road header and nothing of its body', () => {
  const read = message({})
  assert.equal(
    Buffer.from(reducedSoap(read)).toString(),
    `${START}${CLIENT}${SERVICE}<xroad:userId>QQ123</xroad:userId><xroad:issue>case-9</xroad:issue><xroad:id>c0ffee</xroad:id><xroad:protocolVersion>4.0</xroad:protocolVersion></SOAP-ENV:Header><SOAP-ENV:Body><xroad:findBoat/></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
  )
})

test('a SOAP answer with everything that a header may have, as Java escapes it', () => {
  const read = message({
    blocks: {
      client:
        '<x:client i:objectType="MEMBER"><i:xRoadInstance>QQ</i:xRoadInstance><i:memberClass>ORG</i:memberClass><i:memberCode>a &amp; b</i:memberCode></x:client>',
      userId: '<x:userId/>',
      issue: '<x:issue>a\nb\tc&#13;"d" \'e\' &lt;f> 😀€|&#133;|&#x2028;|&#127;|&#159;|&#160;</x:issue>',
      securityServer:
        '<x:securityServer i:objectType="SERVER"><i:xRoadInstance>QQ</i:xRoadInstance><i:memberClass>ORG</i:memberClass><i:memberCode>7002</i:memberCode><i:serverCode>P</i:serverCode></x:securityServer>',
      party: '<r:representedParty><r:partyClass>COM</r:partyClass><r:partyCode>55</r:partyCode></r:representedParty>',
      hash: `<x:requestHash algorithmId="${SHA512}">AAAA==</x:requestHash>`,
      other: '<o:secret xmlns:o="urn:o">canary</o:secret>',
    },
    body: '<e:Body><b:findBoatResponse xmlns:b="urn:boats">canary</b:findBoatResponse></e:Body>',
  })
  const reduced = reducedSoap(read)
  assert.equal(
    Buffer.from(reduced).toString(),
    `${START}<xroad:client id:objectType="MEMBER"><id:xRoadInstance>QQ</id:xRoadInstance><id:memberClass>ORG</id:memberClass><id:memberCode>a &amp; b</id:memberCode></xroad:client>${SERVICE}<xroad:securityServer id:objectType="SERVER"><id:xRoadInstance>QQ</id:xRoadInstance><id:memberClass>ORG</id:memberClass><id:memberCode>7002</id:memberCode><id:serverCode>P</id:serverCode></xroad:securityServer><xroad:userId/><ns4:representedParty><ns4:partyClass>COM</ns4:partyClass><ns4:partyCode>55</ns4:partyCode></ns4:representedParty><xroad:issue>a\nb\tc&#13;"d" 'e' &lt;f&gt; &#128512;€|&#133;|\u2028|&#127;|&#159;|\u00a0</xroad:issue><xroad:id>c0ffee</xroad:id><xroad:requestHash algorithmId="${SHA512}">AAAA==</xroad:requestHash><xroad:protocolVersion>4.0</xroad:protocolVersion></SOAP-ENV:Header><SOAP-ENV:Body><xroad:findBoatResponse/></SOAP-ENV:Body></SOAP-ENV:Envelope>`,
  )
  const again = readSoap(reduced, 'text/xml')
  assert.ok(again.kind === 'soap')
  const { bytes, contentType, encoding, ...facts } = read
  assert.deepEqual({ ...again.message, bytes, contentType, encoding }, { ...facts, bytes, contentType, encoding })
})

const HEADERS = [
  'X-Road-Client:QQ/ORG/7001/desk',
  'x-road-id:c0ffee',
  'Accept:canary',
  'x-road-request-id:1-2',
  'X-Roadside:canary',
]

for (const [path, kept] of [
  ['/canary?canary=1', ''],
  ['?canary', ''],
  ['', ''],
  ['/', ''],
  ['/a/b//c', ''],
] as const)
  test(`a REST request to …${path}`, () => {
    const base = '/r1/QQ/ORG/7002/boats/find%20boat'
    const head = Buffer.from(`${['POST', base + path, ...HEADERS].join('\r\n')}\r\n`)
    const reduced = reducedRest(head)
    assert.equal(
      Buffer.from(reduced).toString(),
      `POST\r\n${base}${kept}\r\nX-Road-Client:QQ/ORG/7001/desk\r\nx-road-id:c0ffee\r\nx-road-request-id:1-2\r\n`,
    )
    assert.deepEqual(parseRestRequest(reduced).service, parseRestRequest(head).service)
  })

test('a REST answer: status, reason and its X-Road headers, whatever bytes they have', () => {
  const names = ['x-road-client:QQ/ORG/7001/desk', 'x-road-service:QQ/ORG/7002/boats/find']
  const rest = ['x-road-id:\u00e4\u00f5 €', 'x-road-request-id:1', 'x-road-request-hash:AAAA']
  const head = Buffer.from(`${['404', 'Not Found', 'Content-Type:canary', ...names, ...rest].join('\r\n')}\r\n`)
  const reduced = reducedRest(head)
  assert.equal(Buffer.from(reduced).toString(), `${['404', 'Not Found', ...names, ...rest].join('\r\n')}\r\n`)
})
