// Proofs of logs: of this very message, in a log that is believed, seen by enough witnesses who were believed then.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CommittedRecord,
  type DatedPolicy,
  examineContainer,
  judgeProof,
  type RecordFacts,
  recordFactsOf,
  withChecks,
} from '#evidence'
import { parsePolicy } from '#transparency'
import { foundCountry } from '../evidence/authority.ts'
import { type Evidence, evidenceOf, once, REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from '../evidence/messages.ts'
import { type ProofOptions, recordOf, TestLog } from './auditor.ts'

const country = foundCountry()
const log = new TestLog()
const dated = (quorum: number, dates: Omit<DatedPolicy, 'policy'> = {}, of = log): DatedPolicy => ({
  policy: parsePolicy(Buffer.from(of.policy(quorum))),
  ...dates,
})

async function factsOf(evidence: Evidence): Promise<RecordFacts> {
  const facts = recordFactsOf(await examineContainer(once(await evidenceOf(country, evidence)), country.trust))
  assert.ok(facts)
  return facts
}

const facts = await factsOf({ message: REST_RESPONSE, body: Buffer.from('{"a":1}'), stamp: 'batch' })

async function judged(
  options: ProofOptions = {},
  policies: readonly DatedPolicy[] = [dated(2)],
  record: Partial<CommittedRecord> = {},
  of: RecordFacts = facts,
) {
  const { checks, proof } = judgeProof(await log.proof(recordOf(of, record), options), of, policies)
  return { proof, failures: checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name}: ${code}`), checks }
}

test('a witnessed record: where it stands, when it was written, who saw it', async () => {
  const { proof, failures, checks } = await judged()
  assert.deepEqual(failures, [])
  assert.deepEqual(
    checks.map(({ name }) => name),
    ['record in the log', 'inclusion in the log', 'witnesses'],
  )
  assert.deepEqual(proof, {
    state: 'witnessed',
    origin: 'log.example/DEMO',
    size: 13,
    index: 6,
    record: { seq: 42, at: facts.stampedAt?.toISOString(), side: 'provider', member: facts.signer },
    witnesses: [
      { name: 'w1.example', at: '2031-05-08T09:46:40.000Z' },
      { name: 'w2.example', at: '2031-05-08T09:46:40.000Z' },
    ],
  })
})

test('of every form of container', async () => {
  for (const evidence of [
    { message: REST_REQUEST, stamp: 'single' },
    { message: REST_REQUEST, stamp: 'batch' },
    { message: SOAP_REQUEST, stamp: 'single', kind: 'RSA-2048' },
    { message: REST_RESPONSE, body: Buffer.alloc(0), stamp: 'single' },
    { message: SOAP_REQUEST, body: Buffer.from('not kept'), keepBody: false, stamp: 'batch' },
  ] as const) {
    const own = await factsOf(evidence)
    const { failures, proof } = await judged({}, [dated(2)], {}, own)
    assert.deepEqual(failures, [])
    assert.equal(proof.state, 'witnessed')
    // A single time-stamp stands inside the signature; the log committed to the signature before it.
    assert.equal(own.signatureDigests.length, evidence.stamp === 'single' ? 2 : 1)
  }
})

test('without a log that is believed only the record is compared', async () => {
  const { proof, failures, checks } = await judged({}, [])
  assert.deepEqual([proof.state, failures, checks.length], ['not judged', [], 1])
  const other = await judged({}, [], { queryId: 'another' })
  assert.deepEqual([other.proof.state, other.failures], ['failed', ['record in the log: other_record']])
})

test('not yet witnessed, and witnesses that nobody asks for', async () => {
  const few = await judged({ cosigners: 1 })
  assert.deepEqual([few.proof.state, few.failures], ['not witnessed', ['witnesses: not_witnessed']])
  assert.deepEqual((await judged({ cosigners: 0 }, [dated(1)])).failures, ['witnesses: not_witnessed'])
  const nobody = await judged({ cosigners: 0 }, [dated(0)])
  assert.deepEqual([nobody.proof.state, nobody.failures], ['included', []])
})

test('wrong witnesses and wrong logs do not count', async () => {
  const stranger = new TestLog()
  const foreign = await judged({}, [dated(2, {}, stranger)])
  assert.equal(foreign.proof.state, 'failed')
  // The stranger's log has the same name: its key is another.
  assert.deepEqual(foreign.failures, ['inclusion in the log: unsigned'])
  const mixed = parsePolicy(
    Buffer.from(
      log
        .policy(0)
        .replace(/^witness.*\n/gm, '')
        .replace(/^quorum.*\n/m, '') + stranger.policy(1).replace(/^log.*\n/m, ''),
    ),
  )
  const own = await judged({}, [{ policy: mixed }])
  assert.deepEqual([own.proof.state, own.failures], ['not witnessed', ['witnesses: not_witnessed']])
})

test('policies hold for their dates: the log for the time of the record, witnesses for the time of their signature', async () => {
  const day = (text: string) => new Date(text)
  const stamped = facts.stampedAt
  assert.ok(stamped)
  assert.equal(
    (await judged({}, [dated(2, { from: day('2031-05-08'), until: day('2031-05-09') })])).proof.state,
    'witnessed',
  )
  const ended = await judged({}, [dated(2, { until: day('2031-05-01') })])
  assert.deepEqual(ended.failures, ['inclusion in the log: nobody_believed'])
  // Cosigned on 2031-05-08.
  for (const dates of [{ from: day('2031-06-01') }, { until: day('2031-05-07') }])
    assert.deepEqual((await judged({}, [dated(2, dates)])).failures, ['witnesses: not_witnessed'])
  assert.deepEqual((await judged({ time: 0 }, [dated(2, { from: day('2000-01-01') })])).failures, [
    'witnesses: not_witnessed',
  ])
  const both = await judged({}, [dated(2, { until: day('2031-05-07') }), dated(2, { from: day('2031-05-08') })])
  assert.equal(both.proof.state, 'witnessed')
})

const OTHERS: Record<string, Partial<CommittedRecord>> = {
  'another message': { headDigest: Buffer.alloc(64, 1) },
  'another signature': { signatureDigest: Buffer.alloc(64, 1) },
  'another chain': { chainDigest: Buffer.alloc(64, 1) },
  'no chain': { chainDigest: null },
  'another result': { chainResultDigest: Buffer.alloc(64, 1) },
  'another body': { bodyDigest: Buffer.alloc(64, 1) },
  'no body': { bodyDigest: null, bodySize: null },
  'another size': { bodySize: 8 },
  'another id': { queryId: 'another' },
  'the other direction': { direction: 'request' },
  'another member': { member: 'x' },
}
for (const [name, record] of Object.entries(OTHERS))
  test(`a proof of another record: ${name}`, async () => {
    const { proof, failures } = await judged({}, [dated(2)], record)
    assert.equal(proof.state, 'failed')
    assert.deepEqual(failures, ['record in the log: other_record'])
  })

test("on the other party's server the record is of another member", async () => {
  const { failures } = await judged({}, [dated(2)], { side: 'consumer', member: 'SUBSYSTEM:DEMO/GOV/9/other' })
  assert.deepEqual(failures, [])
})

test('whatever is changed in a proof, it is refused', async () => {
  const whole = Buffer.from(await log.proof(recordOf(facts))).toString('latin1')
  const lines = whole.split('\n')
  let judgements = 0
  for (const [at, line] of lines.entries()) {
    if (line === '') continue
    for (const other of [
      `${line}x`,
      line.slice(1),
      line.replace(/[0-9A-Za-y](?=[^0-9A-Za-y]*$)/, (last) => (last === 'B' ? 'C' : 'B')),
    ]) {
      if (other === line) continue
      const changed = lines.with(at, other).join('\n')
      const { proof } = judgeProof(Buffer.from(changed, 'latin1'), facts, [dated(3), dated(2)])
      // The third line of signatures is that of a second witness: without it the quorum is not reached.
      assert.notEqual(proof.state, 'witnessed', `line ${at}: ${other}`)
      judgements += 1
    }
  }
  assert.ok(judgements > 25)
  for (const cut of [0, 10, whole.length / 2, whole.length - 1])
    assert.equal(judgeProof(Buffer.from(whole.slice(0, cut), 'latin1'), facts, [dated(2)]).proof.state, 'failed')
})

test('what a proof proves changes the verdict, and not what the standard says of the signature', async () => {
  const { report } = await examineContainer(
    once(await evidenceOf(country, { message: REST_REQUEST, stamp: 'single' })),
    country.trust,
  )
  const own = await factsOf({ message: REST_REQUEST, stamp: 'single' })
  for (const [options, record, verdict] of [
    [{}, {}, 'valid'],
    [{ cosigners: 1 }, {}, 'indeterminate'],
    [{}, { queryId: 'another' }, 'invalid'],
  ] as const) {
    const { checks, proof } = await judged(options, [dated(2)], record, own)
    const whole = withChecks(report, checks, { proof })
    assert.deepEqual([whole.verdict, whole.indication], [verdict, 'TOTAL-PASSED'])
  }
})
