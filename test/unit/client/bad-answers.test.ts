// Whatever stands at the address and behind it: broken, foreign or hostile answers end in an error, within bounds.
import assert from 'node:assert/strict'
import test from 'node:test'
import { AnswerError, NetworkError, ServiceFault, XRoadClientError, XRoadError } from '#client'
import { answer, replay } from './replay.ts'

const SERVICE = 'TEST/COM/1111/SVC/echo'
const XML = 'text/xml; charset=UTF-8'
const SOAP = 'xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"'
const call = { body: '<echo/>' }

const envelope = (body: string, header = '<S:Header/>') =>
  `<S:Envelope ${SOAP}>${header}<S:Body>${body}</S:Body></S:Envelope>`
const multipart = (body: string) => answer('multipart/related; boundary="b"', body.replaceAll('\n', '\r\n'))

test('SOAP answers that are none', async (t) => {
  const deep = `${'<a>'.repeat(10_000)}${'</a>'.repeat(10_000)}`
  for (const [what, bytes] of [
    ['no XML', answer(XML, 'hello')],
    ['nothing', answer(XML, '')],
    ['HTML', answer('text/html', '<html></html>', 'HTTP/1.1 502 Bad Gateway')],
    ['another root', answer(XML, '<a/>')],
    ['SOAP 1.2', answer(XML, envelope('<a/>').replace('schemas.xmlsoap.org/soap', 'www.w3.org/2003/05/soap'))],
    ['no header', answer(XML, envelope('<a/>', ''))],
    ['no X-Road header', answer(XML, envelope('<a/>'))],
    ['an empty body', answer(XML, envelope(''))],
    ['a DOCTYPE', answer(XML, `<!DOCTYPE a [<!ENTITY x "y">]>${envelope('<a>&x;</a>')}`)],
    ['an entity', answer(XML, envelope('<a>&x;</a>'))],
    ['an entity named like a method', answer(XML, envelope('<a>&constructor;</a>'))],
    ['an open end', answer(XML, envelope('<a/>').slice(0, -3))],
    ['crossed tags', answer(XML, envelope('<a><b></a></b>'))],
    ['an unknown prefix', answer(XML, envelope('<p:a/>'))],
    ['a repeated attribute', answer(XML, envelope('<a x="1" x="2"/>'))],
    ['a repeated attribute by namespace', answer(XML, envelope('<a xmlns:p="u" xmlns:q="u" p:x="1" q:x="2"/>'))],
    ['depth', answer(XML, envelope(deep))],
    ['many attributes', answer(XML, envelope(`<a ${Array.from({ length: 1000 }, (_, i) => `a${i}=""`).join(' ')}/>`))],
    ['many elements', answer(XML, envelope('<a/>'.repeat(600_000)))],
    ['no UTF-8', answer(XML, Buffer.from(envelope('<a>\u00ff</a>'), 'latin1'))],
    ['an unknown charset', answer('text/xml; charset=nothing', envelope('<a/>'))],
    ['a control character', answer(XML, envelope('<a>&#1;</a>'))],
    ['multipart without boundary', answer('multipart/related', 'x')],
    ['multipart without parts', multipart('--b--\n')],
    ['multipart without end', multipart(`--b\nContent-Type: text/xml\n\n${envelope('<a/>')}`)],
    ['multipart with a foreign first part', multipart('--b\nContent-Type: image/png\n\nx\n--b--')],
    ['multipart with broken headers', multipart('--b\nno header\n\nx\n--b--')],
    ['multipart with endless headers', multipart(`--b\n${'a: b\n'.repeat(10_000)}\n--b--`)],
    ['multipart that never begins', multipart('x'.repeat(1_000_000))],
  ] as const) {
    const { xroad } = await replay(t, bytes)
    await assert.rejects(xroad.soap(SERVICE).call(call), AnswerError, what)
  }
})

