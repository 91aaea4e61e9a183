// A server's own administrator against its log: whatever he edits, removes, puts in, moves, cuts, puts back or replaces is seen, the first
// record that is not what it was is named, and no message is taken. Who holds an earlier checkpoint sees it too.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import type { SignerClient } from '#signer'
import { formatVerifierKey, parseVerifierKey, type VerifierKey } from '#transparency'
import { checkpointBytes } from '#transparent-log'
import type { RecordRow } from '../../security-server/message-log/store.ts'
import type { CheckReport, HistoryErrorCode } from '../../security-server/transparency/index.ts'
import { scratch } from '../unit/host/scratch.ts'
import { code } from '../unit/security-server/message-log/fixture.ts'
import {
  logged,
  type Opened,
  type OpenOptions,
  openBoth,
  sealed,
} from '../unit/security-server/transparency/fixture.ts'
import { startedSigner } from '../unit/signer/signer-process.ts'
import { startWitness, until } from '../unit/transparent-log/fixture.ts'
import { copyOf, edited, recordsOf, writeLog } from './administrator.ts'

const RECORDS = 40

interface Standing {
  readonly signer: Awaited<ReturnType<typeof startedSigner>>
  readonly directory: string
  /** What an auditor took while all was well. */
  readonly checkpoint: Uint8Array
  readonly key: VerifierKey
}

/** A log of forty records that all are sealed, standing still; `midway` is called after twenty of them, with the server stopped. */
async function standing(
  t: TestContext,
  midway: (directory: string, signer: string) => void = () => {},
): Promise<Standing> {
  const signer = await startedSigner(t)
  const directory = scratch(t)
  for (const half of [0, 1]) {
    const opened = await openBoth(t, { directory, signer: signer.client })
    await logged(opened, RECORDS / 2)
    await sealed(opened, (half + 1) * (RECORDS / 2))
    const { keys } = opened.transparency.status()
    const checkpoint = opened.transparency.checkpoint()
    await opened.close()
    if (half === 0) midway(directory, signer.directory)
    else if (checkpoint !== undefined)
      return { signer, directory, checkpoint: checkpointBytes(checkpoint), key: parseVerifierKey(keys[0] ?? '') }
  }
  throw new Error('no checkpoint')
}

/** Starts the server again and expects that it takes no message, and why. */
async function refused(
  t: TestContext,
  { directory, signer }: { directory: string; signer: { client: SignerClient } },
  expected: HistoryErrorCode,
  record?: number,
  more: Partial<OpenOptions> = {},
): Promise<Opened> {
  const opened = await openBoth(t, { directory, signer: signer.client, ...more })
  await until(() => opened.transparency.status().fault !== undefined)
  const { fault } = opened.transparency.status()
  assert.deepEqual([fault?.code, fault?.record], [expected, record])
  await assert.rejects(logged(opened, 1), code('transparency_failed'))
  assert.ok(
    opened.said.lines.some(({ level, meta }) => level === 'error' && (meta as { code?: string })?.code === expected),
  )
  return opened
}

async function checked({ transparency }: Opened, ...checkpoints: readonly Uint8Array[]): Promise<CheckReport> {
  for await (const said of transparency.check(checkpoints)) if ('ok' in said) return said
  throw new Error('no report')
}

const CHANGES: readonly {
  readonly what: string
  readonly change: (rows: RecordRow[]) => RecordRow[]
  readonly code: HistoryErrorCode
  readonly record: number
}[] = [
  { what: 'a record is edited', change: (rows) => rows.with(16, edited(rows[16])), code: 'record_changed', record: 17 },
  { what: 'the first is edited', change: (rows) => rows.with(0, edited(rows[0])), code: 'record_changed', record: 1 },
  {
    what: 'the last is edited',
    change: (rows) => rows.with(-1, edited(rows.at(-1))),
    code: 'record_changed',
    record: RECORDS,
  },
  { what: 'a record is removed', change: (rows) => rows.toSpliced(16, 1), code: 'records_missing', record: 17 },
  {
    what: 'a record is put in',
    change: (rows) => rows.toSpliced(16, 0, edited(rows[3])),
    code: 'record_changed',
    record: 17,
  },
  {
    what: 'one is removed and another put in elsewhere',
    change: (rows) => rows.toSpliced(8, 1).toSpliced(30, 0, edited(rows[3])),
    code: 'record_changed',
    record: 9,
  },
  {
    what: 'two are exchanged',
    change: (rows) => rows.with(16, rows[17] as RecordRow).with(17, rows[16] as RecordRow),
    code: 'record_changed',
    record: 17,
  },
  { what: 'the end is cut off', change: (rows) => rows.slice(0, 33), code: 'records_missing', record: 34 },
  { what: 'all is gone', change: () => [], code: 'records_missing', record: 1 },
]

