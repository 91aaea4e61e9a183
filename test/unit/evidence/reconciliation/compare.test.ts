// Two logs compared by statements: what agrees, what one side alone has and what that means, and statements of liars.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type CompareOptions,
  type Comparison,
  compareStatements,
  logOrigin,
  type StatementCode,
  StatementError,
  witnessName,
} from '#evidence'
import { parseServerId } from '#protocol'
import { leafHash, quorumPolicy } from '#transparency'
import type { NaiveTree } from '../../transparency/naive.ts'
import { noteSigner, signedBy } from '../../transparency/signers.ts'
import { type Bend, exchange, FROM, HOUR, noTurn, ours, SECRET, TERMS, type TestLog, theirs } from './parties.ts'

async function compare(
  here: TestLog,
  there: TestLog,
  { bend, ...options }: { readonly bend?: Bend } & Partial<CompareOptions> = {},
): Promise<Comparison> {
  const [a, b] = [await here.statement(), await there.statement(bend)]
  return await compareStatements({
    here: () => inPieces(a),
    there: () => inPieces(b),
    secret: SECRET,
    most: 1000,
    mostExchanges: 100,
    turn: noTurn,
    ...options,
  })
}

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777)
}

function refused(code: StatementCode) {
  return (error: unknown) => error instanceof StatementError && error.code === code
}

function kinds({ findings }: Comparison): string[] {
  return findings.map(({ kind, direction, lacking = 'neither' }) => `${kind} ${direction} ${lacking}`).sort()
}

function pair(): { here: TestLog; there: TestLog } {
  const [here, there] = [ours(), theirs()]
  for (let at = 0; at < 40; at += 1) {
    if (at % 3 === 0) here.other()
    if (at % 5 === 0) there.other()
    if (at % 2 === 0) exchange(here, there)
    else exchange(there, here)
  }
  return { here, there }
}

test('two honest logs agree, whatever else is in them', async () => {
  const { here, there } = pair()
  const { report, findings } = await compare(here, there)
  assert.equal(report.agreed, 80)
  assert.equal(report.inAgreement, true)
  assert.deepEqual(findings, [])
  assert.deepEqual(report.notCompared, [])
  assert.equal(report.here.messages, 80)
  assert.equal(report.here.list, report.there[0]?.list)
  assert.equal(report.here.checkpoint.state, 'not judged')
})

test('nothing at all agrees too', async () => {
  const { report } = await compare(ours(), theirs())
  assert.deepEqual([report.agreed, report.inAgreement, report.here.messages], [0, true, 0])
})

test('what one side alone has is told by what each side must have had', async () => {
  const cases: readonly [string, (here: TestLog, there: TestLog) => void, string[]][] = [
    [
      'a request that never arrived whole, or was refused',
      (here) => void here.log('consumer', { requestId: 'x' }),
      ['request_not_accepted request there'],
    ],
    [
      'an answer that was cut off',
      (here, there) => {
        here.log('consumer', { requestId: 'x' })
        there.log('provider', { requestId: 'x' })
        there.log('provider', { requestId: 'x', direction: 'response' })
      },
      ['answer_not_delivered response here'],
    ],
    [
      'a request that only the provider has: the consumer logged it before it signed',
      (_here, there) => void there.log('provider', { requestId: 'x' }),
      ['missing request here'],
    ],
    [
      'an answer that only the consumer has: the provider logged it before it sent it',
      (here, there) => {
        here.log('consumer', { requestId: 'x' })
        there.log('provider', { requestId: 'x' })
        here.log('consumer', { requestId: 'x', direction: 'response' })
      },
      ['missing response there'],
    ],
    [
      'a whole exchange of which the provider has nothing',
      (here) => {
        here.log('consumer', { requestId: 'x' })
        here.log('consumer', { requestId: 'x', direction: 'response' })
      },
      ['missing request there', 'missing response there'],
    ],
    [
      'a whole exchange of which the consumer has nothing',
      (here) => {
        here.log('provider', { requestId: 'x' })
        here.log('provider', { requestId: 'x', direction: 'response' })
      },
      ['answer_not_delivered response there', 'missing request there'],
    ],
    [
      'an answer whose request the provider has lost',
      (here, there) => {
        here.log('consumer', { requestId: 'x' })
        there.log('provider', { requestId: 'x', direction: 'response' })
      },
      ['answer_not_delivered response here', 'missing request there'],
    ],
    [
      'a message that is another on each side',
      (here, there) => {
        here.log('consumer', { requestId: 'x', content: 'one' })
        there.log('provider', { requestId: 'x', content: 'another' })
      },
      ['differs request neither'],
    ],
    [
      'a request that was taken twice',
      (here, there) => {
        here.log('consumer', { requestId: 'x' })
        there.log('provider', { requestId: 'x' })
        there.log('provider', { requestId: 'x' })
      },
      ['repeated request here'],
    ],
  ]
  for (const [name, act, expected] of cases) {
    const { here, there } = pair()
    act(here, there)
    const comparison = await compare(here, there)
    assert.deepEqual(kinds(comparison), expected, name)
    const grave = expected.some((one) => /^(missing|differs|repeated)/.test(one))
    assert.equal(comparison.report.inAgreement, !grave, name)
    // The other way round it is the same, seen from there.
    const mirrored = expected.map((one) => one.replace(/here|there/, (where) => (where === 'here' ? 'there' : 'here')))
    assert.deepEqual(kinds(await compare(there, here)), mirrored.sort(), name)
  }
})

