// The recorded SOAP exchanges of the reference, followed through: what the information system posted, what went between the servers, what the
// service got and answered, what came back. Every byte that is hashed is rebuilt equal.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import {
  checkSoapAction,
  checkSoapConsistency,
  collect,
  deliverSoap,
  type HeaderList,
  readSoapAnswer,
  readSoapContent,
  readTransport,
  type SoapMessage,
  soapRequestHash,
  transportWriter,
} from '#protocol'
import { digest } from '#trust'
import { needsVectors, vectorPath } from '../../vectors.ts'
import { headerOf, pieces, readHttp } from './http-message.ts'

type Http = ReturnType<typeof readHttp>

interface Part {
  readonly lines: string
  readonly headers: HeaderList
  readonly bytes: Uint8Array
}

interface Whole {
  readonly message: SoapMessage
  readonly lines: string
  readonly attachments: readonly Part[]
}

const typeOf = (http: Http): string => headerOf(http.rawHeaders, 'content-type') ?? assert.fail('no Content-Type')

async function whole(parts: AsyncIterable<{ readonly kind: string }>): Promise<Whole> {
  let found: { message: SoapMessage; lines: string } | undefined
  const attachments: Part[] = []
  for await (const part of parts as ReturnType<typeof readTransport>) {
    if (part.kind === 'soap') found = part
    if (part.kind === 'attachment')
      attachments.push({ lines: part.lines, headers: part.headers, bytes: await collect(part.body, 1 << 24) })
    assert.notEqual(part.kind, 'fault')
  }
  assert.ok(found)
  return { ...found, attachments }
}

const content = (http: Http, read?: Parameters<typeof readSoapContent>[2]) =>
  whole(readSoapContent(pieces(http.body, 100), typeOf(http), read))
const transport = (http: Http, role: 'request' | 'response') =>
  whole(readTransport(pieces(http.body, 100), typeOf(http), role))

function* exchanges(): Generator<{ name: string; file: (kind: string) => Http; has: (kind: string) => boolean }> {
  for (const set of ['rsa', 'ec']) {
    const folder = vectorPath('recorded', 'exchanges', set)
    const files = new Set(readdirSync(folder))
    for (const file of [...files].sort()) {
      const name = file.replace(/\.expected\.json$/, '')
      if (name === file || !name.includes('soap')) continue
      yield {
        name: `${set}/${name}`,
        has: (kind) => files.has(`${name}.${kind}.bin`),
        file: (kind) => readHttp(readFileSync(join(folder, `${name}.${kind}.bin`))),
      }
    }
  }
}

