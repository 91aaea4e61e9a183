// One SOAP message: what its header may say, and everything that is refused (PR-MESS §2, wire-client §2.1–2.5).
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  checkSoapAction,
  ProtocolError,
  prefixed,
  readSoap,
  returnedFault,
  type SoapMessage,
  XRoadFault,
} from '#protocol'
import { headerBlocks, soapMessage, soapText, type Written } from './soap-message.ts'

const XML = 'text/xml; charset=UTF-8'

function read(input: Written | string | Uint8Array, contentType = XML): SoapMessage {
  const bytes =
    typeof input === 'string' ? Buffer.from(input) : input instanceof Uint8Array ? input : soapMessage(input)
  const result = readSoap(bytes, contentType)
  assert.equal(result.kind, 'soap')
  return result.kind === 'soap' ? result.message : assert.fail()
}

function refused(code: string, input: Written | string | Uint8Array, contentType = XML): void {
  assert.throws(
    () => read(input, contentType),
    (error) => {
      assert.ok(error instanceof ProtocolError, String(error))
      assert.equal(error.code, code, `${error.message}: ${JSON.stringify(input).slice(0, 200)}`)
      return true
    },
  )
}

const block = (name: string, text: string): Written => ({ blocks: { [name]: text } })
const identifier = (name: string, type: string, ...parts: readonly string[]): string =>
  `<x:${name} i:objectType="${type}">${parts.join('')}</x:${name}>`
const MEMBER = [
  '<i:xRoadInstance>QQ</i:xRoadInstance>',
  '<i:memberClass>ORG</i:memberClass>',
  '<i:memberCode>1</i:memberCode>',
]

test('a message and everything that its header says', () => {
  const bytes = soapMessage({
    blocks: {
      securityServer: identifier('securityServer', 'SERVER', ...MEMBER, '<i:serverCode>ss1</i:serverCode>'),
      party: '<r:representedParty><r:partyClass>COM</r:partyClass><r:partyCode>M3</r:partyCode></r:representedParty>',
      token:
        '<t:securityToken xmlns:t="http://x-road.eu/xsd/security-token.xsd" t:tokenType="urn:jwt">e30</t:securityToken>',
      requestHash: '<x:requestHash algorithmId="SHA-512">abc=</x:requestHash>',
    },
  })
  const message = read(bytes)
  assert.deepEqual(message, {
    bytes,
    contentType: XML,
    encoding: 'UTF-8',
    client: { instance: 'QQ', memberClass: 'ORG', memberCode: '7001', subsystemCode: 'desk' },
    service: {
      ...{ instance: 'QQ', memberClass: 'ORG', memberCode: '7002', subsystemCode: 'boats' },
      ...{ serviceCode: 'findBoat', serviceVersion: 'v3' },
    },
    securityServer: { instance: 'QQ', memberClass: 'ORG', memberCode: '1', serverCode: 'ss1' },
    representedParty: { partyClass: 'COM', partyCode: 'M3' },
    id: 'c0ffee',
    userId: 'QQ123',
    issue: 'case-9',
    protocolVersion: '4.0',
    requestHash: 'abc=',
    wrapper: 'findBoat',
    direction: 'request',
    rpc: false,
  })
  assert.equal(message.bytes, bytes)
})

test('prefixes, order, white space and unknown elements are free', () => {
  const other = soapText()
    .replace(/(?<=<\/?)e:/g, 'soap:')
    .replace(/(?<=<\/?)x:/g, '')
    .replace('xmlns:e=', 'xmlns:soap=')
    .replace('xmlns:x=', 'xmlns=')
  assert.match(other, /<soap:Header>\s*<client /)
  assert.deepEqual({ ...read(other), bytes: 0 }, { ...read({}), bytes: 0 })
  const reversed = headerBlocks().reverse().join('')
  assert.equal(read(soapText({ space: '' }).replace(headerBlocks().join(''), reversed)).id, 'c0ffee')
  read(block('other', '<x:other/><x:other/><y:id xmlns:y="urn:y">1</y:id><y:id xmlns:y="urn:y">2</y:id>'))
  read(soapText().replace('</e:Envelope>', '<y:more xmlns:y="urn:y"/></e:Envelope>'))
  read(soapText().replace('<e:Header>', '<e:Header e:mustUnderstand="1">'))
})

