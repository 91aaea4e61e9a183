import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after } from 'node:test'
import { readZip } from '../../../cli/zip.ts'
import { needsTools, tool } from '../../tools.ts'

const folder = mkdtempSync(join(tmpdir(), 'saadik-zip-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function archive(t: test.TestContext, name: string, ...options: readonly string[]): string | undefined {
  if (!needsTools(t, 'zip')) return undefined
  writeFileSync(join(folder, 'a.txt'), 'a'.repeat(5000))
  writeFileSync(join(folder, 'b.txt'), 'b')
  const made = tool('zip', ['-q', ...options, name, 'a.txt', 'b.txt'], { cwd: folder })
  assert.equal(made.status, 0, made.stderr)
  return join(folder, name)
}

test('what zip packs is read, stored and deflated', async (t) => {
  for (const [name, option] of [
    ['stored.zip', '-0'],
    ['deflated.zip', '-9'],
  ] as const) {
    const file = archive(t, name, option)
    if (file === undefined) return
    const files = await readZip(file)
    assert.deepEqual(
      files.map((each) => [each.name, each.bytes.length]),
      [
        ['a.txt', 5000],
        ['b.txt', 1],
      ],
    )
  }
})

test('an archive that lies is refused, never read past its end', async (t) => {
  const file = archive(t, 'whole.zip', '-9')
  if (file === undefined) return
  const bytes = readFileSync(file)
  const broken = join(folder, 'broken.zip')
  const attempt = async (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(bytes)
    change(copy)
    writeFileSync(broken, copy)
    await assert.rejects(readZip(broken))
  }
  const directory = bytes.readUInt32LE(bytes.length - 6)
  const field = (offset: number, value: number) => (copy: Buffer) => void copy.writeUInt32LE(value, directory + offset)
  await attempt((copy) => void copy.fill(0))
  await attempt(field(24, 1)) // smaller than it is
  await attempt(field(24, 0xfffffff0)) // larger than allowed
  await attempt(field(16, 0)) // checksum
  await attempt(field(42, 0x7fffffff)) // outside of the file
  await attempt((copy) => void copy.writeUInt32LE(0x7fffffff, copy.length - 6))
  writeFileSync(broken, bytes.subarray(0, bytes.length - 30))
  await assert.rejects(readZip(broken))
  writeFileSync(broken, '')
  await assert.rejects(readZip(broken))
})
