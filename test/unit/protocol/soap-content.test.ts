// SOAP with attachments as information systems post it and services answer it, whole and broken (wire-client §2.4, §2.8); and how it is given on.
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  collect,
  deliverSoap,
  mediaType,
  ProtocolError,
  readSoap,
  readSoapContent,
  readTransport,
  transportWriter,
} from '#protocol'
import { pieces } from './http-message.ts'
import { soapMessage, soapText } from './soap-message.ts'

const RELATED = 'multipart/related; type="text/xml"; start="<root>"; boundary=B'
const SOAP = `Content-Type: text/xml; charset=UTF-8\r\n\r\n${soapText()}`

/** Parts with boundary B, each its headers, an empty line and its body. */
const parts = (...bodies: readonly string[]): string =>
  `${bodies.map((body) => `--B\r\n${body}\r\n`).join('')}--B--\r\n`

interface Seen {
  readonly parts: string[]
  readonly lines: string[]
}

async function read(content: string | Uint8Array, contentType = RELATED, size = 64): Promise<Seen> {
  const seen: Seen = { parts: [], lines: [] }
  const bytes = typeof content === 'string' ? Buffer.from(content) : Buffer.from(content)
  for await (const part of readSoapContent(pieces(bytes, size), contentType)) {
    if (part.kind === 'attachment') seen.parts.push(`${part.number}=${Buffer.from(await collect(part.body, 1 << 20))}`)
    else seen.parts.push(part.kind === 'fault' ? part.fault.code : part.message.wrapper)
    if (part.kind !== 'fault') seen.lines.push(part.lines)
  }
  return seen
}

async function refused(code: string, content: string | Uint8Array, contentType = RELATED): Promise<void> {
  for (const size of content.length > 1 << 20 ? [1 << 16] : [3, 1 << 20]) {
    await assert.rejects(read(content, contentType, size), (error) => {
      assert.ok(error instanceof ProtocolError, String(error))
      assert.equal(error.code, code, `${error.message}: ${String(content).slice(0, 300)}`)
      return true
    })
  }
}

test('a message alone', async () => {
  assert.deepEqual(await read(soapMessage(), 'text/xml'), {
    parts: ['findBoat'],
    lines: ['content-type: text/xml\r\n'],
  })
  assert.deepEqual((await read(soapMessage(), 'application/xop+xml; type="text/xml"')).parts, ['findBoat'])
  for (const type of [
    '',
    'text/html',
    'application/soap+xml',
    'multipart/mixed; boundary=B',
    'multipart/form-data; boundary=B',
  ])
    await refused('invalid_content_type', soapMessage(), type)
  await refused('invalid_soap', '', 'text/xml')
})

test('a message with attachments, numbered, with their headers as they came', async () => {
  const attachment =
    'Content-ID:\r\n <1@x>\r\nCONTENT-TYPE: a/b;\r\n\tname="õ"\r\nX: 1\r\nX: 2\r\n\r\nline\r\n--C--\r\n'
  const { parts: seen, lines } = await read(
    Buffer.from(parts(SOAP.replace('õ', ''), attachment, 'Content-Type: c/d\n\n'), 'latin1'),
  )
  assert.deepEqual(seen, ['findBoat', '1=line\r\n--C--\r\n', '2='])
  assert.deepEqual(lines, [
    'Content-Type: text/xml; charset=UTF-8\r\n',
    'Content-ID:\r\n <1@x>\r\nCONTENT-TYPE: a/b;\r\n\tname="õ"\r\nX: 1\r\nX: 2\r\n',
    'Content-Type: c/d\r\n',
  ])
})

test('the first part is the message, whatever start says', async () => {
  await refused(
    'invalid_content_type',
    parts('Content-Type: a/b\r\nContent-ID: <1>\r\n\r\nx', `Content-ID: <root>\r\n${SOAP}`),
  )
  assert.deepEqual((await read(parts(`Content-ID: <other>\r\n${SOAP}`))).parts, ['findBoat'])
})

test('transfer encodings are not undone: neither of attachments nor of the message', async () => {
  const encoded = Buffer.from(soapText()).toString('base64')
  await refused('invalid_soap', parts(`Content-Type: text/xml\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}`))
  const { parts: seen } = await read(parts(SOAP, 'Content-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\naGk='))
  assert.deepEqual(seen, ['findBoat', '1=aGk='])
})

test('multiparts inside are taken apart and counted on', async () => {
  const inner =
    'Content-Type: multipart/mixed; boundary="C"\r\n\r\n--C\r\nContent-Type: a/b\r\n\r\none\r\n--C\r\nContent-Type: a/b\r\n\r\ntwo\r\n--C--'
  assert.deepEqual((await read(parts(SOAP, inner, 'Content-Type: a/b\r\n\r\nthree'))).parts, [
    'findBoat',
    '1=one',
    '2=two',
    '3=three',
  ])
  // The first part of all, wherever it stands.
  const first = `Content-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\n${SOAP}\r\n--C--`
  assert.deepEqual((await read(parts(first))).parts, ['findBoat'])
})