test('values are taken whole: not trimmed, through CDATA, references and comments', () => {
  assert.equal(read(block('userId', '<x:userId> a&#x20;<![CDATA[<b>]]>&amp;</x:userId>')).userId, ' a <b>&')
  assert.equal(read(block('id', '<x:id/>')).id, '')
  assert.equal(read(block('issue', '')).issue, undefined)
  const hidden = identifier('client', 'MEMBER', ...MEMBER).replace('>1<', '>1<!-- not -->0<!-- 2 -->1<')
  assert.equal(read(block('client', hidden)).client.memberCode, '101')
  const instruction = block('userId', '<x:userId>1<?php 2?>3</x:userId>')
  refused('invalid_xml', instruction)
  refused('invalid_xml', block('userId', '<x:userId>1<b>2</b>3</x:userId>'))
  refused('invalid_xml', block('client', identifier('client', 'MEMBER', ...MEMBER).replace('>1<', '><i:x>1</i:x><')))
})

test('whether an identifier is a subsystem is told by its parts, not by its type (wire-client §2.2)', () => {
  assert.deepEqual(read(block('client', identifier('client', 'SUBSYSTEM', ...MEMBER))).client, {
    instance: 'QQ',
    memberClass: 'ORG',
    memberCode: '1',
  })
  const service = identifier('service', 'SERVICE', ...MEMBER, '<i:serviceCode>findBoat</i:serviceCode>')
  assert.deepEqual(read(block('service', service)).service, {
    ...{ instance: 'QQ', memberClass: 'ORG', memberCode: '1', serviceCode: 'findBoat' },
  })
})

test('identifiers: types, parts and what they must not hold', () => {
  for (const type of ['', 'MEMBERS', 'member', 'SERVICE', 'SERVER', ' MEMBER'])
    refused('invalid_xml', block('client', identifier('client', type, ...MEMBER)))
  refused('invalid_xml', block('client', `<x:client>${MEMBER.join('')}</x:client>`))
  refused('invalid_xml', block('client', `<x:client objectType="MEMBER">${MEMBER.join('')}</x:client>`))
  refused('invalid_xml', block('service', identifier('service', 'MEMBER', ...MEMBER)))
  refused('invalid_xml', block('server', identifier('securityServer', 'SERVICE', ...MEMBER)))
  for (const missing of [0, 1, 2])
    refused('invalid_identifier', block('client', identifier('client', 'MEMBER', ...MEMBER.toSpliced(missing, 1))))
  refused('invalid_identifier', block('service', identifier('service', 'SERVICE', ...MEMBER)))
  refused('invalid_identifier', block('server', identifier('securityServer', 'SERVER', ...MEMBER)))
  for (const value of ['', ' ', '\n', '..', 'a&#9;b', 'a\u200Bb', 'a\uFEFF', 'x'.repeat(256)])
    refused(
      'invalid_identifier',
      block('client', identifier('client', 'MEMBER', ...MEMBER).replace('>1<', `>${value}<`)),
    )
  refused('invalid_identifier', block('id', `<x:id>${'x'.repeat(256)}</x:id>`))
  // Elements of other namespaces are no parts.
  refused(
    'invalid_identifier',
    block('client', identifier('client', 'MEMBER', ...MEMBER).replaceAll('i:memberCode', 'x:memberCode')),
  )
})

test('what is missing is told in the order of the reference (wire-client §2.2)', () => {
  const without = (...names: readonly string[]): Written => ({
    blocks: Object.fromEntries(names.map((name) => [name, ''])),
  })
  for (const [name, said] of [
    ['protocolVersion', /protocolVersion/],
    ['client', /client/],
    ['id', /id/],
    ['service', /service/],
  ] as const) {
    refused('missing_header_field', without(name))
    assert.throws(() => read(without(name)), { message: said })
  }
  assert.throws(() => read(without('client', 'service', 'protocolVersion')), { message: /protocolVersion/ })
  const noHeader = soapText().replace(/<e:Header>.*<\/e:Header>/s, '')
  refused('missing_header', noHeader)
  refused('missing_header', noHeader.replace(/<e:Body>.*<\/e:Body>/s, ''))
  refused('missing_body', { body: '' })
  // A member that provides a service of the whole instance was X-Road 6; its identifier is no service.
  const central =
    '<x:centralService i:objectType="CENTRALSERVICE"><i:xRoadInstance>QQ</i:xRoadInstance></x:centralService>'
  refused('missing_header_field', { blocks: { service: '', central } })
})

