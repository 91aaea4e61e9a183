// Archives of the message log: judged the same however they come, whatever is in them; what is changed is never valid.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ArchiveWriter, verifyArchive, writeZip } from '#evidence'
import { ArchiveError } from '../../security-server/archive/index.ts'
import { readMemberKeys } from '../../security-server/archive/sealing/member-keys.ts'
import { NOW } from '../unit/evidence/authority.ts'
import { collect } from '../unit/evidence/messages.ts'
import { bears, property } from './campaign.ts'
import { chunked, cuts } from './mutate.ts'

const bodies = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 5 })
const hashes = fc.constantFrom('SHA-512', 'SHA-384', 'SHA-256')

async function written(list: readonly Uint8Array[], hash: 'SHA-512' | 'SHA-384' | 'SHA-256'): Promise<Buffer> {
  const containers = async function* () {
    for (const [index, body] of list.entries())
      yield { name: `id-response-${index}.asice`, at: NOW, body: chunked(body, [50]) }
  }
  return collect(new ArchiveWriter(hash, undefined).bytes(containers()))
}

property(
  'archives: what is written is valid, in any pieces',
  { short: 60, long: 3_000 },
  fc.tuple(bodies, hashes, cuts),
  async ([list, hash, sizes]) => {
    const report = await verifyArchive(chunked(await written(list, hash), sizes, 100), 'first')
    assert.deepEqual(report.faults, [])
    assert.equal(report.containers, list.length)
    return report.valid
  },
)

property(
  'archives: one changed octet is a fault, or one that no reader reads',
  { short: 200, long: 20_000 },
  fc.tuple(bodies, hashes, fc.nat(), fc.integer({ min: 1, max: 255 })),
  async ([list, hash, where, flip]) => {
    const bytes = await written(list, hash)
    const at = where % bytes.length
    bytes.writeUInt8(bytes.readUInt8(at) ^ flip, at)
    const { valid, lastDigest } = await verifyArchive(chunked(bytes, [64]), 'first')
    // Versions, times and attributes of ZIP headers mean nothing; then the chain is that of the archive that was written.
    if (valid)
      assert.equal(lastDigest, (await verifyArchive(chunked(await written(list, hash), [64]), 'first')).lastDigest)
    return !valid
  },
)

property(
  'archives: linking info from anybody is a verdict',
  { short: 300, long: 30_000 },
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.string({ unit: fc.constantFrom('-', ' ', '\n', 'SHA-256', 'a.asice', 'ab12', '0'.repeat(64)), maxLength: 40 }),
    fc
      .array(fc.constantFrom(...['a', 'b', 'c', '../a', ''].map((name) => `${'0'.repeat(64)} ${name}.asice\n`)), {
        maxLength: 4,
      })
      .map((lines) => `- - SHA-256\n${lines.join('')}`),
  ),
  async (info) => {
    const entries = ['a.asice', 'linkinginfo'].map((name) => ({
      name,
      modifiedAt: NOW,
      compress: false,
      body: name === 'linkinginfo' ? Buffer.from(info) : Buffer.from('container'),
    }))
    const { valid, faults } = await verifyArchive(writeZip(entries), 'first')
    assert.equal(valid, faults.length === 0)
    assert.equal(valid, false)
    return !faults.some(({ code }) => code === 'linking_info_malformed')
  },
)

const part = fc.string({ unit: fc.constantFrom('a', 'õ', ' ', '=', '#', '\\'), minLength: 1, maxLength: 5 })

property(
  'keys of members: what is escaped is read, anything else is read or refused',
  { short: 200, long: 20_000 },
  fc.tuple(
    fc.string({ unit: fc.constantFrom('DEMO/GOV/1', '=', ' ', '#', '\\', '\n', 'key'), maxLength: 12 }),
    part,
    part,
  ),
  ([text, code, key]) => {
    const taken = bears(() => readMemberKeys(text, 'file'), ArchiveError)
    // White space around a name or a key is no part of it, and neither can end with the sign that escapes.
    const [member, recipient] = [`I/C/x${code.replaceAll('\\', '')}x`, `k${key}k`]
    const line = `${member.replaceAll('=', '\\=')} = ${recipient}`
    assert.deepEqual([...readMemberKeys(line, 'file')], [[member, [recipient]]])
    return taken !== undefined
  },
)
