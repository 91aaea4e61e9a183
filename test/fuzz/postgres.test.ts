// What a PostgreSQL sends to an agent: replication messages, rows of COPY, descriptions of its schema. And what an agent makes of values, put together again.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Row } from '#continuity'
import { EmbassyError } from '../../data-embassy/error.ts'
import { copyField, readCopyRow } from '../../data-embassy/register/postgres/copy-text.ts'
import { nameOf, readName } from '../../data-embassy/register/postgres/names.ts'
import { readFrame, readMessage, standbyStatus } from '../../data-embassy/register/postgres/pgoutput.ts'
import { Assembly, inPieces } from '../../data-embassy/register/postgres/pieces.ts'
import {
  compare,
  readLsn,
  readPosition,
  writeLsn,
  writePosition,
} from '../../data-embassy/register/postgres/position.ts'
import { bears, property } from './campaign.ts'
import { mutated } from './mutate.ts'

const u16 = (value: number) => Buffer.from([value >> 8, value & 0xff])
const u32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const u64 = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}
const text = (value: string) => Buffer.from(`${value}\0`)
const letter = (value: string) => Buffer.from(value, 'latin1')
const value = (content: string) => Buffer.concat([letter('t'), u32(Buffer.byteLength(content)), Buffer.from(content)])
const tuple = (...values: Buffer[]) => Buffer.concat([u16(values.length), ...values])

/** As PostgreSQL 15 writes them. */
const MESSAGES: Readonly<Record<string, Buffer>> = {
  begin: Buffer.concat([letter('B'), u64(5n), u64(1_000_000n), u32(77)]),
  commit: Buffer.concat([letter('C'), letter('\0'), u64(5n), u64(9n), u64(1_000_000n)]),
  relation: Buffer.concat([
    letter('R'),
    u32(1),
    text('public'),
    text('persons'),
    letter('f'),
    u16(2),
    ...[letter('\x01'), text('id'), u32(23), u32(0xffff_ffff), letter('\0'), text('photo'), u32(17), u32(0xffff_ffff)],
  ]),
  insert: Buffer.concat([letter('I'), u32(1), letter('N'), tuple(value('1'), letter('n'))]),
  update: Buffer.concat([
    letter('U'),
    u32(1),
    letter('O'),
    tuple(value('1'), value('\\x00')),
    letter('N'),
    tuple(value('2'), letter('u')),
  ]),
  keyed: Buffer.concat([
    letter('U'),
    u32(1),
    letter('K'),
    tuple(value('1'), letter('n')),
    letter('N'),
    tuple(value('2'), value('\\x')),
  ]),
  delete: Buffer.concat([letter('D'), u32(1), letter('O'), tuple(value('1'), letter('n'))]),
  truncate: Buffer.concat([letter('T'), u32(2), letter('\x03'), u32(1), u32(2)]),
  message: Buffer.concat([letter('M'), letter('\x01'), u64(5n), text('saadik'), u32(2), Buffer.from('{}')]),
}

property('messages of replication are read or refused', 3_000, mutated(Object.values(MESSAGES)), (bytes) => {
  const read = bears(() => readMessage(bytes), EmbassyError)
  if (read !== undefined && 'row' in read.value) assert.ok(read.value.row.length <= 1600)
  return read !== undefined
})

const frames = [
  Buffer.concat([letter('w'), u64(1n), u64(2n), u64(3n), MESSAGES['insert'] ?? Buffer.alloc(0)]),
  Buffer.concat([letter('k'), u64(1n), u64(2n), letter('\x01')]),
]
property(
  'frames of replication are read or refused',
  1_000,
  mutated(frames),
  (bytes) => bears(() => readFrame(bytes), EmbassyError) !== undefined,
)

const anyText = fc.string({ unit: 'binary', maxLength: 40 }).map((content) => content.replaceAll('\0', ''))

property(
  'a row of COPY is read as it was written',
  1_000,
  fc.array(fc.option(fc.oneof(anyText, fc.constantFrom('\\N', '\\', '\t\n\r\b\f\v', '\\.'))), {
    minLength: 1,
    maxLength: 6,
  }),
  (row) => {
    const line = Buffer.from(`${row.map(copyField).join('\t')}\n`)
    assert.deepEqual(readCopyRow(line, row.length), row)
    return true
  },
)

property(
  'rows of COPY are read or refused',
  1_000,
  mutated([Buffer.from('1\t\\N\ta\\tb\\\\\n')]),
  (bytes) => bears(() => readCopyRow(bytes, 3), EmbassyError) !== undefined,
)

property(
  'a place is read as it was written, and places keep their order',
  1_000,
  fc.tuple(fc.bigInt(0n, 2n ** 64n - 1n), fc.nat(), fc.boolean(), fc.bigInt(0n, 2n ** 64n - 1n)),
  ([lsn, changes, picture, other]) => {
    const position = { lsn, changes, picture }
    assert.deepEqual(readPosition(writePosition(position)), position)
    assert.equal(readLsn(writeLsn(lsn)), lsn)
    const [one, two] = [readPosition(`${writeLsn(lsn)}/0`), readPosition(`${writeLsn(other)}/0`)]
    assert.equal(Math.sign(compare(one, two)), lsn < other ? -1 : lsn > other ? 1 : 0)
    assert.equal(standbyStatus(lsn, new Date(0), true).readBigUInt64BE(9), lsn)
    return true
  },
)

property(
  'places are read or refused',
  1_000,
  mutated([Buffer.from('16/B374D848/12'), Buffer.from('0/0/0+')]),
  (bytes) => bears(() => readPosition(bytes.toString('latin1')), EmbassyError) !== undefined,
)

const anyName = fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }).filter((name) => !name.includes('\0'))
property('a name is read as it was written', 1_000, fc.record({ schema: anyName, name: anyName }), (named) => {
  assert.deepEqual(readName(nameOf(named)), { ...named })
  return true
})

/** Values above and below what a change may hold, with halves of characters at every place. */
const anyValue = fc.oneof(
  fc.constant(null),
  anyText,
  fc.tuple(fc.constantFrom('a', '€', '𝄞', 'x𝄞', '\u0001'), fc.nat(700_000)).map(([unit, times]) => unit.repeat(times)),
  fc.nat(6_000_000).map((length) => Buffer.alloc(length, 7)),
)
property(
  'values are in pieces no longer than a change, and whole again behind them',
  { short: 60, long: 2_000 },
  fc.record({ id: anyText, a: anyValue, b: anyValue, whole: fc.boolean(), gone: fc.boolean() }),
  ({ id, a, b, whole, gone }) => {
    const row: Row = { id, a, b }
    const key: Row = whole ? row : { id }
    const told = gone
      ? ({ operation: 'delete', relation: 'public.t', key, row: null } as const)
      : ({ operation: 'insert', relation: 'public.t', key, row } as const)
    const assembly = new Assembly()
    const found = [...inPieces(told)].flatMap((each) => {
      for (const part of [...Object.values(each.key ?? {}), ...Object.values(each.row ?? {})])
        assert.ok((part?.length ?? 0) <= 3_500_000)
      if (each.operation !== 'file') return [assembly.join(each)]
      assembly.add(each)
      return []
    })
    assert.equal(found.length, 1)
    const sorted = (values: Row | null | undefined) =>
      values && Object.fromEntries(Object.entries(values).toSorted(([one], [other]) => (one < other ? -1 : 1)))
    assert.deepEqual(sorted(found[0]?.key), sorted(told.key))
    assert.deepEqual(sorted(found[0]?.row), sorted(told.row))
    return true
  },
)