for (const { what, change, code: expected, record } of CHANGES) {
  test(`${what}, segments, checks and index made to fit: named`, async (t) => {
    const log = await standing(t)
    await writeLog(log.directory, change(recordsOf(log.directory)))
    await refused(t, log, expected, record)
  })
}

test('a log that was written anew and is the same is no fault; the server finds what an inspector finds', async (t) => {
  const log = await standing(t)
  await writeLog(log.directory, recordsOf(log.directory))
  const opened = await openBoth(t, { directory: log.directory, signer: log.signer.client })
  assert.equal(opened.transparency.status().fault, undefined)
  await logged(opened, 2)
  await sealed(opened, RECORDS + 2)
  const report = await checked(opened, log.checkpoint)
  assert.deepEqual([report.ok, report.records, report.fault], [true, RECORDS + 2, undefined])
})

test('bytes of a record that are only changed on the disk: named', async (t) => {
  const log = await standing(t)
  const segment = join(log.directory, 'message-log', 'segments', '0000000000000001')
  const bytes = readFileSync(segment)
  const at = bytes.indexOf('GET /r1/', bytes.indexOf('GET /r1/') + 1)
  bytes[at] = 0x50
  writeFileSync(segment, bytes)
  await refused(t, log, 'record_changed', 2)
})

test('an index that says another thing than the segments: named', async (t) => {
  const log = await standing(t)
  const db = new DatabaseSync(join(log.directory, 'message-log', 'log.db'))
  db.exec('DROP TRIGGER records_never_change; UPDATE records SET commitment = zeroblob(32) WHERE seq = 5')
  db.close()
  await refused(t, log, 'record_changed', 5)
})

test('leaves that are changed instead of records: named', async (t) => {
  const log = await standing(t)
  const entries = join(log.directory, 'transparency', 'tree', 'entries')
  const bytes = readFileSync(entries)
  bytes[35 * 9 + 10] = (bytes[35 * 9 + 10] ?? 0) ^ 1
  writeFileSync(entries, bytes)
  await refused(t, log, 'record_changed', 10)
})

test('the message log is put back from an older copy: the first that is gone is named', async (t) => {
  let putBack = () => {}
  const copy = scratch(t)
  const log = await standing(t, (directory) => {
    putBack = copyOf(directory, copy, 'message-log')
  })
  putBack()
  await refused(t, log, 'records_missing', RECORDS / 2 + 1)
})

test('message log and tree are put back: the signer remembers', async (t) => {
  let putBack = () => {}
  const copy = scratch(t)
  const log = await standing(t, (directory) => {
    putBack = copyOf(directory, copy, 'message-log', 'transparency')
  })
  putBack()
  await refused(t, log, 'rolled_back', RECORDS / 2 + 1)
})

test('a record is edited and the tree made anew over it: the signer does not continue it', async (t) => {
  const log = await standing(t)
  const rows = recordsOf(log.directory)
  await writeLog(log.directory, rows.with(16, edited(rows[16])))
  rmSync(join(log.directory, 'transparency'), { recursive: true })
  // No earlier tree is left that could tell where.
  await refused(t, log, 'history_rewritten', 1)
})

