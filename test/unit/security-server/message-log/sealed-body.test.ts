// Encrypted bodies: whatever is cut, moved, exchanged or changed of one is seen, and nothing of it can be read without its key.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { MasterKey } from '../../../../security-server/message-log/master-key.ts'
import {
  BodySealer,
  CHUNK_BYTES,
  openSealed,
  SEALED_HEAD,
} from '../../../../security-server/message-log/sealed-body.ts'
import { code } from './fixture.ts'

const SEALED_CHUNK = CHUNK_BYTES + 16
const SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 100]

const master = new MasterKey(randomBytes(32))

function seal(body: Buffer, key = master, pieces = 10_000): Buffer {
  const sealer = new BodySealer(key)
  const out: Buffer[] = []
  for (let at = 0; at < body.length; at += pieces) out.push(...sealer.seal(body.subarray(at, at + pieces)))
  return Buffer.concat([...out, sealer.end()])
}

interface Reading {
  readonly key?: MasterKey
  readonly start?: number
  readonly size?: number
  /** Bytes in which the file comes. */
  readonly pieces?: number
}

async function open(
  file: Buffer,
  total: number,
  { key = master, start = 0, size = total - start, pieces = 30_001 }: Reading = {},
): Promise<Buffer> {
  const read = async function* (range = { start: 0, size: file.length }) {
    const bytes = file.subarray(range.start, range.start + range.size)
    for (let at = 0; at < bytes.length; at += pieces) yield bytes.subarray(at, at + pieces)
  }
  const out: Buffer[] = []
  for await (const chunk of openSealed(key, read, { start, size, total })) out.push(chunk)
  return Buffer.concat(out)
}

const refused = (file: Buffer, total: number, reading?: Reading) =>
  assert.rejects(open(file, total, reading), code('body_damaged'))

test('bodies of every size come back, however they are cut on the way', async () => {
  for (const size of SIZES) {
    const body = randomBytes(size)
    for (const pieces of [999, CHUNK_BYTES, 1 << 20]) {
      const file = seal(body, master, pieces)
      assert.equal(file.length, SEALED_HEAD + size + 16 * Math.max(1, Math.ceil(size / CHUNK_BYTES)))
      assert.deepEqual(await open(file, size, { pieces }), body)
    }
  }
})

test('parts of a body are read alone', async () => {
  const total = 5 * CHUNK_BYTES + 77
  const body = randomBytes(total)
  const file = seal(body)
  for (const [start, size] of [
    [0, 10],
    [CHUNK_BYTES - 5, 10],
    [CHUNK_BYTES, CHUNK_BYTES],
    [CHUNK_BYTES + 1, 3 * CHUNK_BYTES],
    [total - 1, 1],
    [total - 100, 100],
    [70_000, 0],
  ] as const)
    assert.deepEqual(await open(file, total, { start, size }), body.subarray(start, start + size))
})

test('what is changed, cut, moved, doubled or of another file is refused', async () => {
  const total = 3 * CHUNK_BYTES + 5
  const [body, other] = [randomBytes(total), randomBytes(total)]
  const file = seal(body)
  const chunk = (of: Buffer, number: number) =>
    of.subarray(SEALED_HEAD + number * SEALED_CHUNK, SEALED_HEAD + (number + 1) * SEALED_CHUNK)
  const head = file.subarray(0, SEALED_HEAD)
  const [a, b, c, d] = [0, 1, 2, 3].map((number) => chunk(file, number)) as [Buffer, Buffer, Buffer, Buffer]
  for (let at = 0; at < file.length; at += 4_999) {
    const changed = Buffer.from(file)
    changed[at] = (changed[at] ?? 0) ^ 1
    await refused(changed, total)
  }
  await refused(Buffer.concat([head, b, a, c, d]), total)
  await refused(Buffer.concat([head, a, a, c, d]), total)
  await refused(Buffer.concat([file, d]), total)
  await refused(Buffer.concat([file, Buffer.alloc(1)]), total)
  await refused(Buffer.concat([head, a, chunk(seal(other), 1), c, d]), total)
  await refused(Buffer.concat([seal(body).subarray(0, SEALED_HEAD), a, b, c, d]), total)
  // A body that ends earlier, with its size said to be that.
  await refused(Buffer.concat([head, a, b]), 2 * CHUNK_BYTES)
  await refused(file.subarray(0, -1), total)
  await refused(file, total, { key: new MasterKey(randomBytes(32)) })
  await refused(file.subarray(0, 20), total)
})

test('fewer chunks than there are bytes give fewer bytes, which the reader of the body counts', async () => {
  const total = 3 * CHUNK_BYTES + 5
  const file = seal(randomBytes(total))
  assert.equal((await open(file.subarray(0, SEALED_HEAD + SEALED_CHUNK), total)).length, CHUNK_BYTES)
})

test('nothing readable is in it, and the same body is never the same file', () => {
  const body = Buffer.from('canary '.repeat(30_000))
  const [first, second] = [seal(body), seal(body)]
  assert.equal(first.indexOf('canary'), -1)
  assert.notDeepEqual(first.subarray(SEALED_HEAD, SEALED_HEAD + 64), second.subarray(SEALED_HEAD, SEALED_HEAD + 64))
})

test('the id of a key follows from it', () => {
  const secret = randomBytes(32)
  assert.equal(new MasterKey(secret).id, new MasterKey(Buffer.from(secret)).id)
  assert.notEqual(new MasterKey(secret).id, master.id)
  assert.match(master.id, /^[0-9a-f]{16}$/)
  assert.throws(() => new MasterKey(randomBytes(16)), TypeError)
})
