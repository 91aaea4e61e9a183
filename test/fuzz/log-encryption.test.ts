// What the encrypted message log reads from a disk that others can write: what was changed gives what was written, or nothing.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { LogError } from '../../security-server/message-log/index.ts'
import { parseKeys } from '../../security-server/message-log/keys-file.ts'
import { MasterKey } from '../../security-server/message-log/master-key.ts'
import { BodySealer, openSealed } from '../../security-server/message-log/sealed-body.ts'
import { openParts, sealParts } from '../../security-server/message-log/sealed-record.ts'
import { bears, property } from './campaign.ts'
import { mutated } from './mutate.ts'

const KEY = new MasterKey(Buffer.alloc(32, 1))
const CHUNK = 64 * 1024

const BODY = Buffer.alloc(CHUNK + 1_000, 'the quick brown fox ')
const sealed = seal(BODY)

function seal(body: Buffer): Buffer {
  const sealer = new BodySealer(KEY)
  return Buffer.concat([...sealer.seal(body), sealer.end()])
}

property(
  'sealed bodies: a changed file gives a beginning of what was written, or nothing',
  { short: 300, long: 20_000 },
  fc.tuple(
    mutated([sealed, seal(BODY)]),
    fc.integer({ min: 500, max: CHUNK }),
    fc.nat(BODY.length),
    fc.nat(BODY.length),
  ),
  async ([file, pieces, from, to]) => {
    const [start, end] = [Math.min(from, to), Math.max(from, to)]
    const part = { start, size: end - start, total: BODY.length }
    const read = async function* (range = { start: 0, size: file.length }) {
      const bytes = file.subarray(range.start, range.start + range.size)
      for (let at = 0; at < bytes.length; at += pieces) yield bytes.subarray(at, at + pieces)
    }
    const out: Buffer[] = []
    try {
      for await (const chunk of openSealed(KEY, read, part)) out.push(chunk)
    } catch (error) {
      if (!(error instanceof LogError) || error.code !== 'body_damaged') throw error
    }
    const got = Buffer.concat(out)
    assert.ok(BODY.subarray(start, end).subarray(0, got.length).equals(got))
    return got.length === part.size
  },
)

const SALT = Buffer.alloc(32, 2)
const FACTS = Buffer.from('{"at":1}')
const PARTS = [Buffer.from('head'), null, Buffer.alloc(0), Buffer.alloc(300, 7)]
const record = sealParts(KEY, SALT, FACTS, PARTS)

property(
  'sealed records: a changed one is refused whole',
  { short: 2_000, long: 200_000 },
  mutated([record, sealParts(KEY, Buffer.alloc(32, 3), FACTS, PARTS)]),
  (bytes) => {
    let parts: (Buffer | null)[] | undefined
    try {
      parts = openParts(KEY, SALT, FACTS, bytes)
    } catch {
      // Whatever it is called: nothing came out.
    }
    assert.equal(parts !== undefined, bytes.equals(record))
    return parts !== undefined
  },
)

const LINES = Buffer.from(
  `# keys\n2026-03-01T12:00:00Z ${Buffer.alloc(32, 1).toString('base64')}\n2026-03-02T12:00:00.5Z ${Buffer.alloc(32, 2).toString('base64')}\n`,
)

property(
  'files of keys: keys of 32 bytes with a time, or a refusal that tells none',
  { short: 2_000, long: 200_000 },
  fc.oneof(mutated([LINES], ['\n', '#', ' ', 'Z']), fc.uint8Array({ maxLength: 200 })),
  (bytes) => {
    const keys = bears(() => parseKeys(Buffer.from(bytes).toString('utf8'), 'here'), LogError)
    for (const { id, createdAt, secret } of keys?.value ?? []) {
      assert.equal(secret.length, 32)
      assert.match(id, /^[0-9a-f]{16}$/)
      assert.ok(!Number.isNaN(createdAt.getTime()))
    }
    return keys !== undefined
  },
)
