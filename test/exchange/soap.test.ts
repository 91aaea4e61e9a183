// SOAP messages between two real servers: what the information systems see of each other, and what both logs hold (PR-MESS, wire-client §2).
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { readLoggedSoap } from '#protocol'
import { assertPassed, entriesOf, evidenceOf, verdictOf } from '../federation/evidence.ts'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { envelope, multipart, partsOf, SERVICE_FAULT } from '../federation/soap.ts'
import { counted } from '../federation/traces.ts'

const PROVIDER = 'TEST/GOV/1111/registry'

let pair: Pair
before(async () => {
  pair = await startPair({
    services: (url) => [
      { wsdl: `${url}/soap.wsdl`, timeoutSeconds: 5, access: [{ subject: CLIENT }] },
      { code: 'items', url, access: [{ subject: CLIENT }] },
    ],
  })
})
after(() => pair?.stop())

interface Answer {
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
  readonly text: string
}

async function post(
  body: string | Buffer<ArrayBuffer>,
  type = 'text/xml',
  headers: Record<string, string> = {},
): Promise<Answer> {
  const answer = await fetch(pair.consumer.client, {
    method: 'POST',
    body,
    headers: { 'Content-Type': type, ...headers },
  })
  const bytes = Buffer.from(await answer.arrayBuffer())
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', bytes, text: bytes.toString() }
}

const sha = (bytes: Uint8Array | string, algorithm = 'sha256') => createHash(algorithm).update(bytes)

/** The value that stands in an answer for this request. */
function assertHash(answer: Answer, request: string | Uint8Array): void {
  assert.equal(
    /<x:requestHash algorithmId="[^"]+#sha512">([^<]+)</.exec(answer.text)?.[1],
    sha(request, 'sha512').digest('base64'),
  )
}

/** The most memory that its process has ever had, in bytes; 0 where the system does not tell. */
function peakMemory({ process: { pid } }: Pair['consumer']): number {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'latin1') : ''
  return 1024 * Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0)
}

const related = (boundary: string) => `multipart/related; type="text/xml"; start="<root>"; boundary=${boundary}`
const SOAP_PART = 'Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <root>'

test('a plain message goes through; the answer has the hash of its bytes, and the service sees them as they were', async () => {
  const request = envelope('echo', 'soap-1')
  const answer = await post(request, 'text/xml; charset=utf-8', { SOAPAction: '"urn:t#echo"', 'X-Own': 'dropped' })
  assert.equal(answer.status, 200)
  assert.equal(answer.type, 'text/xml; charset=UTF-8')
  assertHash(answer, request)
  assert.match(answer.text, /<action>"urn:t#echo"<\/action>/)
  const seen = pair.service.seen.at(-1)
  assert.equal(seen?.bodySha256, sha(request).digest('hex'))
  assert.equal(seen?.url, '/soap')
  assert.ok(!seen?.rawHeaders.some((name) => /^x-/i.test(name)))
})

test('RPC style, an empty SOAPAction, and any path', async () => {
  const request = envelope('echo', 'soap-rpc', { rpc: true })
  const answer = await fetch(`${pair.consumer.client}/anything`, {
    method: 'POST',
    body: request,
    headers: { 'Content-Type': 'text/xml' },
  })
  const text = await answer.text()
  assert.match(text, /<action><\/action>/)
  assert.match(text, /encodingStyle/)
})

test('byte-order marks and UTF-16: no byte is changed', async () => {
  const utf16 = Buffer.from(`\ufeff${envelope('utf16', 'soap-utf16').replace('utf-8', 'UTF-16')}`, 'utf16le')
  const answer = await post(utf16, 'text/xml; charset=UTF-16')
  assert.match(answer.bytes.toString('utf16le'), /<é\/>/, answer.text)
  assert.ok(answer.bytes.toString('utf16le').includes(sha(utf16, 'sha512').digest('base64')))
  assert.equal(answer.type, 'text/xml; charset=UTF-16')
  const marked = Buffer.from(`\ufeff${envelope('echo', 'soap-bom')}`)
  assertHash(await post(marked), marked)
})