test('a fault ends the reading', async () => {
  const fault = '<e:Fault><faultcode>soap:Server</faultcode></e:Fault>'
  const xml = `<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>${fault}</e:Body></e:Envelope>`
  assert.deepEqual((await read(xml, 'text/xml')).parts, ['soap:Server'])
  assert.deepEqual((await read(parts(`Content-Type: text/xml\r\n\r\n${xml}`, SOAP, 'x'))).parts, ['soap:Server'])
})

test('multiparts without parts have no message; the caller says so', async () => {
  for (const content of ['', '--', 'no delimiter', '--B--', '\r\n--B--\r\n', '--X\r\n\r\n--X--\r\n'])
    assert.deepEqual((await read(content)).parts, [], content)
})

test('attacks by MIME', async () => {
  const attachment = 'Content-Type: a/b\r\n\r\nx'
  const whole = parts(SOAP, attachment)
  for (let length = whole.indexOf('Boat'); length < whole.length - 4; length += 5)
    await refused('io_error', whole.slice(0, length))
  // Types: none, two, unreadable, of a multipart without boundary.
  await refused('invalid_content_type', parts(`\r\n${soapText()}`))
  await refused('invalid_content_type', parts(SOAP, '\r\nx'))
  await refused('mime_parsing_failed', parts(`Content-Type: text/xml\r\n${SOAP}`))
  await refused('mime_parsing_failed', parts(SOAP, 'content-type: a/b\r\nCONTENT-TYPE: c/d\r\n\r\nx'))
  await refused('invalid_content_type', parts(SOAP, 'Content-Type: ???\r\n\r\nx'))
  await refused('invalid_content_type', parts(SOAP, 'Content-Type: multipart/mixed\r\n\r\nx'))
  for (const type of [
    'multipart/related',
    'multipart/related; boundary=""',
    `multipart/related; boundary=${'b'.repeat(201)}`,
  ])
    await refused('invalid_content_type', whole, type)
  await refused('invalid_content_type', whole, `${RELATED}; boundary=C`)
  // A multipart inside that ends before its own end, or never begins.
  await refused(
    'io_error',
    parts(SOAP, 'Content-Type: multipart/mixed; boundary=C\r\n\r\n--C\r\nContent-Type: a/b\r\n\r\nx'),
  )
  await refused('io_error', parts(SOAP, 'Content-Type: multipart/mixed; boundary=C\r\n\r\nx'))
  // Nested without end.
  let deep = attachment
  for (let level = 0; level < 8; level++)
    deep = `Content-Type: multipart/mixed; boundary=L${level}\r\n\r\n--L${level}\r\n${deep}\r\n--L${level}--`
  await refused('mime_parsing_failed', parts(SOAP, deep))
  const same = 'Content-Type: multipart/mixed; boundary=B\r\n\r\n'
  await refused('io_error', parts(SOAP, same.repeat(3)))
  // Header bombs.
  await refused('mime_parsing_failed', parts(SOAP, `${'X: y\r\n'.repeat(1001)}${attachment}`))
  await refused('mime_parsing_failed', parts(SOAP, `X: ${'y'.repeat(1000)}\r\n${attachment}`))
  await refused('mime_parsing_failed', parts(SOAP, `X: y\r\n${` ${'y'.repeat(990)}\r\n`.repeat(70)}${attachment}`))
  await refused('mime_parsing_failed', parts(SOAP, `X: a\u0000b\r\n${attachment}`))
  await refused('mime_parsing_failed', parts(SOAP, `X y: z\r\n${attachment}`))
  await refused('mime_parsing_failed', `${'p'.repeat(70_000)}${whole}`)
  await refused('mime_parsing_failed', `${whole}${'e'.repeat(70_000)}`)
  // Sizes and numbers.
  await refused('invalid_message', parts(`${SOAP}${' '.repeat(17 << 20)}`))
  await refused('invalid_message', Buffer.alloc(17 << 20, ' '), 'text/xml')
  const many = `Content-Type: multipart/mixed; boundary=C\r\n\r\n${'--C\r\nContent-Type: a/b\r\n\r\n\r\n'.repeat(5001)}--C--`
  await assert.rejects(read(parts(SOAP, many, many), RELATED, 1 << 20), { code: 'mime_parsing_failed' })
})

