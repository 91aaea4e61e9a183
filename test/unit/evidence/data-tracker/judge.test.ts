// Answers about a person, judged by who has nothing but them and a policy: whole ones hold; one that hides, adds, moves or changes a use does not.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import {
  judgeAnswer,
  type PageUse,
  readAnswer,
  TRACKER_CHECKS,
  type TrackerAnswer,
  TrackerError,
  type TrackerReport,
  witnessName,
  writeAnswer,
} from '#evidence'
import { parseClientId, parseServerId } from '#protocol'
import { type Policy, quorumPolicy } from '#transparency'
import { noteSigner } from '../../transparency/signers.ts'
import { AT, DAY, MemoryTracker, SERVER, use } from './tracker.ts'

let tracker: MemoryTracker
let policy: Policy
before(async () => {
  tracker = await MemoryTracker.make()
  for (let at = 0; at < 5; at += 1) tracker.add('EE1')
  for (const person of ['EE2', 'EE3', 'EE4']) tracker.add(person)
  tracker.add('EE1', use({ client: 'TEST/GOV/9/prosecutor' }), 'secret')
  tracker.add('EE9', use(), 'secret')
  await tracker.state()
  policy = quorumPolicy([{ key: tracker.signer.key }], [], 0)
})

/** Through JSON, as it travels. */
function sent(answer: TrackerAnswer): TrackerAnswer {
  return readAnswer(JSON.parse(JSON.stringify(writeAnswer(answer))))
}

async function judged(answer: TrackerAnswer, ...more: readonly TrackerAnswer[]): Promise<TrackerReport> {
  return await judgeAnswer([sent(answer), ...more.map(sent)], policy)
}

