// Answers of data trackers: what is changed in one is refused, or found; nothing that a stranger makes is more than an answer that does not hold.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatStatement, judgeAnswer, parseStatement, readAnswer, TrackerError, writeAnswer } from '#evidence'
import { quorumPolicy } from '#transparency'
import { MemoryTracker, SERVER, use } from '../unit/evidence/data-tracker/tracker.ts'
import { bears, property } from './campaign.ts'
import { mutated, shuffled } from './mutate.ts'

const tracker = await MemoryTracker.make()
for (let at = 0; at < 3; at += 1) tracker.add('EE1', use({ operation: 'GET /persons/{person}', user: 'EE7' }))
tracker.erased.add(tracker.add('EE1', use({ at: 5 })))
tracker.erasedBefore = 86_400_000
tracker.add('EE2')
await tracker.state()
const policy = quorumPolicy([{ key: tracker.signer.key }], [], 0)
const seeds = await Promise.all(
  ['EE1', 'EE0'].map(async (person) => JSON.stringify(writeAnswer(await tracker.answer(person)))),
)
const [honest = '', nothing = ''] = seeds

property(
  'answers: one that was changed is refused, or does not hold, or says the same',
  { short: 300, long: 30_000 },
  fc.oneof(
    mutated(seeds.map((seed) => Buffer.from(seed))).map(String),
    shuffled(seeds, (text) => text.split(/(?<=[,{}[\]:])/)),
  ),
  async (text) => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch {
      return false
    }
    const read = bears(() => readAnswer(value), TrackerError)
    if (read === undefined) return false
    const report = await judgeAnswer([read.value], policy)
    if (report.verdict !== 'valid') return true
    const { person, uses } = read.value
    const same = readAnswer(JSON.parse(person === 'EE1' ? honest : nothing)).uses
    assert.deepEqual(uses, same)
    return true
  },
)

const statement = formatStatement({
  ...{ server: SERVER, at: 5, records: 6, key: Buffer.alloc(32, 1) },
  erasedBefore: 4,
  ...{ persons: { count: 7, root: Buffer.alloc(32, 2) }, secret: Buffer.alloc(32, 3) },
})

property('statements: read one way, or refused', { short: 500, long: 50_000 }, mutated([statement]), (bytes) => {
  const read = bears(() => parseStatement(bytes), TrackerError)
  if (read !== undefined) assert.deepEqual(formatStatement(read.value), bytes)
  return read !== undefined
})