test('between servers: attachments stand in a multipart of their own, and come out as they went in', async () => {
  const { lines } = await read(
    parts(SOAP, 'Content-Type: a/b\r\nContent-ID:\r\n <1>\r\n\r\nx', 'content-type: c/d\r\n\r\ny'),
  )
  const [own = '', first = '', second = ''] = lines
  const writer = transportWriter('xtopB')
  const bytes = Buffer.concat([
    writer.forward(own),
    soapMessage(),
    writer.attachment(first),
    Buffer.from('one'),
    writer.attachment(second),
    writer.part('signature/bdoc-1.0/ts', Buffer.from('S')),
    writer.end(),
  ])
  const layout = bytes.toString('latin1').replace(/xatt[A-Za-z]{30}/g, 'xatt')
  assert.ok(
    layout.endsWith(
      '\r\n--xtopB\r\ncontent-type: multipart/mixed; charset=UTF-8; boundary=xatt\r\n\r\n' +
        '\r\n--xatt\r\nContent-Type: a/b\r\nContent-ID:\r\n <1>\r\n\r\none\r\n--xatt\r\ncontent-type: c/d\r\n\r\n\r\n--xatt--\r\n' +
        '\r\n--xtopB\r\ncontent-type: signature/bdoc-1.0/ts\r\n\r\nS\r\n--xtopB--\r\n',
    ),
    layout,
  )
  const seen: string[] = []
  for await (const part of readTransport(pieces(bytes, 50), writer.contentType, 'request')) {
    if (part.kind === 'soap') assert.deepEqual([Buffer.from(part.bytes), part.lines], [soapMessage(), own])
    if (part.kind === 'attachment') seen.push(part.lines, Buffer.from(await collect(part.body, 10)).toString())
    else seen.push(part.kind)
  }
  assert.deepEqual(seen, ['soap', first, 'one', second, '', 'signature'])
  assert.throws(() => transportWriter('x').forward(`A: ${'b'.repeat(995)}\r\n`), { code: 'mime_parsing_failed' })
  assert.throws(() => transportWriter('x').forward('A: b\nC: d\r\n'), { code: 'mime_parsing_failed' })
})

test('a transport message whose SOAP part is refused', async () => {
  const kinds = async (type: string, body: string) => {
    const writer = transportWriter('xtopB')
    const bytes = Buffer.concat([writer.part(type, Buffer.from(body)), writer.end()])
    for await (const part of readTransport(pieces(bytes, 50), writer.contentType, 'request')) return part.kind
    return undefined
  }
  assert.equal(await kinds('text/xml', soapText()), 'soap')
  await assert.rejects(kinds('text/xml', ''), { code: 'invalid_soap' })
  await assert.rejects(kinds('text/xml', soapText({ blocks: { id: '' } })), { code: 'missing_header_field' })
  await assert.rejects(kinds('text/html', soapText()), { code: 'invalid_content_type' })
  await assert.rejects(kinds('text/xml; charset=utf-9', soapText()), { code: 'io_error' })
})

test('what is given on: alone, or as the multipart that it was, never with a boundary of the peer', async () => {
  const result = readSoap(soapMessage(), 'text/xml')
  assert.ok(result.kind === 'soap')
  const { message } = result
  for (const original of [undefined, '', 'text/xml; charset=utf-8', 'application/xop+xml', '???'])
    assert.deepEqual(deliverSoap(message, original, false), { contentType: 'text/xml; charset=UTF-8' })
  for (const original of [undefined, '', 'text/xml', '???']) {
    const { contentType } = deliverSoap(message, original, true)
    assert.match(contentType, /^multipart\/related; type="text\/xml"; boundary=xatt[A-Za-z]{30}$/)
  }
  const kept = deliverSoap(
    message,
    'multipart/related; Boundary="a; boundary=b" ; type="text/xml"; start="<root>"; ',
    false,
  )
  assert.match(kept.contentType, /^multipart\/related; boundary=xatt[A-Za-z]{30}; type="text\/xml"; start="<root>"; ?$/)
  assert.equal(mediaType(kept.contentType).parameters.get('start'), '<root>')
  assert.ok(kept.writer)
  const added = deliverSoap(message, 'multipart/related;', false).contentType
  assert.match(added, /^multipart\/related; boundary=xatt[A-Za-z]{30}$/)
  const latin = readSoap(
    Buffer.from(soapText({ declaration: '<?xml version="1.0" encoding="ISO-8859-1"?>' }), 'latin1'),
    'text/xml',
  )
  assert.ok(latin.kind === 'soap')
  assert.equal(deliverSoap(latin.message, undefined, false).contentType, 'text/xml; charset=ISO-8859-1')
})

test('a body that holds the boundary of the original is still one part', async () => {
  const text = soapText({
    body: '<e:Body><findBoat>\r\n--evil\r\nContent-Type: a/b\r\n\r\nforged\r\n--evil--</findBoat></e:Body>',
  })
  const result = readSoap(Buffer.from(text), 'text/xml')
  assert.ok(result.kind === 'soap')
  const { contentType, writer } = deliverSoap(result.message, 'multipart/related; boundary=evil', false)
  assert.ok(writer)
  const bytes = Buffer.concat([writer.forward('content-type: text/xml\r\n'), result.message.bytes, writer.end()])
  assert.deepEqual((await read(bytes, contentType)).parts, ['findBoat'])
})