test('clocks that differ: what lies at an edge is compared, and no finding', async () => {
  const { here, there } = pair()
  exchange(here, there, { requestId: 'early', at: FROM - 1 })
  // Logged before the period on one side and in it on the other.
  here.log('consumer', { requestId: 'across', at: FROM - 30_000 })
  there.log('provider', { requestId: 'across', at: FROM + 30_000 })
  // One-sided, in a margin; and beyond it, where nobody looks.
  here.log('consumer', { requestId: 'edge', at: TERMS.to + 1 })
  here.log('consumer', { requestId: 'far', at: TERMS.to + 2 * HOUR })
  const { report, findings } = await compare(here, there)
  assert.deepEqual(findings, [])
  assert.equal(report.agreed, 80 + 2 + 1)
  assert.equal(report.here.messages, 80 + 2 + 1 + 1)
})

test('what was archived and removed, or may lie on another server, is not called missing', async () => {
  const { here, there } = pair()
  here.log('provider', { requestId: 'old', at: FROM + 1 })
  there.heldFrom = FROM + 2
  assert.deepEqual(kinds(await compare(here, there)), ['removed request there'])
  there.heldFrom = 0
  there.servers = [there.server, parseServerId('TEST/GOV/2/three')]
  const elsewhere = await compare(here, there)
  assert.deepEqual(kinds(elsewhere), ['elsewhere request there'])
  assert.deepEqual(elsewhere.report.notCompared, ['TEST/GOV/2/three'])
  assert.equal(elsewhere.report.inAgreement, true)
})

test('a signature that must be there and is not, or is somebody else’s, makes a claim unfounded', async () => {
  const { here, there } = pair()
  there.log('provider', { requestId: 'x' })
  assert.deepEqual(kinds(await compare(here, there, { bend: { unsigned: true } })), ['unfounded request here'])
  for (const [verdict, kind] of [
    [true, 'missing'],
    [false, 'unfounded'],
    [undefined, 'missing'],
  ] as const) {
    const judged = await compare(here, there, { judgeSignature: () => verdict })
    assert.deepEqual(kinds(judged), [`${kind} request here`])
    assert.equal(judged.findings[0]?.there?.signatureValid, verdict)
  }
})

test('who withholds a record is found by what the other side holds of it', async () => {
  const { here, there } = pair()
  const requestId = exchange(here, there)
  const withhold: NonNullable<Bend['withhold']> = (record) => record.requestId === requestId
  assert.deepEqual(kinds(await compare(here, there, { bend: { withhold } })), [
    'missing request there',
    'missing response there',
  ])
})

test('more differences than are looked into are counted', async () => {
  const { here, there } = pair()
  for (let at = 0; at < 12; at += 1) there.log('provider', { requestId: `x${at}` })
  const { report, findings } = await compare(here, there, { mostExchanges: 10 })
  assert.equal(findings.length, 10)
  assert.deepEqual([report.beyond, report.inAgreement], [2, false])
})

test('a value without a leaf is told, and nobody agrees', async () => {
  const { here, there } = pair()
  const { report } = await compare(here, there, { bend: { invented: [Buffer.alloc(32, 9)] } })
  assert.deepEqual([report.there[0]?.unproven, report.inAgreement], [1, false])
  const hidden = await compare(here, there, { bend: { leaves: (all) => all.slice(2) } })
  assert.deepEqual([hidden.report.there[0]?.unproven, hidden.report.inAgreement], [2, false])
})

