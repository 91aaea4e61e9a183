// A segment that is full: the log goes on in the next one, also when there is no file to spare at that moment.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'node:test'
import type { JournalOptions } from '../../../security-server/message-log/journal.ts'
import { code, openLog, record, temporaryDirectory, until } from '../../unit/security-server/message-log/fixture.ts'

const MIB = 1024 * 1024
/** Fifteen of them and a little fill a segment of 64 MiB; the sixteenth goes into the next. */
const long = () => record({ head: randomBytes(4 * MIB) })

test('a full segment is followed by another, and all records are read from both after a restart', async (t) => {
  const directory = await temporaryDirectory(t)
  const log = await openLog(t, { directory })
  const made = Array.from({ length: 17 }, long)
  for (const one of made) await log.append(one)
  await log.close()
  const names = readdirSync(join(directory, 'segments')).sort()
  assert.deepEqual(names, ['0000000000000001', '0000000000000016'])
  const [first = ''] = names
  const { size } = statSync(join(directory, 'segments', first))
  assert.ok(size > 60 * MIB && size <= 64 * MIB, 'a full segment keeps no room behind its last group')
  const again = await openLog(t, { directory })
  for (const [index, { head }] of made.entries()) assert.deepEqual((await again.get(index + 1))?.head, head)
  assert.equal(await again.append(record()), 18)
})

test('where no file can be opened for the next segment, messages are refused until one can', async (t) => {
  const directory = await temporaryDirectory(t)
  let none = false
  const openSegment: JournalOptions['openFile'] = async (path, flags) => {
    if (none) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' })
    return await open(path, flags, 0o600)
  }
  const log = await openLog(t, { directory, replaced: { openSegment } })
  for (let count = 0; count < 15; count++) await log.append(long())
  none = true
  for (let turn = 0; turn < 2; turn++) await assert.rejects(log.append(long()), code('store_failed'))
  assert.match(log.status().refusing ?? '', /too many open files/)
  none = false
  // It tries by itself.
  await until(() => log.status().refusing === undefined)
  assert.equal(await log.append(long()), 16)
  assert.equal((await log.get(16))?.head.length, 4 * MIB)
})
