// The request's hash in an answer: where it is put, byte by byte, and what else stays; and whether an answer belongs to a request.
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  answerSoap,
  checkSoapConsistency,
  readSoap,
  readSoapAnswer,
  type SoapMessage,
  soapQuestion,
  soapRequestHash,
} from '#protocol'
import { digest } from '#trust'
import { soapMessage, soapText, type Written } from './soap-message.ts'

const HASH = `${'A'.repeat(86)}==`
const ALGORITHM = 'algorithmId="http://www.w3.org/2001/04/xmlenc#sha512"'

function answered(input: Written | string | Uint8Array): Buffer {
  const bytes =
    typeof input === 'string' ? Buffer.from(input) : input instanceof Uint8Array ? input : soapMessage(input)
  const read = readSoapAnswer(bytes, 'text/xml', HASH)
  assert.ok(read.kind === 'soap')
  const again = message(read.message.bytes)
  assert.equal(again.requestHash, HASH)
  assert.deepEqual({ ...again, bytes: 0 }, { ...read.message, bytes: 0 })
  return Buffer.from(read.message.bytes)
}

function message(input: Written | Uint8Array = {}): SoapMessage {
  const read = readSoap(input instanceof Uint8Array ? input : soapMessage(input), 'text/xml')
  return read.kind === 'soap' ? read.message : assert.fail('a fault')
}

/** The answer with that text behind the id, and without `removed`. */
function expects(written: Written, behindId: string, removed = ''): void {
  const text = soapText(written).replace(removed, '')
  const at = text.search(/<x:userId/)
  const space = written.space ?? '\n  '
  assert.equal(
    answered(written).toString(),
    `${text.slice(0, at - space.length)}${behindId}${text.slice(at - space.length)}`,
  )
}

const hashOf = (request: SoapMessage) => soapRequestHash(digest('SHA-512', request.bytes))

test('behind the id, with its prefix, after the first white space of the header', () => {
  expects({}, `\n  <x:requestHash ${ALGORITHM}>${HASH}</x:requestHash>`)
  expects({ space: '' }, `<x:requestHash ${ALGORITHM}>${HASH}</x:requestHash>`)
  expects({ space: '\t' }, `\t<x:requestHash ${ALGORITHM}>${HASH}</x:requestHash>`)
  expects({ blocks: { id: '<x:id/>' } }, `\n  <x:requestHash ${ALGORITHM}>${HASH}</x:requestHash>`)
  expects({ blocks: { id: '<x:id>1<!-- 2 --></x:id >' } }, `\n  <x:requestHash ${ALGORITHM}>${HASH}</x:requestHash>`)
})

test('the attributes of the id are repeated, declarations among them', () => {
  const attributes = ' xmlns:y="http://x-road.eu/xsd/xroad.xsd" xmlns:t="urn:t" t:a="1 &amp; &quot;2&quot; õ"'
  expects(
    { blocks: { id: `<y:id${attributes}>1</y:id>` } },
    `\n  <y:requestHash${attributes} ${ALGORITHM}>${HASH}</y:requestHash>`,
  )
  const bare = ' xmlns="http://x-road.eu/xsd/xroad.xsd"'
  expects(
    { blocks: { id: `<id${bare} algorithmId="x">1</id>` } },
    `\n  <requestHash${bare} ${ALGORITHM}>${HASH}</requestHash>`,
  )
})

test('a hash that the service sent goes, wherever it stands', () => {
  const written = `\n  <x:requestHash ${ALGORITHM}>${HASH}</x:requestHash>`
  for (const stale of ['<x:requestHash/>', '<x:requestHash a="1">old õ<!-- c --></x:requestHash>']) {
    expects({ blocks: { stale } }, written, stale)
    const before = soapText().replace('<x:client', `${stale}<x:client`)
    assert.equal(answered(before).toString(), answered({}).toString())
  }
})

test('nothing else changes: marks, line ends, instructions, comments, CDATA, quotes, encodings', () => {
  const body =
    "<e:Body><findBoatResponse a='1'><?p q?><!-- c --><![CDATA[<x>]]>&#65;<b></b><c/></findBoatResponse></e:Body>\r\n"
  const crlf = soapText({ body, space: '\r\n\t' })
  const [head = '', tail = ''] = crlf.split('</x:id>')
  // The white space is the one that XML reads.
  const element = (space: string) => `${space}<x:requestHash ${ALGORITHM}>${HASH}</x:requestHash>`
  assert.equal(answered(crlf).toString(), `${head}</x:id>${element('\n\t')}${tail}`)
  const marked = Buffer.concat([Buffer.from('\uFEFF'), soapMessage()])
  assert.deepEqual(answered(marked), Buffer.concat([Buffer.from('\uFEFF'), answered({})]))
  const accented: Written = { blocks: { client: `<!-- õ€ -->${soapText().match(/<x:client.*client>/)?.[0]}` } }
  for (const [name, encoding] of [
    ['UTF-16', 'utf16le'],
    ['ISO-8859-1', 'latin1'],
  ] as const) {
    const mark = encoding === 'utf16le' ? '\uFEFF' : ''
    const text = `${mark}${soapText({ ...accented, declaration: `<?xml version="1.0" encoding="${name}"?>` }).replace('€', '')}`
    const expected = text.replace('</x:id>', `</x:id>${element('\n  ')}`)
    assert.deepEqual(answered(Buffer.from(text, encoding)), Buffer.from(expected, encoding), name)
  }
  const latin = soapText({
    declaration: '<?xml version="1.0" encoding="ISO-8859-1"?>',
    blocks: { id: '<x:id a="&#x20AC;õ">1</x:id>' },
  })
  assert.match(answered(Buffer.from(latin, 'latin1')).toString('latin1'), /<x:requestHash a="&#8364;õ" /)
})

