// Faults: codes, spellings, formats; and the catalogue against docs/errors.md, both ways.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import {
  currentCode,
  FAULTS,
  fault,
  legacyCode,
  ProtocolError,
  prefixed,
  readSoapFault,
  renderRestError,
  writeSoapFault,
  XRoadFault,
} from '#protocol'

const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

test('docs/errors.md is the catalogue: every code, both spellings, nothing else', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'errors.md'), 'utf8')
  const rows = [...text.matchAll(/^\| `([^`]+)` \| `([^`]+)` \| (.+) \|$/gm)].map(
    ([, code = '', legacy = '', meaning = '']) => [code, { legacy, meaning }] as const,
  )
  assert.equal(rows.length, 60)
  assert.equal(Object.keys(FAULTS).length, 60)
  assert.deepEqual(
    rows.map(([code]) => code),
    Object.keys(FAULTS),
  )
  for (const [code, row] of rows) assert.deepEqual(row, { ...FAULTS[code as keyof typeof FAULTS] }, code)
})

test('codes are words of the catalogue after a side', () => {
  const made = fault('server.serverproxy.service_failed', 'unknown_member', 'text', { cause: 'why' })
  assert.equal(made.code, 'server.serverproxy.service_failed.unknown_member')
  assert.equal(made.message, 'text')
  assert.equal(made.cause, 'why')
  assert.match(made.detail, uuid)
  assert.equal(made.received, false)
  assert.equal(fault('client', 'invalid_http_method', '').code, 'client.invalid_http_method')
})

test('a prefix is added once, never to what names a side, never to what the other side said', () => {
  const bare = new XRoadFault('internal_error', 'm', { detail: 'd', cause: 'c' })
  const once = prefixed(bare, 'server.clientproxy')
  assert.deepEqual(
    [once.code, once.message, once.detail, once.cause],
    ['server.clientproxy.internal_error', 'm', 'd', 'c'],
  )
  assert.equal(prefixed(once, 'server.clientproxy'), once)
  const other = fault('server.serverproxy', 'access_denied', '')
  assert.equal(prefixed(other, 'server.clientproxy.service_failed'), other)
  const service = new XRoadFault('SOAP-ENV:Server', 'm', { received: true })
  assert.equal(prefixed(service, 'server.clientproxy'), service)
})

test('errors become faults without telling what they should not', () => {
  const known = prefixed(new ProtocolError('mime_parsing_failed', 'broken'), 'server.clientproxy.service_failed')
  assert.deepEqual([known.code, known.message], ['server.clientproxy.service_failed.mime_parsing_failed', 'broken'])
  assert.equal(
    prefixed(new ProtocolError('invalid_identifier', ''), 'server.serverproxy').code,
    'server.serverproxy.internal_error',
  )
  for (const error of [new Error('the password is 1234'), 'thrown text 1234', undefined, null, { message: '1234' }]) {
    const hidden = prefixed(error, 'server.serverproxy')
    assert.equal(hidden.code, 'server.serverproxy.internal_error')
    assert.doesNotMatch(
      JSON.stringify([hidden.message, hidden.code, Buffer.from(writeSoapFault(hidden)).toString()]),
      /1234/,
    )
    assert.equal(hidden.cause, error)
  }
})

test('codes of servers up to 7.7 are understood', () => {
  const table: readonly (readonly [legacy: string, current: string])[] = [
    ['Server.ServerProxy.AccessDenied', 'server.serverproxy.access_denied'],
    ['Server.ServerProxy.ServiceFailed.InvalidSoap', 'server.serverproxy.service_failed.invalid_soap'],
    ['Server.ClientProxy.OutdatedGlobalConf', 'server.clientproxy.global_conf_outdated'],
    ['Server.ClientProxy.IOError', 'server.clientproxy.io_error'],
    ['Server.ClientProxy.NetworkError', 'server.clientproxy.network_error'],
    [
      'Server.ServerProxy.SignatureVerification.MalformedSignature.HashChainUnusedInputs',
      'server.serverproxy.signature_verification.malformed_signature.hashchain_unused_inputs',
    ],
    ['Server.ServerProxy.LoggingFailed.TimestampingFailed', 'server.serverproxy.logging_failed.timestamping_failed'],
    ['Server.ServerProxy.HSMNonOperational', 'server.serverproxy.hsm_non_operational'],
    ['Server.ServerProxy.SomeNewThing', 'server.serverproxy.some_new_thing'],
    ['Client.InvalidSoapAction', 'client.invalid_soap_action'],
  ]
  for (const [legacy, current] of table) assert.equal(currentCode(legacy), current)
  for (const code of [
    'server.serverproxy.access_denied',
    'SOAP-ENV:Server',
    'soap:Client',
    'CODE',
    'Server',
    'Client',
    'Client.Authentication',
    'Server.ServerProxy.not CamelCase',
    'Server.Other.X',
    '',
  ]) {
    assert.equal(currentCode(code), code)
  }
})

test('every code of the catalogue goes to the old spelling and back', () => {
  for (const code of Object.keys(FAULTS)) {
    if (code === 'unknown_host' || code.startsWith('mlog.')) continue // newer than the old spelling
    const full = `server.serverproxy.${code}`
    assert.equal(currentCode(legacyCode(full)), full)
  }
  assert.equal(
    legacyCode('server.serverproxy.service_failed.unknown_host'),
    'Server.ServerProxy.ServiceFailed.NetworkError',
  )
  assert.equal(
    legacyCode('server.clientproxy.logging_failed.mlog.no_timestamping_provider_found'),
    'Server.ClientProxy.LoggingFailed.TimestampingFailed',
  )
  assert.equal(legacyCode('client.some_new_thing'), 'Client.SomeNewThing')
  assert.equal(legacyCode('SOAP-ENV:Server'), 'SOAP-ENV:Server')
})