function failed({ checks }: TrackerReport): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name}: ${code}`)
}

test('an answer that is whole holds, and says what it is worth', async () => {
  const report = await judged(await tracker.answer('EE1'))
  assert.deepEqual(failed(report), [])
  const { verdict, provider, person, map, stated, shown, erased, server, at } = report
  assert.deepEqual(
    { verdict, provider, person, map, stated, shown, erased, server, at },
    {
      ...{ verdict: 'valid', provider: 'TEST/GOV/1/register', person: 'EE1', map: 'public' },
      ...{ stated: 5, shown: 5, erased: 0, server: 'TEST/GOV/1/one', at: '2026-03-02T00:00:00.000Z' },
    },
  )
  // Without a policy nobody vouches for the log but the server.
  assert.equal((await judgeAnswer([await tracker.answer('EE1')], undefined)).verdict, 'indeterminate')
})

test('that nobody has asked is proved too, and of whom only the law knows it is said as much', async () => {
  for (const person of ['EE0', 'EE9', 'somebody else']) {
    const report = await judged(await tracker.answer(person))
    assert.deepEqual([report.verdict, report.stated, report.shown], ['valid', 0, 0], person)
  }
  // Said of somebody about whom there was a question, it is a lie.
  const nothing = { uses: [], before: (await tracker.answer('EE0')).before }
  assert.deepEqual(failed(await judged({ ...(await tracker.answer('EE2')), ...nothing })), [
    `${TRACKER_CHECKS.map}: other_value`,
  ])
})

test('an operator who hides, adds, changes or moves a use is found', async () => {
  const answer = await tracker.answer('EE1')
  const renumbered = (uses: readonly PageUse[]) => uses.map((one, at) => ({ ...one, number: uses.length - at }))
  const without = (index: number) => renumbered(answer.uses.filter((_, at) => at !== index))
  const changed = (more: object) =>
    answer.uses.map((one, at) => (at === 2 && 'use' in one ? { ...one, use: { ...one.use, ...more } } : one))
  const lies: readonly [string, readonly PageUse[]][] = [
    ['the newest hidden', without(0)],
    ['the oldest hidden', without(4)],
    ['one in the middle hidden', without(2)],
    ['one added', renumbered([{ number: 0, use: use() }, ...answer.uses])],
    ['another client', changed({ client: 'TEST/GOV/3/other' })],
    ['another reason', changed({ basis: 'none' })],
    ['no reason', changed({ basis: undefined })],
    ['another time', changed({ at: 0 })],
    ['two exchanged', renumbered([answer.uses[1], answer.uses[0], ...answer.uses.slice(2)] as PageUse[])],
  ]
  for (const [name, uses] of lies)
    assert.deepEqual(
      failed(await judged({ ...answer, uses } as TrackerAnswer)),
      [`${TRACKER_CHECKS.map}: other_value`],
      name,
    )
})

test('proofs of another person, provider or server prove nothing here', async () => {
  const [answer, other] = [await tracker.answer('EE1'), await tracker.answer('EE2')]
  const withProof = (more: Partial<TrackerAnswer['proof']>) => ({ ...answer, proof: { ...answer.proof, ...more } })
  const foreign = await MemoryTracker.make()
  foreign.add('EE1')
  await foreign.state()
  const strange = await foreign.answer('EE1')
  const cases: readonly [string, TrackerAnswer, string[]][] = [
    ["another's key", withProof({ key: other.proof.key }), ['foreign_key', 'other_value']],
    ["another's place in the map", withProof({ map: other.proof.map }), ['other_value']],
    ['another name', { ...answer, person: 'EE2' }, ['foreign_key', 'other_value']],
    ['another provider', { ...answer, provider: parseClientId('TEST/GOV/1/other') }, ['foreign_key', 'other_value']],
    ["another server's log", withProof({ log: strange.proof.log }), ['foreign_key', 'other_value', 'unsigned']],
    ['no statement', withProof({ log: Buffer.from('c2sp.org/tlog-proof@v1\n') }), ['malformed_statement']],
    ['no map proof', withProof({ map: Buffer.from('x') }), ['other_value']],
    ['said of the other map', { ...answer, map: 'secret' }, ['other_value']],
  ]
  for (const [name, lie, codes] of cases) {
    const report = await judged(lie)
    assert.equal(report.verdict, 'invalid', name)
    // A forged signature under the log's own name is told as that, or as none of the policy's.
    const found = report.checks
      .filter(({ ok }) => !ok)
      .map(({ code }) => (code === 'bad_signature' ? 'unsigned' : code))
    assert.deepEqual(found, codes, name)
  }
})

test('pages belong together, in whatever order they come, and all of them must be there', async () => {
  const pages = [
    await tracker.answer('EE1', { to: 3 }),
    await tracker.answer('EE1', { from: 3, to: 1 }),
    await tracker.answer('EE1', { from: 1 }),
  ] as const
  assert.deepEqual(failed(await judged(pages[2], pages[0], pages[1])), [])
  assert.deepEqual(failed(await judged(pages[0])), [`${TRACKER_CHECKS.complete}: uses_missing`])
  assert.ok(failed(await judged(pages[0], pages[2])).includes(`${TRACKER_CHECKS.pages}: foreign_page`))
  assert.ok(
    failed(await judged(pages[0], await tracker.answer('EE2'))).includes(`${TRACKER_CHECKS.pages}: foreign_page`),
  )
  const lie = { ...pages[1], uses: pages[1].uses.toReversed().map((one, at) => ({ ...one, number: 3 - at })) }
  assert.ok(
    failed(await judged(pages[0], lie as TrackerAnswer, pages[2])).includes(`${TRACKER_CHECKS.chain}: broken_chain`),
  )
  // Pages behind the first alone do not lead to the map.
  assert.ok(failed(await judged(pages[1], pages[2])).includes(`${TRACKER_CHECKS.map}: other_value`))
})

test('what was erased is told as that, and holds the chain', async () => {
  const own = await MemoryTracker.make()
  const uses = [own.add('EE1'), own.add('EE1'), own.add('EE1')]
  own.erased.add(uses[0] as never)
  own.erasedBefore = AT + DAY
  await own.state()
  policy = quorumPolicy([{ key: own.signer.key }], [], 0)
  const report = await judged(await own.answer('EE1'))
  assert.deepEqual([report.verdict, report.stated, report.shown, report.erased], ['valid', 3, 3, 1])
  // An operator who calls a use erased that he should still have.
  for (const erasedBefore of [0, AT - DAY]) {
    own.erasedBefore = erasedBefore
    await own.state()
    assert.deepEqual(failed(await judged(await own.answer('EE1'))), [`${TRACKER_CHECKS.erased}: erased_early`])
  }
  policy = quorumPolicy([{ key: tracker.signer.key }], [], 0)
})

test('the court is shown what the law keeps secret, with a proof of the same statement', async () => {
  const report = await judged(await tracker.answer('EE1', { map: 'secret' }))
  assert.deepEqual([report.verdict, report.map, report.stated], ['valid', 'secret', 1])
  assert.equal((await judged(await tracker.answer('EE2', { map: 'secret' }))).stated, 0)
  const answer = await tracker.answer('EE1', { map: 'secret' })
  const { secret, ...proof } = answer.proof
  assert.deepEqual(failed(await judged({ ...answer, proof })), [`${TRACKER_CHECKS.map}: other_value`])
  const another = { ...answer, proof: { ...proof, secret: { ...secret, head: { count: 7, root: Buffer.alloc(32) } } } }
  assert.deepEqual(failed(await judged(another as TrackerAnswer)), [`${TRACKER_CHECKS.map}: other_value`])
})

test('witnesses count as the policy has them, and never those of the server’s own member', async () => {
  const own = noteSigner('cosignature', witnessName(parseServerId('TEST/GOV/1/another')))
  const foreign = noteSigner('cosignature', witnessName(parseServerId('TEST/GOV/3/three')))
  const witnesses = [own, foreign].map(({ key }, at) => ({ name: `w${at}`, key }))
  const asked = quorumPolicy([{ key: tracker.signer.key }], witnesses, 1)
  const seen = await judgeAnswer([await tracker.answer('EE1', {}, [foreign])], asked)
  assert.deepEqual([seen.verdict, seen.witnesses.map(({ name }) => name)], ['valid', ['w1']])
  for (const signers of [[], [own]]) {
    const report = await judgeAnswer([await tracker.answer('EE1', {}, signers)], asked)
    assert.deepEqual(failed(report), [`${TRACKER_CHECKS.witnesses}: not_witnessed`])
  }
  assert.equal(SERVER.serverCode, 'one')
})

test('what is no answer is none', async () => {
  const good = JSON.parse(JSON.stringify(writeAnswer(await tracker.answer('EE1')))) as {
    readonly uses: readonly [object, ...object[]]
    readonly before: { readonly head: string }
    readonly proof: object
  }
  const { head } = good.before
  const wrong: readonly unknown[] = [
    undefined,
    null,
    [],
    'text',
    {},
    { ...good, format: 'v2' },
    { ...good, more: 1 },
    { ...good, person: 5 },
    { ...good, person: 'x'.repeat(5000) },
    { ...good, provider: 'TEST' },
    { ...good, map: 'both' },
    { ...good, uses: {} },
    { ...good, uses: Array.from({ length: 1001 }, () => good.uses[0]) },
    { ...good, before: { number: -1, head: head } },
    { ...good, before: { number: 1, head: head } },
    { ...good, before: { number: 0, head: 'AAAA' } },
    { ...good, proof: { ...good.proof, key: 5 } },
    { ...good, uses: [{ ...good.uses[0], at: '2026-13-01T00:00:00.000Z' }] },
    { ...good, uses: [{ number: 1, erased: true, day: '2026-02-30', digest: head }] },
  ]
  for (const [at, value] of wrong.entries())
    assert.throws(
      () => readAnswer(value),
      (error) => error instanceof TrackerError && error.code === 'malformed_answer',
      `${at}`,
    )
})