test('a known element stands once, an identifier has each part once', () => {
  for (const element of headerBlocks({ hash: '<x:requestHash/>', party: '<r:representedParty/>' }))
    refused('duplicate_header_field', {
      blocks: { hash: '<x:requestHash/>', party: '<r:representedParty/>', again: element },
    })
  refused('duplicate_header_field', block('client', identifier('client', 'MEMBER', ...MEMBER, MEMBER[2] ?? '')))
  refused(
    'duplicate_header_field',
    block('party', '<r:representedParty><r:partyCode/><r:partyCode/></r:representedParty>'),
  )
})

test('protocol version 4.x', () => {
  for (const version of ['4.0', '4.x', '4.99', '4.'])
    assert.equal(
      read(block('protocolVersion', `<x:protocolVersion>${version}</x:protocolVersion>`)).protocolVersion,
      version,
    )
  for (const version of ['', '4', '3.5', ' 4.0', '14.0', '4,0', '٤.0'])
    refused('invalid_protocol_version', block('protocolVersion', `<x:protocolVersion>${version}</x:protocolVersion>`))
})

test('the body has one element, whose name begins with the service code (wire-client §2.3)', () => {
  const body = (content: string): Written => ({ body: `<e:Body>${content}</e:Body>` })
  for (const [name, direction] of [
    ['findBoat', 'request'],
    ['findBoatX', 'request'],
    ['findBoatResponse', 'response'],
    ['findBoatresponse', 'request'],
  ] as const) {
    const message = read(body(` text <y:${name} xmlns:y="urn:y"/> `))
    assert.deepEqual([message.wrapper, message.direction], [name, direction])
  }
  for (const name of ['findboat', 'findBoa', 'xfindBoat']) refused('inconsistent_headers', body(`<${name}/>`))
  for (const content of ['', 'text', '<!-- findBoat -->', '<findBoat/><findBoat/>', '<findBoat/><other/>'])
    refused('invalid_body', body(content))
  refused('invalid_body', body('<findBoat/></e:Body><e:Body><findBoat/>'))
  refused('missing_body', { body: '<e:body><findBoat/></e:body>' })
  refused('missing_body', { body: '<Body><findBoat/></Body>' })
  assert.equal(read({ envelope: ' e:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"' }).rpc, true)
  assert.equal(read({ envelope: ' encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"' }).rpc, false)
})

test('a fault in the place of a message needs no header, and goes back to the client who sent it', () => {
  const envelope = (content: string) =>
    Buffer.from(
      `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>${content}</e:Body></e:Envelope>`,
    )
  const bytes = envelope('<e:Fault><faultcode>CODE</faultcode><faultstring>Because</faultstring></e:Fault>')
  const result = readSoap(bytes, XML)
  assert.ok(result.kind === 'fault')
  assert.equal(result.bytes, bytes)
  assert.deepEqual([result.fault.code, result.fault.message, result.fault.received], ['CODE', 'Because', true])
  const returned = prefixed(returnedFault(result.fault), 'server.clientproxy')
  assert.deepEqual([returned.code, returned.message], ['client.code', 'Because'])
  assert.equal(returnedFault(new XRoadFault('Client.Whatever', '')).code, 'client.whatever')
  const faultCode = (code: string) => (error: unknown) => error instanceof ProtocolError && error.code === code
  assert.throws(() => readSoap(envelope('<e:Fault/>'), XML), faultCode('invalid_soap'))
  assert.throws(
    () => readSoap(envelope('<e:Fault><faultcode>A</faultcode></e:Fault><b/>'), XML),
    faultCode('invalid_body'),
  )
  // Of another namespace it is an element like any other.
  assert.throws(() => readSoap(envelope('<Fault><faultcode>A</faultcode></Fault>'), XML), faultCode('missing_header'))
})

test('content types of a message', () => {
  for (const type of [
    'text/xml',
    'TEXT/XML',
    'text/xml;',
    'application/xop+xml; type="text/xml"',
    'text/xml; charset=""',
  ])
    assert.equal(read({}, type).contentType, type)
  for (const type of [
    '',
    'text/html',
    'application/soap+xml',
    'multipart/related',
    'text/xml, text/html',
    'text',
    'a b/c',
  ])
    refused('invalid_content_type', {}, type)
  // The charset decides nothing, but there must be such a one.
  for (const charset of ['ISO-8859-1', 'utf-8', '"UTF-8"', 'windows-1257'])
    assert.equal(read({}, `text/xml; charset=${charset}`).encoding, 'UTF-8')
  refused('io_error', {}, 'text/xml; charset=utf-9')
})