test('a SOAP fault is written as the reference lays it out, in either spelling', () => {
  const made = new XRoadFault('server.serverproxy.access_denied', 'No <way> & "none"\u0000', { detail: 'id-1' })
  const text = (spelling?: 'legacy') => Buffer.from(writeSoapFault(made, spelling)).toString()
  assert.equal(
    text(),
    `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="${SOAP}"><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>server.serverproxy.access_denied</faultcode>` +
      '<faultstring>No &lt;way&gt; &amp; "none"\uFFFD</faultstring><faultactor></faultactor><detail><faultDetail xmlns="">id-1</faultDetail></detail></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>',
  )
  assert.match(text('legacy'), /<faultcode>Server\.ServerProxy\.AccessDenied</)
  const read = readSoapFault(writeSoapFault(made, 'legacy'))
  assert.deepEqual(
    [read?.code, read?.message, read?.detail, read?.received],
    ['server.serverproxy.access_denied', 'No <way> & "none"\uFFFD', 'id-1', true],
  )
})

const envelope = (body: string, namespace = SOAP) =>
  Buffer.from(`<e:Envelope xmlns:e="${namespace}"><e:Header/><e:Body>${body}</e:Body></e:Envelope>`)

test('faults of others are read by local name, whatever their detail', () => {
  const full = readSoapFault(
    envelope(
      '<e:Fault><faultcode> e:Server\n</faultcode><faultstring>a<b>c</b></faultstring><detail><x>1</x><y>2</y></detail></e:Fault>',
    ),
  )
  assert.deepEqual([full?.code, full?.message, full?.detail], ['e:Server', 'ac', '12'])
  const short = readSoapFault(envelope('<e:Fault xmlns="urn:x"><faultcode>CODE</faultcode></e:Fault>'))
  assert.equal(short?.code, 'CODE')
  assert.equal(short?.message, '')
  assert.match(short?.detail ?? '', uuid)
  assert.equal(readSoapFault(envelope('<x/>')), undefined)
  assert.equal(readSoapFault(envelope('<Fault/>')), undefined)
  assert.equal(readSoapFault(Buffer.from(`<e:Envelope xmlns:e="${SOAP}"/>`)), undefined)
})

test('a code from outside can stand in a header, and texts are bounded', () => {
  const read = readSoapFault(
    envelope(
      `<e:Fault><faultcode>a&#13;&#10;X: y ö${'z'.repeat(500)}</faultcode><faultstring>${'m'.repeat(20_000)}</faultstring></e:Fault>`,
    ),
  )
  assert.match(read?.code ?? '', /^a\?\?X:\?y\?\?z+$/)
  assert.equal(read?.code.length, 255)
  assert.equal(read?.message.length, 10_000)
  // Found by test/fuzz: the current spelling has an underscore before each capital.
  const respelt = readSoapFault(
    envelope(`<e:Fault><faultcode>Server.ServerProxy.${'Fvice'.repeat(48)}</faultcode></e:Fault>`),
  )
  assert.match(respelt?.code ?? '', /^server\.serverproxy\.fvice_fvice_/)
  assert.equal(respelt?.code.length, 255)
})

test('what is not a SOAP 1.1 envelope, or has no code, is refused', () => {
  for (const bytes of [
    Buffer.from(''),
    Buffer.from('<a/>'),
    Buffer.from('<!DOCTYPE e><e/>'),
    envelope('', 'http://www.w3.org/2003/05/soap-envelope'),
    envelope('<e:Fault/>'),
    envelope('<e:Fault><faultcode> </faultcode></e:Fault>'),
    Buffer.alloc((1 << 20) + 1, ' '),
  ]) {
    assert.throws(() => readSoapFault(bytes), { code: 'invalid_soap' })
  }
})

test('REST errors: status by side, format by Accept in order, q ignored (wire-client §3.7)', () => {
  const made = new XRoadFault('server.serverproxy.access_denied', 'No "way" <none>', { detail: 'id-1' })
  const table: readonly (readonly [accept: readonly string[], contentType: string])[] = [
    [[], 'application/json'],
    [['*/*'], 'application/json'],
    [['application/json'], 'application/json'],
    [['application/json, text/xml'], 'text/xml;charset=utf-8'],
    [['application/json;q=1, application/xml;q=0.1'], 'application/xml;charset=utf-8'],
    [['text/*'], 'text/xml;charset=utf-8'],
    [['TEXT/XML'], 'text/xml;charset=utf-8'],
    [['application/xml, text/xml'], 'application/xml;charset=utf-8'],
    [['text/html', 'application/xml'], 'application/xml;charset=utf-8'],
    [['application/*'], 'application/json'],
    [['text/xml+x'], 'application/json'],
    [[',,;'], 'application/json'],
  ]
  for (const [accept, contentType] of table)
    assert.equal(renderRestError(made, accept).contentType, contentType, accept.join())
  assert.equal(
    Buffer.from(renderRestError(made, []).body).toString(),
    '{"type":"server.serverproxy.access_denied","message":"No \\"way\\" <none>","detail":"id-1"}',
  )
  assert.equal(
    Buffer.from(renderRestError(made, ['text/xml']).body).toString(),
    '<?xml version="1.0" encoding="UTF-8" standalone="no"?><error><type>server.serverproxy.access_denied</type><message>No "way" &lt;none&gt;</message><detail>id-1</detail></error>',
  )
  assert.equal(renderRestError(made, []).status, 500)
  assert.equal(renderRestError(new XRoadFault('client.invalid_soap', ''), []).status, 400)
  assert.equal(renderRestError(new XRoadFault('SOAP-ENV:Server', ''), []).status, 400)
})
