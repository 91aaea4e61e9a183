// Every message of the outside vectors (wire-client §11.1) gets the verdict that the reference's own tests expect of it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import test from 'node:test'
import {
  checkSoapConsistency,
  collect,
  ProtocolError,
  readSoapAnswer,
  readSoapContent,
  soapRequestHash,
} from '#protocol'
import { digest } from '#trust'
import { needsVectors, vector, vectorPath } from '../../vectors.ts'
import { pieces } from './http-message.ts'

const PLAIN = 'text/xml; charset=UTF-8'
const RELATED = 'multipart/related; charset=UTF-8; boundary=jetty771207119h3h10dty'
const AXIS =
  'multipart/related; type="application/xop+xml"; boundary=MIMEBoundaryurn_uuid_0FE43E4D025F0BF3DC11582467646812'

/** What is read, or the code of the refusal. */
const VERDICTS: Record<string, readonly [contentType: string, verdict: string]> = {
  'attachm-mtom.answer': [RELATED, 'testResponse attachment1=foobarbaz'],
  'attachm-mtom.query': [RELATED, 'test attachment1=foobar'],
  'attachm.answer': [PLAIN, 'testResponse'],
  'attachm.query': [RELATED, 'test attachment1=blaah'],
  'attachm2-utf8bom-inside.answer': [RELATED, 'testResponse attachment1=blaah'],
  'attachm2-utf8bom-inside.query': [RELATED, 'test attachment1=blaah'],
  'cdata.answer': [PLAIN, 'getStateResponse'],
  'cdata.query': [PLAIN, 'getState'],
  'empty.query': [PLAIN, 'invalid_soap'],
  'fault.query': [PLAIN, 'fault CODE STRING DETAIL'],
  'faulty-multipart.query': [RELATED, ''],
  'getstate.answer': [PLAIN, 'getStateResponse'],
  'getstate.query': [PLAIN, 'getState'],
  'inconsistent-headers.query': [PLAIN, 'inconsistent_headers'],
  'malformed-body1.query': [PLAIN, 'invalid_body'],
  'missing-body.query': [PLAIN, 'missing_body'],
  // That nobody is registered under that name is not for the message's reader to say.
  'missing-org.query': [PLAIN, 'getState'],
  'missing-protocolVersion.query': [PLAIN, 'missing_header_field'],
  'no-soap.query': [RELATED, 'invalid_soap'],
  'request-suffix.query': [PLAIN, 'testQueryRequest'],
  'requesthash.answer': [PLAIN, 'getStateResponse'],
  'simple-representedparty.query': [PLAIN, 'testQuery'],
  'simple-rpc.query': [PLAIN, 'testQuery rpc'],
  'simple.answer': [PLAIN, 'testQueryResponse'],
  'simple.query': [PLAIN, 'testQuery'],
  'wrong-protocolVersion.query': [PLAIN, 'invalid_protocol_version'],
  'xop.answer': [AXIS, 'testResponse attachment1=77+9UE5HDQoaCgAAAA1J'],
}

async function verdictOf(bytes: Uint8Array, contentType: string, size: number): Promise<string> {
  const seen: string[] = []
  try {
    for await (const part of readSoapContent(pieces(Buffer.from(bytes), size), contentType)) {
      if (part.kind === 'fault') seen.push(`fault ${part.fault.code} ${part.fault.message} ${part.fault.detail}`)
      else if (part.kind === 'soap') seen.push(part.message.wrapper, ...(part.message.rpc ? ['rpc'] : []))
      else seen.push(`attachment${part.number}=${Buffer.from(await collect(part.body, 1 << 20)).subarray(0, 20)}`)
    }
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error))
    return error.code
  }
  return seen.join(' ')
}

test('every message of the vectors is judged as documented', async (t) => {
  if (!needsVectors(t)) return
  assert.deepEqual(readdirSync(vectorPath('messages')).sort(), Object.keys(VERDICTS).sort())
  for (const [file, [contentType, verdict]] of Object.entries(VERDICTS))
    for (const size of [7, 100, 1 << 20])
      assert.equal(await verdictOf(vector('messages', file), contentType, size), verdict, `${file} in ${size}`)
})