test('encodings: UTF-8, ISO-8859-1 that says so, UTF-16 with a mark', () => {
  const mark = Buffer.from('\uFEFF')
  const accented = block('userId', '<x:userId>Õun-é</x:userId>')
  const declared = (name: string) => soapText({ ...accented, declaration: `<?xml version='1.0' encoding='${name}' ?>` })
  const plain = soapMessage(accented)
  assert.equal(read(Buffer.concat([mark, plain])).userId, 'Õun-é')
  for (const name of ['utf-8', 'UTF-8']) assert.equal(read(declared(name)).userId, 'Õun-é')
  const latin = read(Buffer.from(declared('iso-8859-1'), 'latin1'))
  assert.deepEqual([latin.userId, latin.encoding], ['Õun-é', 'ISO-8859-1'])
  for (const name of ['UTF-16', 'utf-16le'])
    assert.equal(read(Buffer.from(`\uFEFF${declared(name)}`, 'utf16le')).userId, 'Õun-é')
  const big = read(Buffer.from(`\uFEFF${declared('UTF-16')}`, 'utf16le').swap16())
  assert.deepEqual([big.userId, big.encoding], ['Õun-é', 'UTF-16BE'])
  // Bytes and declaration that disagree; encodings that nothing but a declaration tells; UTF-16 without a mark.
  refused('invalid_soap', Buffer.from(declared('UTF-8'), 'latin1'))
  refused('invalid_soap', Buffer.from(soapText(accented), 'latin1'))
  refused('invalid_soap', declared('UTF-16'))
  refused('invalid_soap', Buffer.concat([mark, Buffer.from(declared('iso-8859-1'))]))
  refused('invalid_soap', Buffer.from(`\uFEFF${declared('UTF-8')}`, 'utf16le'))
  refused('invalid_soap', Buffer.from(declared('UTF-16'), 'utf16le'))
  refused('invalid_soap', Buffer.from(`\uFEFF${declared('UTF-16')}`, 'utf16le').subarray(0, -1))
  for (const name of ['windows-1252', 'UTF-7', 'iso-8859-15', 'ebcdic-cp-fi', 'x'.repeat(300)])
    refused('invalid_soap', declared(name))
})