test('a fault stays as it is', () => {
  const bytes = Buffer.from(
    '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>a</faultcode></e:Fault></e:Body></e:Envelope>',
  )
  const read = readSoapAnswer(bytes, 'text/xml', HASH)
  assert.ok(read.kind === 'fault' && read.bytes === bytes)
  assert.throws(() => readSoapAnswer(bytes, 'text/html', HASH), { code: 'invalid_content_type' })
})

test('an answer repeats the header of its request, in any order', () => {
  const party = '<r:representedParty><r:partyCode>1</r:partyCode></r:representedParty>'
  const request = message({ blocks: { party } })
  const answer = (blocks: Record<string, string>) => ({
    ...message({ blocks: { party, ...blocks } }),
    requestHash: HASH,
  })
  checkSoapConsistency(request, answer({ protocolVersion: '<x:protocolVersion>4.1</x:protocolVersion>' }), HASH)
  const replaced = (name: string, from: string, to: string) => ({
    [name]:
      soapText()
        .match(new RegExp(`<x:${name}.*?</x:${name}>`))?.[0]
        ?.replace(from, to) ?? assert.fail(name),
  })
  for (const [name, blocks] of [
    ['client', replaced('client', '7001', '7009')],
    ['client', replaced('client', '<i:subsystemCode>desk</i:subsystemCode>', '')],
    ['service', replaced('service', 'v3', 'v4')],
    ['service', replaced('service', '<i:serviceVersion>v3</i:serviceVersion>', '')],
    ['userId', { userId: '' }],
    ['userId', { userId: '<x:userId/>' }],
    ['issue', { issue: '<x:issue> case-9</x:issue>' }],
    ['id', { id: '<x:id>C0FFEE</x:id>' }],
    ['representedParty', { party: '' }],
    ['representedParty', { party: party.replace('<r:partyCode>', '<r:partyClass/><r:partyCode>') }],
  ] as const)
    assert.throws(() => checkSoapConsistency(request, answer(blocks), HASH), {
      code: 'server.clientproxy.service_failed.inconsistent_response',
      message: new RegExp(`: ${name} differ$`),
    })
  for (const requestHash of ['', HASH.toLowerCase(), `${HASH} `])
    assert.throws(() => checkSoapConsistency(request, { ...answer({}), requestHash }, HASH), {
      code: 'server.clientproxy.inconsistent_response',
    })
  const { requestHash: _, ...without } = answer({})
  assert.throws(() => checkSoapConsistency(request, without, HASH), {
    code: 'server.clientproxy.inconsistent_response',
  })
})

test('the security server answers in the request’s own envelope', () => {
  const content = '<f:findBoatResponse xmlns:f="urn:boats">õ€</f:findBoatResponse>'
  for (const [name, encoding] of [
    ['UTF-8', 'utf8'],
    ['ISO-8859-1', 'latin1'],
  ] as const) {
    const text = soapText({
      declaration: `<?xml version="1.0" encoding="${name}"?>`,
      body: '<e:Body> <findBoat><a/></findBoat>\n</e:Body>',
    })
    const request = message(Buffer.from(text, encoding))
    const answer = answerSoap(request, hashOf(request), content)
    checkSoapConsistency(request, answer, hashOf(request))
    assert.deepEqual([answer.wrapper, answer.direction, answer.encoding], ['findBoatResponse', 'response', name])
    const written = Buffer.from(answer.bytes).toString(encoding)
    const expected = text
      .replace('<findBoat><a/></findBoat>', encoding === 'utf8' ? content : content.replace('€', '&#8364;'))
      .replace('</x:id>', `</x:id>\n  <x:requestHash ${ALGORITHM}>${hashOf(request)}</x:requestHash>`)
    assert.equal(written, expected)
  }
  assert.throws(() => answerSoap(message(), 'x', '<listMethodsResponse/>'), { code: 'inconsistent_headers' })
  assert.throws(() => answerSoap(message(), 'x', '<findBoatResponse/><more/>'), { code: 'invalid_body' })
  assert.throws(() => answerSoap(message(), 'x', '<findBoatResponse>'), { code: 'invalid_soap' })
})

test('what is asked of the security server itself is kept whole, up to a limit', () => {
  const asked = (content: string) => soapQuestion(message({ body: `<e:Body>${content}</e:Body>` }))
  const { local, children } = asked('<findBoat xmlns:q="urn:q"><q:a n="1">te&lt;xt</q:a></findBoat>')
  assert.equal(local, 'findBoat')
  const [a] = children
  assert.ok(typeof a === 'object' && 'local' in a)
  assert.deepEqual([a.namespace, a.local, a.children], ['urn:q', 'a', ['te<xt']])
  assert.throws(() => asked(`<findBoat>${'<a/>'.repeat(20_001)}</findBoat>`), { code: 'invalid_soap' })
})