test('an empty multipart has no message, whatever it lacks else', async () => {
  assert.equal(await verdictOf(Buffer.alloc(0), RELATED, 1), '')
})

test('multiparts of the vectors, cut anywhere, are refused', async (t) => {
  if (!needsVectors(t)) return
  for (const file of ['attachm.query', 'attachm-mtom.query']) {
    const whole = vector('messages', file)
    const last = whole.lastIndexOf('--')
    for (let length = 0; length < last; length += 13) {
      const verdict = await verdictOf(whole.subarray(0, length), RELATED, 1 << 20)
      assert.match(verdict, /^(?:|io_error)$/, `${file} cut to ${length}`)
    }
  }
})

async function soapOf(file: string) {
  const [contentType = ''] = VERDICTS[file] ?? []
  const source = pieces(vector('messages', file), 1 << 20)
  for await (const part of readSoapContent(source, contentType)) if (part.kind === 'soap') return part.message
  throw new Error(`${file} has no message`)
}

test('what the header says is read as it is written', async (t) => {
  if (!needsVectors(t)) return
  const simple = await soapOf('simple-representedparty.query')
  assert.deepEqual(
    { ...simple, bytes: 0 },
    {
      bytes: 0,
      contentType: PLAIN,
      encoding: 'UTF-8',
      client: { instance: 'EE', memberClass: 'BUSINESS', memberCode: 'consumer' },
      service: { instance: 'EE', memberClass: 'BUSINESS', memberCode: 'producer', serviceCode: 'testQuery' },
      representedParty: { partyClass: 'COM', partyCode: 'MEMBER3' },
      userId: 'EE37702211234',
      issue: 'issue-1',
      id: '1234567890',
      protocolVersion: '4.0',
      wrapper: 'testQuery',
      direction: 'request',
      rpc: false,
    },
  )
  assert.equal((await soapOf('attachm2-utf8bom-inside.query')).id, '')
  assert.equal((await soapOf('requesthash.answer')).requestHash, 'foo')
  assert.equal((await soapOf('requesthash.answer')).issue, '')
})

test('the request hash is over the bytes of the SOAP part, mark and all (wire-client §2.6)', async (t) => {
  if (!needsVectors(t)) return
  const file = vector('messages', 'attachm2-utf8bom-inside.query')
  const from = file.indexOf('\n\n') + 2
  // Where the reference's own test cuts it.
  const part = file.subarray(from, file.indexOf('\n--jetty'))
  assert.deepEqual([...part.subarray(0, 3)], [0xef, 0xbb, 0xbf])
  assert.equal(
    soapRequestHash(digest('SHA-512', (await soapOf('attachm2-utf8bom-inside.query')).bytes)),
    createHash('sha512').update(part).digest('base64'),
  )
})

test('answers of the vectors get the hash of their requests, and fit them', async (t) => {
  if (!needsVectors(t)) return
  for (const [query, answer] of [
    ['getstate.query', 'getstate.answer'],
    ['getstate.query', 'requesthash.answer'],
    ['cdata.query', 'cdata.answer'],
    ['simple.query', 'simple.answer'],
    ['attachm.query', 'attachm.answer'],
  ] as const) {
    const request = await soapOf(query)
    const hash = soapRequestHash(digest('SHA-512', request.bytes))
    const bytes = vector('messages', answer)
    const read = readSoapAnswer(bytes, PLAIN, hash)
    assert.ok(read.kind === 'soap')
    checkSoapConsistency(request, read.message, hash)
    const element = `<xroad:requestHash algorithmId="http://www.w3.org/2001/04/xmlenc#sha512">${hash}</xroad:requestHash>`
    const text = bytes.toString('latin1')
    const expected = text
      .replace(/<xroad:requestHash.*requestHash>/, '')
      .replace('</xroad:id>', `</xroad:id>\n        ${element}`)
    assert.equal(Buffer.from(read.message.bytes).toString('latin1'), expected, answer)
    const again = readSoapAnswer(read.message.bytes, PLAIN, hash)
    assert.ok(again.kind === 'soap' && again.message.requestHash === hash)
  }
})
