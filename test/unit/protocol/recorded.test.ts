// The recorded exchanges of the reference: every multipart taken apart, every REST head rebuilt, every hash equal.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import {
  buildRestRequest,
  buildRestResponse,
  checkRestConsistency,
  collect,
  parseRestRequest,
  parseRestResponse,
  readTransport,
  renderRestError,
  restRequestHash,
  type TransportPart,
  writeSoapFault,
} from '#protocol'
import { needsVectors, vectorPath } from '../../vectors.ts'
import { headerOf, pieces, readHttp } from './http-message.ts'

interface ExpectedPart {
  readonly headers: readonly (readonly [string, string])[]
  readonly length: number
  readonly sha512: string
  readonly name?: string
  /** Attachments, in a nested multipart. */
  readonly parts?: readonly ExpectedPart[]
}

interface ExpectedMessage {
  readonly bodyLength: number
  readonly bodySha512: string
  readonly parts?: readonly ExpectedPart[]
  readonly kind: string
  readonly faultcode?: string
}

interface Expected {
  readonly request?: ExpectedMessage
  readonly response?: ExpectedMessage
  readonly requestHash?: string
  readonly requestHead?: string
  readonly responseHead?: string
}

const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('base64')

/** What a transport part carries, whole. */
async function bytesOf(part: TransportPart): Promise<Uint8Array> {
  if ('body' in part) return await collect(part.body, 1 << 26)
  return 'der' in part ? part.der : part.bytes
}

async function split(message: ReturnType<typeof readHttp>, role: 'request' | 'response', size: number) {
  const parts: { kind: TransportPart['kind']; bytes: Uint8Array; part: TransportPart }[] = []
  const contentType = headerOf(message.rawHeaders, 'content-type') ?? ''
  for await (const part of readTransport(pieces(message.body, size), contentType, role)) {
    parts.push({ kind: part.kind, bytes: Buffer.from(await bytesOf(part)), part })
  }
  return parts
}

interface Exchange {
  readonly name: string
  readonly expected: Expected
  file(kind: string): Buffer
}

function* exchanges(): Generator<Exchange> {
  for (const set of ['rsa', 'ec']) {
    const folder = vectorPath('recorded', 'exchanges', set)
    for (const file of readdirSync(folder).sort()) {
      if (!file.endsWith('.expected.json')) continue
      const name = file.slice(0, -'.expected.json'.length)
      if (name === 'ocsp-lookup') continue
      yield {
        name: `${set}/${name}`,
        expected: JSON.parse(readFileSync(join(folder, `${name}.expected.json`), 'utf8')) as Expected,
        file: (kind) => readFileSync(join(folder, `${name}.${kind}.bin`)),
      }
    }
  }
}

test('every recorded message is split into the parts that an independent reader found', async (t) => {
  if (!needsVectors(t)) return
  let messages = 0
  for (const { name, expected, file } of exchanges()) {
    for (const role of ['request', 'response'] as const) {
      const wanted = expected[role]
      if (wanted === undefined) continue
      const message = readHttp(file(role))
      assert.equal(message.body.length, wanted.bodyLength, name)
      assert.equal(sha512(message.body), wanted.bodySha512, name)
      for (const size of [41, 997, 1 << 20]) {
        const parts = await split(message, role, size)
        messages++
        if (wanted.parts === undefined) {
          assert.deepEqual(
            parts.map(({ kind }) => kind),
            ['fault'],
            name,
          )
          continue
        }
        const leaves: readonly ExpectedPart[] = wanted.parts.flatMap((part) => part.parts ?? [part])
        assert.deepEqual(
          parts.map(({ bytes }) => [bytes.length, sha512(bytes)]),
          leaves.map((part) => [part.length, part.sha512]),
          `${name} ${role} in ${size}`,
        )
      }
    }
  }
  assert.ok(messages > 150)
})

test('REST heads rebuilt from what the information systems sent are byte-equal', async (t) => {
  if (!needsVectors(t)) return
  let [requests, responses] = [0, 0]
  for (const { name, expected, file } of exchanges()) {
    if (expected.requestHead === undefined) continue
    requests++
    const sent = readHttp(file('is-request'))
    const [method = '', target = ''] = sent.startLine.split(' ')
    const parts = await split(readHttp(file('request')), 'request', 1 << 16)
    const wire = parts.find(({ kind }) => kind === 'rest-request')?.bytes ?? assert.fail(name)
    const parsed = parseRestRequest(wire)
    const built = buildRestRequest({
      method,
      target,
      rawHeaders: sent.rawHeaders,
      requestId: parsed.requestId,
      newId: () => parsed.id,
    })
    assert.equal(Buffer.from(built.bytes).toString(), expected.requestHead, name)
    assert.deepEqual(Buffer.from(built.bytes), Buffer.from(wire), name)
    assert.deepEqual({ ...built, bytes: 0 }, { ...parsed, bytes: 0 }, name)
    const body = parts.find(({ kind }) => kind === 'rest-body')?.bytes
    if (body !== undefined) assert.deepEqual(Buffer.from(body), sent.body, name)
    const digest = (bytes: Uint8Array) => createHash('sha512').update(bytes).digest()
    const hash = restRequestHash(digest(wire), body === undefined ? undefined : digest(body))
    assert.equal(hash, expected.requestHash, name)

    if (expected.responseHead === undefined) continue
    responses++
    const service = readHttp(file('svc-response'))
    const answer = parseRestResponse(
      (await split(readHttp(file('response')), 'response', 1 << 16))[0]?.bytes ?? assert.fail(name),
    )
    const [, status = '', reason = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(service.startLine) ?? []
    const head = buildRestResponse({
      status: Number(status),
      reason,
      rawHeaders: service.rawHeaders,
      request: parsed,
      requestId: headerOf(readHttp(file('request')).rawHeaders, 'x-road-request-id') ?? '',
      requestHash: hash,
    })
    assert.equal(Buffer.from(head.bytes).toString(), expected.responseHead, name)
    assert.deepEqual({ ...head, bytes: 0 }, { ...answer, bytes: 0 }, name)
    checkRestConsistency(parsed, answer, hash)
  }
  assert.ok(requests >= 15 && responses >= 12, `${requests} requests and ${responses} responses`)
})

test('recorded faults are read, and written again as they were', async (t) => {
  if (!needsVectors(t)) return
  let faults = 0
  for (const { name, expected, file } of exchanges()) {
    if (expected.response === undefined || !name.includes('fault')) continue
    faults++
    const message = readHttp(file('response'))
    const [only] = await split(message, 'response', 1 << 16)
    assert.ok(only?.part.kind === 'fault', name)
    const { fault, bytes } = only.part
    assert.ok(fault.received)
    assert.equal(fault.code, expected.response.faultcode)
    if (name.includes('service-fault')) continue
    assert.equal(Buffer.from(writeSoapFault(fault)).toString(), Buffer.from(bytes).toString(), name)
    if (!name.includes('rest')) continue
    const shown = readHttp(file('is-response'))
    const accept = headerOf(readHttp(file('is-request')).rawHeaders, 'accept')
    const rendered = renderRestError(fault, accept === undefined ? [] : [accept])
    assert.equal(shown.startLine.split(' ')[1], String(rendered.status), name)
    assert.equal(headerOf(shown.rawHeaders, 'content-type'), rendered.contentType, name)
    assert.equal(headerOf(shown.rawHeaders, 'x-road-error'), fault.code, name)
    assert.equal(shown.body.toString(), Buffer.from(rendered.body).toString(), name)
  }
  assert.equal(faults, 7)
})