test('what does not lead to the checkpoint is refused', async () => {
  const { here, there } = pair()
  const bends: readonly (readonly [string, Bend, StatementCode])[] = [
    ['leaves in another order', { leaves: (all) => [...all.slice(1), all[0] as never] }, 'wrong_proof'],
    [
      'a record that is not the one of its leaf',
      {
        leaves: ([first, ...rest]) => [
          { ...first, frame: { ...first?.frame, salt: Buffer.alloc(32) } } as never,
          ...rest,
        ],
      },
      'wrong_proof',
    ],
    [
      'an older checkpoint',
      {
        checkpoint: (signer, tree) =>
          signedBy({ origin: logOrigin(there.server), size: 5, root: tree.root(0, 5) }, signer),
      },
      'wrong_proof',
    ],
    [
      "somebody else's checkpoint",
      { checkpoint: () => signedBy({ origin: 'elsewhere', size: 0, root: leafHash(Buffer.alloc(0)) }, there.signer) },
      'wrong_proof',
    ],
    ['a list that it is not bound to', { head: { list: { count: 80, root: Buffer.alloc(32) } } }, 'wrong_values'],
    ['a list that is longer', { head: { list: { count: 81, root: Buffer.alloc(32) } } }, 'malformed_statement'],
  ]
  for (const [name, bend, code] of bends) await assert.rejects(compare(here, there, { bend }), refused(code), name)
})

test('statements that are not about the same are not compared', async () => {
  const { here, there } = pair()
  const bends: readonly Bend[] = [
    { terms: { ...TERMS, run: 'run-2' } },
    { terms: { ...TERMS, to: TERMS.to + 1 } },
    { terms: { ...TERMS, margin: 0 } },
    { head: { party: here.party } },
  ]
  for (const bend of bends) await assert.rejects(compare(here, there, { bend }), refused('other_run'))
  await assert.rejects(
    compare(here, there, { bend: { head: { party: { ...here.party, memberCode: '3' } } } }),
    refused('malformed_statement'),
  )
  // Values of another run: nothing is equal, and the leaves do not make them.
  await assert.rejects(compare(here, there, { bend: { secret: Buffer.alloc(32, 8) } }), refused('wrong_proof'))
  await assert.rejects(compare(here, there, { most: 79 }), refused('too_many'))
})

test('a record of somebody else, or of another time, is none of the run', async () => {
  const { here, there } = pair()
  const stranger = ours()
  stranger.log('consumer')
  const entry = stranger.entries[0]
  there.entries.push({ ...(entry as never as (typeof there.entries)[number]) })
  await assert.rejects(compare(here, there), refused('wrong_proof'))
})

test('checkpoints are judged by a policy, and a witness of the own member does not count', async () => {
  const { here, there } = pair()
  const own = noteSigner('cosignature', witnessName(parseServerId('TEST/GOV/2/another')))
  const foreign = noteSigner('cosignature', witnessName(parseServerId('TEST/GOV/3/three')))
  const policy = (threshold: number) =>
    quorumPolicy(
      [{ key: here.signer.key }, { key: there.signer.key }],
      [own, foreign].map(({ key }, at) => ({ name: `w${at}`, key })),
      threshold,
    )
  const seenBy = (...witnesses: (typeof own)[]): Bend => ({
    checkpoint: (signer, tree) => {
      const size = there.entries.length
      return signedBy({ origin: logOrigin(there.server), size, root: tree.root(0, size) }, signer, ...witnesses)
    },
  })
  const state = async (bend: Bend, threshold: number) =>
    (await compare(here, there, { bend, policy: policy(threshold) })).report.there[0]?.checkpoint
  assert.equal((await state(seenBy(foreign), 1))?.state, 'witnessed')
  assert.deepEqual(
    (await state(seenBy(foreign), 1))?.witnesses.map(({ name }) => name),
    ['w1'],
  )
  assert.equal((await state(seenBy(own), 1))?.state, 'not witnessed')
  assert.equal((await state(seenBy(), 1))?.state, 'not witnessed')
  assert.equal((await state(seenBy(), 0))?.state, 'signed')
  const forger = noteSigner('note', logOrigin(there.server))
  await assert.rejects(
    compare(here, there, {
      policy: policy(0),
      bend: {
        checkpoint: (_signer, tree: NaiveTree) =>
          signedBy(
            { origin: logOrigin(there.server), size: there.entries.length, root: tree.root(0, there.entries.length) },
            forger,
          ),
      },
    }),
    refused('wrong_proof'),
  )
})
