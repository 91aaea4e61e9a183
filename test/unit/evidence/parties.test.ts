// Who must have signed, read from messages of both protocols and from those that would rather not say.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EvidenceError, partiesOf } from '#evidence'
import { shortId } from '#protocol'
import { needsVectors, vector } from '../../vectors.ts'
import { REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from './messages.ts'

const soap = SOAP_REQUEST.toString()

function told(message: string | Buffer): string {
  const { protocol, direction, signer } = partiesOf(Buffer.from(message))
  return `${protocol} ${direction} ${shortId(signer)}`
}

test('the client signs a request, the provider a response', () => {
  assert.equal(told(REST_REQUEST), 'REST request DEMO/GOV/70000001/register')
  assert.equal(told(REST_RESPONSE), 'REST response DEMO/GOV/70000001/register')
  assert.equal(told(soap), 'SOAP request DEMO/GOV/70000001/register')
  assert.equal(
    told(soap.replace('<get xmlns="urn:service"/>', '<get:getResponse xmlns:get="urn:service"/>')),
    'SOAP response DEMO/GOV/70000009/other',
  )
})

test('as written by others: byte-order mark, white space, comments, CDATA, no subsystem', () => {
  const expected = 'SOAP request DEMO/GOV/70000001/register'
  assert.equal(told(`\uFEFF${soap}`), expected)
  assert.equal(told(soap.replace('?><', '?>\n<!-- hello --><')), expected)
  assert.equal(told(soap.replace('>70000001<', '><![CDATA[7000]]><!-- -->0001<')), expected)
  assert.equal(
    told(soap.replaceAll('<id:subsystemCode>register</id:subsystemCode>', '')),
    'SOAP request DEMO/GOV/70000001',
  )
  // Messages of older protocols had less in their headers.
  assert.equal(told(soap.replace('<xroad:protocolVersion>4.0</xroad:protocolVersion>', '')), expected)
  assert.equal(told(soap.replace('UTF-8', 'ISO-8859-1')), expected)
  assert.equal(told(Buffer.from(`\uFEFF${soap.replace('UTF-8', 'UTF-16')}`, 'utf16le')), expected)
})

test('a large body is read without a tree', () => {
  const rows = '<row><name>õ</name></row>'.repeat(200_000)
  assert.equal(
    told(soap.replace('<get xmlns="urn:service"/>', `<get xmlns="urn:service">${rows}</get>`)),
    'SOAP request DEMO/GOV/70000001/register',
  )
})

const client = /<xroad:client.*<\/xroad:client>/.exec(soap)?.[0] ?? ''

const REFUSED: Record<string, string | Buffer> = {
  nothing: '',
  'something else': 'hello',
  'not well-formed': soap.slice(0, -1),
  'no envelope': '<html/>',
  'SOAP 1.2': soap.replace('http://schemas.xmlsoap.org/soap/envelope/', 'http://www.w3.org/2003/05/soap-envelope'),
  'no client': soap.replace(client, ''),
  'two clients': soap.replace(client, client + client),
  'two headers': soap.replace(/<SOAP-ENV:Header>.*<\/SOAP-ENV:Header>/, '$&$&'),
  'two bodies': soap.replace(/<SOAP-ENV:Body>.*<\/SOAP-ENV:Body>/, '$&$&'),
  'two member codes': soap.replace(
    '<id:memberCode>70000001</id:memberCode>',
    '<id:memberCode>70000001</id:memberCode><id:memberCode>70000002</id:memberCode>',
  ),
  'no member code': soap.replace('<id:memberCode>70000001</id:memberCode>', ''),
  'a client in the body only': soap
    .replace(client, '')
    .replace('<get xmlns="urn:service"/>', `<get xmlns="urn:service">${client}</get>`),
  'a client of another namespace': soap.replace(
    'xmlns:xroad="http://x-road.eu/xsd/xroad.xsd"',
    'xmlns:xroad="urn:other"',
  ),
  'an empty body': soap.replace('<get xmlns="urn:service"/>', ''),
  'a DOCTYPE': soap.replace('?><', '?><!DOCTYPE x [<!ENTITY e "70000002">]><'),
  'another encoding': soap.replace('UTF-8', 'windows-1252'),
  'two elements in the body': soap.replace('<get ', '<x xmlns="urn:x" Id="getResponse"/><get '),
  'a fault': soap.replace('<get xmlns="urn:service"/>', '<SOAP-ENV:Fault><faultcode>a</faultcode></SOAP-ENV:Fault>'),
  'not UTF-8': Buffer.from(soap.replace('an-id', '\xff'), 'latin1'),
  'too deep': soap.replace('<get xmlns="urn:service"/>', '<a>'.repeat(600) + '</a>'.repeat(600)),
  'a REST request without a client': REST_REQUEST.toString().replace('X-Road-Client', 'X-Other'),
  'a REST response without a service': REST_RESPONSE.toString().replace('x-road-service', 'x-other'),
}

for (const [name, message] of Object.entries(REFUSED))
  test(`refused: ${name}`, () => {
    assert.throws(
      () => partiesOf(Buffer.from(message)),
      (error) => error instanceof EvidenceError && error.code === 'asic_message_not_found',
    )
  })

test('SOAP messages of the vectors', (t) => {
  if (!needsVectors(t)) return
  for (const name of ['simple', 'cdata', 'getstate']) {
    assert.equal(told(vector('messages', `${name}.query`)), 'SOAP request EE/BUSINESS/consumer', name)
    assert.equal(told(vector('messages', `${name}.answer`)), 'SOAP response EE/BUSINESS/producer', name)
  }
  assert.equal(told(vector('messages', 'requesthash.answer')), 'SOAP response EE/BUSINESS/producer')
  assert.equal(told(vector('messages', 'request-suffix.query')), 'SOAP request EE/BUSINESS/consumer')
  for (const name of ['fault.query', 'missing-body.query', 'no-soap.query', 'empty.query'])
    assert.throws(() => told(vector('messages', name)), EvidenceError, name)
})
