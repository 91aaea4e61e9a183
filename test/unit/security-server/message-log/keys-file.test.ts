// Keys in a file or in the environment: read strictly, told by line and never by what stands there, written so that nobody else can read.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import { parseKeys, readKeys, writeKeys } from '../../../../security-server/message-log/keys-file.ts'
import { MasterKey } from '../../../../security-server/message-log/master-key.ts'
import { code, temporaryDirectory } from './fixture.ts'

const secret = () => randomBytes(32)
const line = (bytes: Uint8Array, at = '2026-03-01T12:00:00Z') => `${at} ${Buffer.from(bytes).toString('base64')}`

test('a line for each key, the newest last; comments and empty lines mean nothing', () => {
  const [first, second] = [secret(), secret()]
  const keys = parseKeys(`# x\n\n${line(first)}\r\n  ${line(second, '2026-04-01T00:00:00.5Z')}\n`, 'here')
  assert.deepEqual(
    keys.map(({ id, secret }) => [id, Buffer.from(secret)]),
    [first, second].map((bytes) => [new MasterKey(bytes).id, bytes]),
  )
  assert.equal(keys[1]?.createdAt.toISOString(), '2026-04-01T00:00:00.500Z')
})

for (const [what, text] of [
  ['nothing', ''],
  ['comments alone', '# x\n'],
  ['a key of another length', `2026-03-01T12:00:00Z ${randomBytes(16).toString('base64')}`],
  ['a key without a time', randomBytes(32).toString('base64')],
  ['a time that is none', line(randomBytes(32), '2026-13-01T12:00:00Z')],
  ['more than a key', `${line(randomBytes(32))} old`],
  ['the same key twice', `${line(Buffer.alloc(32, 7))}\n${line(Buffer.alloc(32, 7))}`],
  ['too much', '#'.repeat(70_000)],
] as const)
  test(`refused: ${what}`, () => {
    assert.throws(
      () => parseKeys(text, 'here'),
      (error) => code('keys_unreadable')(error) && !/[A-Za-z0-9+/]{20}/.test((error as Error).message),
    )
  })

test('what was written is read, and only its owner may', async (t) => {
  const keysFile = join(await temporaryDirectory(t), 'log.keys')
  assert.equal(await readKeys({ keysFile }), undefined)
  const keys = parseKeys(`${line(secret())}\n${line(secret())}`, 'here')
  await writeKeys(keysFile, keys)
  assert.equal((await stat(keysFile)).mode & 0o777, 0o600)
  assert.match(await readFile(keysFile, 'utf8'), /^# .*\n# .*\n20/)
  assert.deepEqual(await readKeys({ keysFile }), keys)
  await chmod(keysFile, 0o640)
  await assert.rejects(readKeys({ keysFile }), code('keys_unreadable'))
})

test('a file that cannot be read is not one that is not there; one that cannot be written is said to be that', async (t) => {
  const directory = await temporaryDirectory(t)
  const keysFile = join(directory, 'folder')
  await mkdir(keysFile, { mode: 0o700 })
  await assert.rejects(readKeys({ keysFile }), code('keys_unreadable'))
  await writeFile(join(directory, 'file'), '')
  await assert.rejects(readKeys({ keysFile: join(directory, 'file', 'x') }), code('keys_unreadable'))
  await assert.rejects(writeKeys(join(directory, 'nowhere', 'x'), []), code('keys_unwritable'))
})

test('keys of the environment', async () => {
  const bytes = secret()
  process.env['TEST_LOG_KEYS'] = line(bytes)
  try {
    const keys = await readKeys({ keysVariable: 'TEST_LOG_KEYS' })
    assert.deepEqual(
      keys?.map(({ id }) => id),
      [new MasterKey(bytes).id],
    )
  } finally {
    delete process.env['TEST_LOG_KEYS']
  }
  await assert.rejects(readKeys({ keysVariable: 'TEST_LOG_KEYS' }), code('keys_unreadable'))
})
