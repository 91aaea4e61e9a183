import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import test from 'node:test'
import { frameReader, MAX_FRAME } from '../../../signer/wire.ts'
import { startedSigner, type TestSigner } from './signer-process.ts'

const frame = (json: string): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(Buffer.byteLength(json))
  return Buffer.concat([head, Buffer.from(json)])
}

test('frames come out whole however the stream is cut', () => {
  const texts = ['{"id":1}', `{"big":"${'õ'.repeat(50_000)}"}`, '{"id":2}', '{}']
  const stream = Buffer.concat(texts.map(frame))
  for (const size of [1, 2, 3, 5, 7, 1000, 65_536, stream.length]) {
    const got: string[] = []
    const read = frameReader((json) => got.push(json))
    for (let at = 0; at < stream.length; at += size) read(stream.subarray(at, at + size))
    assert.deepEqual(got, texts, `chunks of ${size}`)
  }
})

test('a length of nothing or of too much ends it, before the bytes are waited for', () => {
  for (const length of [0, MAX_FRAME + 1, 0xffffffff]) {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(length)
    assert.throws(() => frameReader(() => undefined)(head), { code: 'bad_request' })
  }
})

/** Sends raw bytes; resolves with what was answered when the signer closes, or with what came within the pause. */
async function raw(
  { socket }: TestSigner,
  bytes: Buffer,
  wait: 'close' | number,
): Promise<{ closed: boolean; answers: Record<string, unknown>[] }> {
  const connection = connect(socket)
  const answers: Record<string, unknown>[] = []
  const read = frameReader((json) => answers.push(JSON.parse(json) as Record<string, unknown>))
  connection.on('data', read).on('error', () => undefined)
  await once(connection, 'connect')
  connection.write(bytes)
  const closed = once(connection, 'close').then(() => true)
  const result =
    wait === 'close'
      ? await closed
      : await Promise.race([closed, new Promise<false>((resolve) => setTimeout(resolve, wait, false))])
  connection.destroy()
  return { closed: result, answers }
}

test('the protocol is kept strictly: hello first, with the token, then requests it knows', async (t) => {
  const signer = await startedSigner(t)
  const token = readFileSync(signer.tokenFile, 'utf8').trim()
  const hello = frame(JSON.stringify({ id: 0, op: 'hello', version: 1, token }))

  for (const first of [
    JSON.stringify({ id: 0, op: 'status' }),
    JSON.stringify({ id: 0, op: 'hello', version: 1, token: `${token}x` }),
    JSON.stringify({ id: 0, op: 'hello', version: 1, token: '' }),
    JSON.stringify({ id: 0, op: 'hello', version: 2, token }),
  ]) {
    const { closed, answers } = await raw(signer, Buffer.concat([frame(first), frame('{"id":1,"op":"keys"}')]), 'close')
    assert.ok(closed)
    assert.equal((answers[0]?.['error'] as { code: string } | undefined)?.code, 'refused')
    assert.equal(
      answers.some((answer) => 'ok' in answer),
      false,
    )
  }
  for (const broken of [
    'not json',
    '[]',
    'null',
    '{"op":"status"}',
    '{"id":"1","op":"status"}',
    '{"id":1}',
    '{"id":1e99,"op":"x"}',
  ]) {
    assert.ok((await raw(signer, Buffer.concat([hello, frame(broken)]), 'close')).closed, broken)
  }
  const { closed, answers } = await raw(
    signer,
    Buffer.concat([
      hello,
      ...[
        { id: 1, op: 'status' },
        { id: 2, op: 'constructor' },
        { id: 3, op: 'generate', use: 'message' },
        { id: 4, op: 'generate', use: 'everything', algorithm: 'EC-P256' },
        { id: 5, op: 'status', extra: 1 },
        { id: 6, op: 'sign', key: '../../etc', purpose: 'message', algorithm: 'SHA512withECDSA', data: '' },
        { id: 7, op: 'sign', key: '0'.repeat(32), purpose: 'message', algorithm: 'SHA512withECDSA', data: '', more: 1 },
        { id: 8, op: 'sign', key: '0'.repeat(32), purpose: 'toString', algorithm: 'SHA512withECDSA', data: '' },
        { id: 9, op: 'sign', key: '0'.repeat(32), purpose: 'message', algorithm: 'SHA512withECDSA', data: '' },
        { id: 10, op: 'sign', key: '0'.repeat(32), purpose: 'message', algorithm: 'MD5withRSA', data: '' },
        { id: 11, op: 'hello', version: 1, token },
        { id: 12, op: 'importCertificate', certificate: 'AAA' },
        { id: 13, op: 'importKey', use: 'message' },
        { id: 14, op: 'audit', limit: 1e6 },
      ].map((request) => frame(JSON.stringify(request))),
    ]),
    500,
  )
  assert.equal(closed, false)
  const codes = Object.fromEntries(
    answers.map((answer) => [answer['id'], (answer['error'] as { code: string } | undefined)?.code]),
  )
  assert.deepEqual(codes, {
    0: undefined,
    1: undefined,
    2: 'bad_request',
    3: 'bad_request',
    4: 'bad_request',
    5: 'bad_request',
    6: 'bad_request',
    7: 'bad_request',
    8: 'bad_request',
    9: 'unknown_key',
    10: 'unsupported_algorithm',
    11: 'bad_request',
    12: 'bad_request',
    13: 'bad_request',
    14: 'bad_request',
  })
  // After all this it still serves, and the trail knows who was turned away.
  assert.equal((await signer.client.status()).unlocked, true)
  assert.equal(
    (await signer.client.audit({ limit: 1000 })).filter(({ op, outcome }) => op === 'hello' && outcome === 'refused')
      .length,
    3,
  )
})

test('a frame that announces a gigabyte is cut off', async (t) => {
  const signer = await startedSigner(t)
  assert.ok((await raw(signer, Buffer.from([0x40, 0, 0, 0]), 'close')).closed)
})