/** Header names in lower case, without regard to order: the reference keeps none. */
const shown = (headers: HeaderList) => headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`).sort()

test('requests reach the transport byte-equal, with the headers of their parts', async (t) => {
  if (!needsVectors(t)) return
  let attachments = 0
  let requests = 0
  for (const { name, file } of exchanges()) {
    requests++
    const posted = await content(file('is-request'))
    const wire = await transport(file('request'), 'request')
    assert.deepEqual(Buffer.from(posted.message.bytes), Buffer.from(wire.message.bytes), name)
    assert.deepEqual({ ...posted.message, bytes: 0 }, { ...wire.message, bytes: 0 }, name)
    assert.equal(posted.message.direction, 'request')
    assert.deepEqual(
      posted.attachments.map(({ headers, bytes }) => [shown(headers), Buffer.from(bytes)]),
      wire.attachments.map(({ headers, bytes }) => [shown(headers), Buffer.from(bytes)]),
      name,
    )
    attachments += wire.attachments.length
    const action = headerOf(file('is-request').rawHeaders, 'soapaction')
    assert.equal(checkSoapAction(action), headerOf(file('request').rawHeaders, 'x-original-soapaction'), name)
  }
  assert.ok(requests === 17 && attachments === 5, `${requests} requests, ${attachments} attachments`)
})

test('what we write between servers is what the reference writes, but for boundaries and unkept order', async (t) => {
  if (!needsVectors(t)) return
  for (const { name, file } of exchanges()) {
    const posted = await content(file('is-request'))
    const writer = transportWriter('xtopB')
    const chunks = [writer.forward(posted.lines), posted.message.bytes]
    for (const { lines, bytes } of posted.attachments) chunks.push(writer.attachment(lines), bytes)
    const ours = Buffer.concat([...chunks, writer.part('signature/bdoc-1.0/ts', Buffer.from('S')), writer.end()])
    const same = (bytes: Buffer) =>
      bytes
        .toString('latin1')
        .replace(
          /--xtop[A-Za-z]+\r\ncontent-type: (?:application\/ocsp-response|application\/hash-chain)[\s\S]*?(?=--xtop)/g,
          '',
        )
        .replace(/(?<=signature\/bdoc-1.0\/ts\r\n\r\n)[\s\S]*(?=\r\n--xtop[A-Za-z]+--\r\n$)/, 'S')
        .replace(/x(top|att)[A-Za-z]{1,30}(?=\r\n|--\r\n)/g, 'x$1')
        .replace(/(?<=--x(?:top|att)\r\n)[\s\S]*?(?=\r\n\r\n)/g, (head) =>
          head
            .split('\r\n')
            .map((line) => line.replace(/^[^:]+/, (field) => field.toLowerCase()))
            .sort()
            .join('\r\n'),
        )
    assert.equal(same(ours), same(file('request').body), name)
  }
})

test('answers get the hash where the reference puts it, and otherwise stay as the service sent them', async (t) => {
  if (!needsVectors(t)) return
  let answers = 0
  for (const { name, file, has } of exchanges()) {
    if (!has('svc-response') || name.includes('fault')) continue
    answers++
    const request = (await transport(file('request'), 'request')).message
    const hash = soapRequestHash(digest('SHA-512', request.bytes))
    const service = file('svc-response')
    const answer = await content(service, (bytes, type) => readSoapAnswer(bytes, type, hash))
    const wire = await transport(file('response'), 'response')
    // Java writes the message anew: with a line break at its end.
    assert.equal(`${Buffer.from(answer.message.bytes)}\n`, Buffer.from(wire.message.bytes).toString(), name)
    assert.deepEqual({ ...answer.message, bytes: 0 }, { ...wire.message, bytes: 0 }, name)
    assert.deepEqual(
      answer.attachments.map(({ headers, bytes }) => [shown(headers), Buffer.from(bytes)]),
      wire.attachments.map(({ headers, bytes }) => [shown(headers), Buffer.from(bytes)]),
      name,
    )
    assert.equal(hash, createHash('sha512').update(request.bytes).digest('base64'))
    checkSoapConsistency(request, wire.message, hash)
    assert.throws(() => checkSoapConsistency(request, wire.message, `x${hash}`), {
      code: 'server.clientproxy.inconsistent_response',
    })
  }
  assert.ok(answers === 13, String(answers))
})

test('service and information system get what the reference gives them', async (t) => {
  if (!needsVectors(t)) return
  for (const { name, file, has } of exchanges()) {
    if (!has('svc-request')) continue
    for (const [wireKind, role, kind] of [
      ['request', 'request', 'svc-request'],
      ['response', 'response', 'is-response'],
    ] as const) {
      if (role === 'response' && name.includes('fault')) continue
      const received = file(wireKind)
      const wire = await transport(received, role)
      const original = headerOf(received.rawHeaders, 'x-original-content-type')
      const { contentType, writer } = deliverSoap(wire.message, original, wire.attachments.length > 0)
      const given = file(kind)
      const strip = (type: string) => type.replace(/boundary="?[^";]+"?/, 'boundary').replace(/;charset=utf-8$/, '')
      assert.equal(strip(contentType), strip(typeOf(given)), name)
      const chunks = writer === undefined ? [wire.message.bytes] : [writer.forward(wire.lines), wire.message.bytes]
      for (const { lines, bytes } of wire.attachments) chunks.push(writer?.forward(lines) ?? assert.fail(), bytes)
      if (writer !== undefined) chunks.push(writer.end())
      const mine = await whole(readSoapContent(pieces(Buffer.concat(chunks), 100), contentType))
      const theirs = await content(given)
      assert.deepEqual(Buffer.from(mine.message.bytes), Buffer.from(theirs.message.bytes), name)
      assert.deepEqual(
        mine.attachments.map(({ headers, bytes }) => [shown(headers), Buffer.from(bytes)]),
        theirs.attachments.map(({ headers, bytes }) => [shown(headers), Buffer.from(bytes)]),
        name,
      )
    }
  }
})