test('everything is put back, the memory of the signer too: a witness remembers, and so does who holds a checkpoint', async (t) => {
  let putBack = () => {}
  const theirs = await startedSigner(t)
  const copy = scratch(t)
  const keys = scratch(t)
  const log = await standing(t, (directory, signer) => {
    const [server, memory] = [copyOf(directory, copy, 'message-log', 'transparency'), copyOf(signer, keys, 'heads')]
    putBack = () => {
      server()
      memory()
    }
  })
  const witness = await startWitness(t, theirs.client, [log.key])
  const settings = { witnesses: [{ url: witness.url, key: witness.witness.verifierKey }], quorum: 1 }
  const seen = await openBoth(t, { directory: log.directory, signer: log.signer.client, settings })
  await sealed(seen, RECORDS)
  await seen.close()

  await log.signer.program.kill('SIGKILL')
  putBack()
  await log.signer.start()
  const back = { directory: log.directory, signer: { client: await log.signer.connect() } }
  const opened = await refused(t, back, 'witness_contradicts', undefined, { settings })
  // Half of the log is there and proves nothing wrong; the auditor's checkpoint is of a larger one.
  const { fault } = await checked(opened, log.checkpoint)
  assert.deepEqual([fault?.code, fault?.records], ['rolled_back', [RECORDS / 2 + 1, RECORDS]])
  await opened.close()
  const contradiction = readFileSync(join(log.directory, 'transparency', `contradiction-${RECORDS}.checkpoint`), 'utf8')
  assert.ok(contradiction.startsWith(`message-log/DEMO/GOV/70000002/customs\n${RECORDS}\n`))
})

test('everything is put back, and as many other records are logged: neither witness nor checkpoint fits', async (t) => {
  let putBack = () => {}
  const theirs = await startedSigner(t)
  const [copy, keys] = [scratch(t), scratch(t)]
  const log = await standing(t, (directory, signer) => {
    const [server, memory] = [copyOf(directory, copy, 'message-log', 'transparency'), copyOf(signer, keys, 'heads')]
    putBack = () => {
      server()
      memory()
    }
  })
  const witness = await startWitness(t, theirs.client, [log.key])
  const settings = { witnesses: [{ url: witness.url, key: witness.witness.verifierKey }], quorum: 1 }
  const seen = await openBoth(t, { directory: log.directory, signer: log.signer.client, settings })
  await sealed(seen, RECORDS)
  await seen.close()
  await log.signer.program.kill('SIGKILL')
  putBack()
  await log.signer.start()
  const client = await log.signer.connect()
  // Without its witness the server sees nothing wrong.
  const alone = await openBoth(t, { directory: log.directory, signer: client })
  await logged(alone, RECORDS / 2 + 5)
  await sealed(alone, RECORDS + 5)
  assert.equal(alone.transparency.status().fault, undefined)
  // Whoever holds the checkpoint does.
  const { fault, checkpoints } = await checked(alone, log.checkpoint)
  assert.equal(fault?.code, 'history_rewritten')
  assert.equal(checkpoints.find(({ from }) => from === 'given')?.fits, false)
  await alone.close()
  await refused(t, { directory: log.directory, signer: { client } }, 'witness_contradicts', undefined, { settings })
})

test('the keys are replaced: the old key is missed, by the server and by whoever has it', async (t) => {
  const log = await standing(t)
  const fresh = await startedSigner(t)
  const opened = await refused(t, { directory: log.directory, signer: fresh }, 'key_replaced')
  await opened.close()
  // With every trace of the old one removed the server begins anew, and nobody outside takes it for the same.
  rmSync(join(log.directory, 'transparency'), { recursive: true })
  const again = await openBoth(t, { directory: log.directory, signer: fresh.client })
  await sealed(again, RECORDS)
  await assert.rejects(checked(again, log.checkpoint), { code: 'foreign_checkpoint' })
  assert.notEqual(again.transparency.status().keys[0], formatVerifierKey(log.key))
})

test('records are removed as if they had been archived: the archive knows better', async (t) => {
  const log = await standing(t)
  const db = new DatabaseSync(join(log.directory, 'message-log', 'log.db'))
  db.exec(
    "DELETE FROM untimestamped WHERE seq <= 12; INSERT INTO state VALUES ('removed_to', 12) ON CONFLICT (key) DO UPDATE SET value = 12",
  )
  db.close()
  await refused(t, log, 'records_missing', 8, { archivedUpTo: async () => 7 })
})

test('what cannot be mended is named in the configuration, and by every check', async (t) => {
  const log = await standing(t)
  const rows = recordsOf(log.directory)
  await writeLog(log.directory, rows.with(16, edited(rows[16])))
  const settings = { lostRecords: [17] }
  const opened = await openBoth(t, { directory: log.directory, signer: log.signer.client, settings })
  await logged(opened, 1)
  await sealed(opened, RECORDS + 1)
  const report = await checked(opened, log.checkpoint)
  assert.deepEqual([report.ok, report.records, report.lost], [true, RECORDS, [17]])
  await assert.rejects(opened.transparency.proofOf(17), { code: 'record_not_found' })
})
