// What the database itself refuses, whoever writes to it, and what it commits to.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import test, { type TestContext } from 'node:test'
import { openForWriting } from '../../../../security-server/message-log/schema.ts'
import { type PlacedRow, Store } from '../../../../security-server/message-log/store.ts'
import { code, temporaryDirectory } from './fixture.ts'

const ROW: PlacedRow = {
  seq: 1,
  at: 1_772_366_400_123,
  side: 'provider',
  direction: 'response',
  queryId: 'query',
  requestId: 'request',
  protocol: 'soap',
  client: 'DEMO/GOV/70000002/client',
  provider: 'DEMO/GOV/70000001/population-register',
  serviceCode: 'persons',
  serviceVersion: 'v1',
  userId: 'EE38001010000',
  issue: null,
  representedParty: null,
  salt: Buffer.alloc(32, 's'),
  head: Buffer.from('head'),
  headDigest: null,
  signature: Buffer.from('signature'),
  chain: null,
  chainResult: null,
  bodySize: 4,
  bodyDigest: createHash('sha512').update('body').digest(),
  bodyInline: Buffer.from('body'),
  bodyFile: null,
  bodyTruncated: false,
  segment: 1,
  offset: 0,
}

async function openDatabase(t: TestContext): Promise<{ db: DatabaseSync; store: Store; file: string }> {
  const file = join(await temporaryDirectory(t), 'log.db')
  const db = openForWriting(file, true)
  t.after(() => db.isOpen && db.close())
  return { db, store: new Store(db), file }
}

test('records, time-stamps and their links can neither be changed, removed, replaced nor put out of order', async (t) => {
  const { db, store } = await openDatabase(t)
  store.index([ROW, { ...ROW, seq: 2 }])
  store.saveTimestamp({
    timestamp: { at: 1, token: Buffer.from('token'), result: Buffer.from('result') },
    links: [{ seq: 1, chain: Buffer.from('chain') }],
  })
  for (const table of ['records', 'timestamps', 'record_timestamps']) {
    assert.throws(() => db.exec(`DELETE FROM ${table}`), /append-only/)
    assert.throws(() => db.exec(`UPDATE ${table} SET rowid = rowid`), /append-only/)
    assert.throws(
      () => db.exec(`INSERT OR REPLACE INTO ${table} SELECT * FROM ${table} LIMIT 1`),
      /append-only|next number/,
    )
  }
  const columns =
    'at, side, direction, protocol, query_id, request_id, client, provider, service_code, service_version, user_id, issue, represented_party, body_size, body_file, commitment, sealed_by, segment, place'
  for (const seq of [1, 2, 4, 0, -1, 10])
    assert.throws(
      () => db.exec(`INSERT INTO records SELECT ${seq}, ${columns} FROM records WHERE seq = 1`),
      /next number|UNIQUE/,
    )
  assert.deepEqual({ ...db.prepare('SELECT count(*) AS n, max(seq) AS last FROM records').get() }, { n: 2, last: 2 })
  assert.deepEqual(
    db
      .prepare('SELECT seq FROM untimestamped')
      .all()
      .map((row) => row['seq']),
    [2],
  )
})

test('a group is entered whole or not at all', async (t) => {
  const { db, store } = await openDatabase(t)
  const half = { ...ROW, seq: 2, bodySize: null, bodyFile: '0123-1' }
  assert.throws(() => store.index([ROW, half, { ...ROW, seq: 3 }]), /CHECK/)
  assert.equal(store.lastSeq(), 0)
  store.index([ROW, { ...ROW, seq: 2 }])
  assert.equal(store.lastSeq(), 2)
  assert.throws(() => store.index([{ ...ROW, seq: 4 }]), /next number/)
  store.index([{ ...ROW, seq: 3 }])
  assert.equal(store.lastSeq(), 3)
  assert.equal(db.isTransaction, false)
})

test('one file is the body of one record', async (t) => {
  const { store } = await openDatabase(t)
  const inFile = { ...ROW, bodyInline: null, bodyFile: '0123-1' }
  store.index([inFile])
  assert.throws(() => store.index([{ ...inFile, seq: 2 }]), /UNIQUE/)
})

test('a commitment is what its description says, computed here by hand', async (t) => {
  const { db, store } = await openDatabase(t)
  store.index([
    ROW,
    {
      ...ROW,
      seq: 2,
      bodySize: null,
      bodyDigest: null,
      bodyInline: null,
      chain: Buffer.from('c'),
      chainResult: Buffer.from('r'),
    },
  ])
  const sha512 = (text: string) => createHash('sha512').update(text).digest('hex')
  const field = (hex: string) => (hex.length / 2).toString(16).padStart(8, '0') + hex
  const text = (value: string) => field(Buffer.from(value).toString('hex'))
  const number = (value: number) => field(value.toString(16).padStart(16, '0'))
  const common = (seq: number) =>
    text('saadik message log record v1') +
    number(seq) +
    number(ROW.at) +
    text('provider') +
    text('response') +
    text('query') +
    text('request') +
    text(ROW.provider) +
    field(sha512('head')) +
    field(sha512('signature'))
  const absent = 'ffffffff'
  const encodings = [
    common(1) + absent + absent + field(sha512('body')) + number(4),
    common(2) + field(sha512('c')) + field(sha512('r')) + absent + absent,
  ]
  const hashes = encodings.map((encoding) =>
    createHash('sha256').update(ROW.salt).update(Buffer.from(encoding, 'hex')).digest('hex'),
  )
  const stored = db
    .prepare('SELECT commitment FROM records ORDER BY seq')
    .all()
    .map((row) => Buffer.from(row['commitment'] as Uint8Array).toString('hex'))
  assert.deepEqual(stored, hashes)
})

test('a commit is made durable: write-ahead log, full synchronisation', async (t) => {
  const { db } = await openDatabase(t)
  assert.equal(db.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal')
  assert.equal(db.prepare('PRAGMA synchronous').get()?.['synchronous'], 2)
})

test('a log of another version, and a database of something else, are refused unchanged', async (t) => {
  const { db, file } = await openDatabase(t)
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  db.close()
  for (const other of [version - 1, version + 1]) {
    const changed = new DatabaseSync(file)
    changed.exec(`PRAGMA user_version = ${other}`)
    changed.close()
    assert.throws(() => openForWriting(file, true), code('store_foreign'))
  }
  const foreign = `${file}.other`
  const other = new DatabaseSync(foreign)
  other.exec('CREATE TABLE theirs (a)')
  other.close()
  assert.throws(() => openForWriting(foreign, true), code('store_foreign'))
  const after = new DatabaseSync(foreign)
  assert.deepEqual(
    after
      .prepare('SELECT name FROM sqlite_schema')
      .all()
      .map((row) => row['name']),
    ['theirs'],
  )
  after.close()
})