test('attacks by XML', () => {
  const withDoctype = (doctype: string, id = 'c0ffee') =>
    soapText({ declaration: `<?xml version="1.0"?>${doctype}`, ...block('id', `<x:id>${id}</x:id>`) })
  refused('invalid_soap', withDoctype('<!DOCTYPE a>'))
  refused('invalid_soap', withDoctype('<!DOCTYPE a [<!ENTITY b "c">]>', '&b;'))
  refused('invalid_soap', withDoctype('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', '&b;'))
  refused('invalid_soap', withDoctype('<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">'))
  refused('invalid_soap', withDoctype('<!doctype a>'))
  refused('invalid_soap', withDoctype('<!DOCTYPE a [<!ENTITY % b "<!ENTITY c \'d\'>">%b;]>', '&c;'))
  refused('invalid_soap', block('id', '<x:id>&undeclared;</x:id>'))
  refused('invalid_soap', block('id', '<x:id>&#0;</x:id>'))
  refused('invalid_soap', block('id', '<x:id>\u0000</x:id>'))

  const body = (content: string): Written => ({ body: `<e:Body><findBoat>${content}</findBoat></e:Body>` })
  read(body('<a>'.repeat(125) + '</a>'.repeat(125)))
  refused('invalid_soap', body('<a>'.repeat(126) + '</a>'.repeat(126)))
  refused('invalid_soap', body('<a>'.repeat(1_000_000)))
  const attributes = (count: number) => Array.from({ length: count }, (_, index) => ` a${index}=""`).join('')
  read(body(`<a${attributes(128)}/>`))
  refused('invalid_soap', body(`<a${attributes(129)}/>`))
  refused('invalid_soap', body('<a b="1" b="2"/>'))
  refused('invalid_soap', body('<a xmlns:p="urn:1" xmlns:q="urn:1" p:b="1" q:b="2"/>'))
  // A flood of what is kept ends soon; of what is not, with the document.
  refused('invalid_soap', block('flood', '<x:a/>'.repeat(20_000)))
  read(body('<a/>'.repeat(500_000)))
  for (const markup of ['<a/>', '&amp;', '<!---->', '<?p?>', '<![CDATA[]]>'])
    refused('invalid_soap', body(markup.repeat(1_200_000)))
  read(body(`<a><!-- c -->${'<b/>x'.repeat(200_000)}</a>`))

  // Namespace games.
  refused(
    'invalid_soap',
    soapText().replaceAll('schemas.xmlsoap.org/soap/envelope/', 'www.w3.org/2003/05/soap-envelope'),
  )
  refused('invalid_soap', soapText().replace('xmlns:i=', 'xmlns:j='))
  refused('invalid_soap', '<Envelope/>')
  refused('invalid_soap', soapText().replace('xmlns:x="http', 'xmlns:x=" http').replace('xroad.xsd"', 'xroad.xsd "'))
  refused(
    'missing_header_field',
    soapText().replace('http://x-road.eu/xsd/xroad.xsd', 'http://x-road.eu/xsd/XROAD.xsd'),
  )
  const rebound = '<x:client xmlns:x="urn:other" i:objectType="MEMBER"/>'
  refused('missing_header_field', block('client', rebound))
  assert.equal(read(block('other', rebound)).client.memberCode, '7001')
  // Elements of the header that stand elsewhere.
  refused('missing_header_field', {
    blocks: { id: '' },
    body: '<e:Body><findBoat><x:id xmlns:x="urn:x">1</x:id></findBoat></e:Body>',
  })
  refused('missing_header_field', block('id', '<y:z xmlns:y="urn:y"><x:id>1</x:id></y:z>'))
  const wrapped = soapText()
    .replace('<e:Header>', '<y:a xmlns:y="urn:y"><e:Header>')
    .replace('</e:Header>', '</e:Header></y:a>')
  refused('missing_header', wrapped)
  const header = `<e:Header>${headerBlocks().join('')}</e:Header>`
  refused('invalid_soap', soapText().replace('<e:Body>', `${header}<e:Body>`))
})

test('what is not XML, or not quite', () => {
  const whole = soapText()
  for (const text of [
    '',
    ' ',
    '<',
    'SOAP',
    '{}',
    '<e:Envelope/>',
    `x${whole}`,
    `${whole}x`,
    `${whole}<a/>`,
    ` ${whole}`,
  ])
    refused('invalid_soap', text)
  for (let length = 0; length < whole.length; length += 3) refused('invalid_soap', whole.slice(0, length))
  refused('invalid_soap', whole.replace('version="1.0"', 'version="1.1"'))
  refused('invalid_soap', whole.replace('</e:Header>', ''))
  read(whole.replaceAll('\n', '\r\n'))
  read(`${whole}\n<!-- the end -->\n`)
})

test('SOAPAction: nothing, or a URI in quotes (wire-client §2.4)', () => {
  for (const value of ['', '""', '"http://example.org/test"', '"urn:foo"', '"a?b#c"', '"%20"'])
    assert.equal(checkSoapAction(value), value)
  assert.equal(checkSoapAction(undefined), '')
  for (const value of [
    'http://quotes/missing',
    '"http://extra/quote""',
    '"spaces "',
    '"',
    '"a',
    "'a'",
    '"a#b#c"',
    '"%2"',
    '"a\r\nb: c"',
    '"õ"',
  ])
    assert.throws(() => checkSoapAction(value), { code: 'invalid_soap_action' }, value)
})

test('every refusal is a fault of the catalogue under the side that it is told by', () => {
  const told = (input: Written, prefix: string) => {
    try {
      read(input)
    } catch (error) {
      return prefixed(error, prefix).code
    }
    return undefined
  }
  assert.equal(told(block('id', ''), 'client'), 'client.missing_header_field')
  assert.equal(
    told({ body: '' }, 'server.serverproxy.service_failed'),
    'server.serverproxy.service_failed.missing_body',
  )
  assert.equal(told(block('id', `<x:id>${'x'.repeat(256)}</x:id>`), 'client'), 'client.internal_error')
})