for (const count of [1, 3])
  test(`SOAP with ${count} attachments, to the service and back`, async () => {
    const id = `soap-swa-${count}`
    const request = envelope('echo', id)
    const attachments = Array.from({ length: count }, (_, index): [string, string] => [
      `Content-Type: application/x-${index}\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <a${index}>`,
      randomBytes(100 * index).toString('base64'),
    ])
    const body = multipart('isB', [[SOAP_PART, request], ...attachments])
    const answer = await post(body as Buffer<ArrayBuffer>, related('isB'))
    assert.match(answer.type, /^multipart\/related; type="text\/xml"; start="<r>"; boundary=xatt/, answer.text)
    const [soap, ...back] = partsOf(answer.type, answer.bytes)
    assertHash({ ...answer, text: soap?.[1] ?? '' }, request)
    assert.deepEqual(back, attachments)
    for (const [server, member] of [
      [pair.consumer, CLIENT],
      [pair.provider, PROVIDER],
    ] as const)
      for (const leg of ['requestOnly', 'responseOnly'] as const) {
        const container = await evidenceOf(server, member, id, leg)
        assertPassed(await verdictOf(server, container))
        const entries = await entriesOf(container)
        attachments.forEach(([, content], index) => {
          assert.equal(entries.get(`attachment${index + 1}`)?.toString(), content)
        })
        assert.ok(!entries.has(`attachment${count + 1}`))
        assert.equal(
          readLoggedSoap(entries.get('message.xml') ?? Buffer.of()).direction,
          leg === 'requestOnly' ? 'request' : 'response',
        )
      }
  })

test('several attachments of an answer, an empty one among them', async () => {
  const answer = await post(envelope('three', 'soap-three'))
  assert.deepEqual(partsOf(answer.type, answer.bytes).slice(1), [
    ['Content-Type: text/plain\r\nX-Own: yes', 'one'],
    ['Content-Type: a/b', ''],
    ['Content-Type: c/d', 'three'],
  ])
})

test('MTOM: types of message and parts are kept', async () => {
  const request = envelope('mtom', 'soap-mtom')
  const type = 'multipart/related; type="application/xop+xml"; start-info="text/xml"; boundary=isB'
  const body = multipart('isB', [
    ['Content-Type: application/xop+xml; type="text/xml"', request],
    ['Content-Type: application/octet-stream\r\nContent-ID: <x@y>', Buffer.of(13, 10, 45, 45, 0)],
  ])
  const answer = await post(body as Buffer<ArrayBuffer>, type)
  assert.match(
    answer.type,
    /^multipart\/related; type="application\/xop\+xml"; start="<0@b>"; start-info="text\/xml"; boundary=xatt/,
  )
  const [soap, attachment] = partsOf(answer.type, answer.bytes)
  assert.match(soap?.[0] ?? '', /^content-type: application\/xop\+xml/)
  assert.equal(attachment?.[1], '\u0000\u0001\u00ff')
  assert.match(pair.service.seen.at(-1)?.rawHeaders.join(' ') ?? '', /start-info="text\/xml"; boundary=xatt/)
})

test('long attachments stream by: 50 MB each way, and the log has them', async () => {
  const servers = [pair.consumer, pair.provider]
  const before = servers.map(peakMemory)
  const attachment = randomBytes(50_000_000)
  const opening = Buffer.from(
    `--isB\r\n${SOAP_PART}\r\n\r\n${envelope('count', 'soap-50')}\r\n--isB\r\nContent-Type: a/b\r\n\r\n`,
  )
  const body = Buffer.concat([opening, attachment, Buffer.from('\r\n--isB--\r\n')])
  const answer = await post(body, related('isB'))
  const bytes = Number(/<bytes>(\d+)</.exec(answer.text)?.[1])
  assert.ok(bytes > attachment.length && bytes < attachment.length + 5000, answer.text.slice(0, 500))
  const back = await post(envelope('big', 'soap-50-back', { body: '<mark>50000000</mark>' }))
  assert.ok(back.bytes.length > 50_000_000)
  for (const [index, server] of servers.entries())
    assert.ok(peakMemory(server) < (before[index] ?? 0) + 40_000_000, 'no attachment is held in memory')
  for (const [server, member] of [
    [pair.consumer, CLIENT],
    [pair.provider, PROVIDER],
  ] as const) {
    assertPassed(await verdictOf(server, await evidenceOf(server, member, 'soap-50', 'requestOnly')))
    assertPassed(await verdictOf(server, await evidenceOf(server, member, 'soap-50-back', 'responseOnly')))
  }
})

test("a service's own fault comes back byte for byte, alone and from a multipart", async () => {
  const before = await counted(pair.provider, 'provider.service_fault')
  for (const operation of ['fault', 'faultPart']) {
    const answer = await post(envelope(operation, `soap-${operation}`))
    assert.equal(answer.status, 200)
    assert.equal(answer.text, SERVICE_FAULT)
  }
  assert.equal(await counted(pair.provider, 'provider.service_fault'), before + 2)
})

test('a hundred at once all come back, each with its own answer', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => post(envelope('count', `soap-many-${index}`))),
  )
  for (const [index, answer] of answers.entries())
    assert.match(answer.text, new RegExp(`<x:id>soap-many-${index}</x:id>`))
})