test('a charset is followed, wherever it is named', async (t) => {
  const fault = '<S:Fault><faultcode>S:Server</faultcode><faultstring>õ</faultstring></S:Fault>'
  const latin1 = Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${envelope(fault)}`, 'latin1')
  const utf8 = Buffer.from(`\ufeff<?xml version="1.0" encoding="UTF-8"?>${envelope(fault)}`)
  for (const bytes of [
    answer('text/xml', latin1),
    answer('text/xml;charset="ISO-8859-1"', latin1),
    answer('text/xml', utf8),
  ]) {
    const { xroad } = await replay(t, bytes)
    await assert.rejects(xroad.soap(SERVICE).call(call), (error) => error instanceof ServiceFault && error.text === 'õ')
  }
})

test('whose a fault is: the old spelling is X-Road’s, a code without an id is the service’s', async (t) => {
  const fault = (code: string, detail: string) =>
    answer(
      XML,
      envelope(
        `<S:Fault><faultcode>${code}</faultcode><faultstring>t</faultstring><detail>${detail}</detail></S:Fault>`,
      ),
    )
  const outcome = async (code: string, detail: string) => {
    const { xroad } = await replay(t, fault(code, detail))
    return xroad
      .soap(SERVICE)
      .call(call)
      .catch((error: unknown) => error)
  }
  const old = await outcome('Server.ServerProxy.ServiceFailed.NetworkError', '<faultDetail>id</faultDetail>')
  assert.ok(old instanceof XRoadError)
  assert.deepEqual([old.side, old.reason, old.detail], ['provider', 'network_error', 'id'])
  const mine = await outcome('Client.InconsistentHeaders', '<faultDetail xmlns="">id</faultDetail>')
  assert.ok(mine instanceof XRoadError)
  assert.deepEqual([mine.side, mine.reason], ['client', 'inconsistent_headers'])
  for (const [code, detail] of [
    ['S:Client', '<faultDetail>id</faultDetail>'],
    ['Client.Authentication', '<x/>'],
    ['server.serverproxy.access_denied', 'no element'],
  ] as const) {
    const theirs = await outcome(code, detail)
    assert.ok(theirs instanceof ServiceFault, code)
    assert.equal(theirs.code, code)
    assert.match(theirs.detailXml ?? '', /^<detail/)
  }
  const strange = await outcome('server.serverproxy.constructor', '<faultDetail>id</faultDetail>')
  assert.ok(strange instanceof XRoadError)
  assert.match(strange.advice, /administrator/)
})

test('REST answers that are none', async (t) => {
  for (const [bytes, kind] of [
    [answer('text/plain', 'no X-Road here'), AnswerError],
    [answer('text/html', 'bad path', 'HTTP/1.1 400 Bad Request'), AnswerError],
    [answer('text/html', '', 'HTTP/1.1 999 What'), AnswerError],
    ['no HTTP at all\r\n\r\n', NetworkError],
    ['', NetworkError],
  ] as const) {
    const { xroad } = await replay(t, bytes)
    await assert.rejects(xroad.service(SERVICE).fetch('/x'), kind)
  }
})

test('an error of X-Road without a readable body is known by its header', async (t) => {
  const head = 'HTTP/1.1 500 Server Error\r\nX-Road-Error: server.clientproxy.network_error'
  for (const body of ['', 'nothing', '{"type":7}', '<error><type>', 'x'.repeat(1_000_000)]) {
    const { xroad } = await replay(t, answer('application/json', body, head))
    await assert.rejects(xroad.service(SERVICE).fetch('/x'), (error) => {
      assert.ok(error instanceof XRoadError)
      assert.deepEqual(
        [error.code, error.side, error.detail],
        ['server.clientproxy.network_error', 'consumer', undefined],
      )
      return true
    })
  }
})

test('an answer that is cut in the middle is an error to its reader', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nx-road-request-hash: x\r\nContent-Length: 1000\r\n\r\n'
  const { xroad } = await replay(t, `${head}only this`)
  const response = await xroad.service(SERVICE).fetch('/x')
  await assert.rejects(response.text(), XRoadClientError)
  const json = await replay(t, answer('application/json', '{"cut', 'HTTP/1.1 200 OK\r\nx-road-request-hash: x'))
  await assert.rejects(json.xroad.service(SERVICE).get('/x'), AnswerError)
})

test('lists that are not as X-Road writes them', async (t) => {
  for (const body of [
    '',
    '[]',
    '{"member":{}}',
    '{"member":[1]}',
    '{"member":[{"name":"x"}]}',
    '{"member":[{"id":{},"name":"x"}]}',
  ]) {
    const { xroad } = await replay(t, answer('application/json', body))
    await assert.rejects(xroad.listClients(), AnswerError, body)
  }
  const fault =
    '<S:Fault><faultcode>server.clientproxy.internal_error</faultcode><faultstring/><detail><faultDetail>i</faultDetail></detail></S:Fault>'
  const { xroad, seen } = await replay(t, answer(XML, envelope(fault)))
  await assert.rejects(xroad.listClients('OT HER'), XRoadError)
  assert.equal(seen[0]?.url, '/listClients?xRoadInstance=OT%20HER')
})
