import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatPolicy,
  formatVerifierKey,
  judgeCheckpoint,
  type Note,
  type Policy,
  parseNote,
  parsePolicy,
  quorumPolicy,
  quorumReached,
  type TransparencyCode,
  TransparencyError,
  verifierKey,
} from '#transparency'
import { type NoteSigner, noteSigner, signedBy } from './signers.ts'

const refused = (code: TransparencyCode) => ({ name: TransparencyError.name, code })
const malformed = refused('malformed_policy')

const log = noteSigner('note', 'log.example')
const X = [1, 2, 3].map((n) => noteSigner(n === 2 ? 'subtree' : 'cosignature', `x.example/${n}`))
const Y = [1, 2, 3].map((n) => noteSigner('cosignature', `y.example/${n}`))
const vkey = ({ key }: NoteSigner) => formatVerifierKey(key)
const witnesses = [
  ...X.map((each, index) => `witness X${index + 1} ${vkey(each)}`),
  ...Y.map((each, index) => `witness Y${index + 1} ${vkey(each)}`),
]
// The example of the specification.
const EXAMPLE = [
  `log ${vkey(log)}`,
  '',
  ...witnesses.slice(0, 3),
  'group X-witnesses 2 X1 X2 X3',
  '',
  ...witnesses.slice(3),
  'group Y-witnesses any Y1 Y2 Y3',
  '',
  'group X-and-Y all X-witnesses Y-witnesses',
  'quorum X-and-Y',
  '',
].join('\n')
const policy = parsePolicy(Buffer.from(EXAMPLE))
const parse = (...lines: readonly string[]) => parsePolicy(Buffer.from(lines.map((line) => `${line}\n`).join('')))

test("the specification's example", () => {
  assert.deepEqual(
    policy.logs.map(({ key }) => key.name),
    ['log.example'],
  )
  assert.deepEqual(
    policy.witnesses.map(({ name }) => name),
    ['X1', 'X2', 'X3', 'Y1', 'Y2', 'Y3'],
  )
  assert.deepEqual(policy.groups, [
    { name: 'X-witnesses', threshold: 2, members: ['X1', 'X2', 'X3'] },
    { name: 'Y-witnesses', threshold: 1, members: ['Y1', 'Y2', 'Y3'] },
    { name: 'X-and-Y', threshold: 2, members: ['X-witnesses', 'Y-witnesses'] },
  ])
  assert.equal(policy.quorum, 'X-and-Y')
  assert.deepEqual(parsePolicy(formatPolicy(policy)), policy)
})

test('every set of witnesses, by the rule as it is meant', () => {
  const names = policy.witnesses.map(({ name }) => name)
  for (let set = 0; set < 2 ** names.length; set += 1) {
    const cosigned = new Set(names.filter((_, index) => (set >> index) & 1))
    const count = (letter: string) => [...cosigned].filter((name) => name.startsWith(letter)).length
    assert.equal(quorumReached(policy, cosigned), count('X') >= 2 && count('Y') >= 1)
  }
})

test('white space, comments, URLs, names of any script', () => {
  const read = parse(
    '  # a comment',
    '\t',
    ` log\t${vkey(log)}   https://log.example/ `,
    `witness õ ${vkey(X[0] as NoteSigner)} https://x.example/w`,
    'quorum õ',
  )
  assert.deepEqual(
    read.logs.map(({ url }) => url),
    ['https://log.example/'],
  )
  assert.deepEqual(
    read.witnesses.map(({ name, url }) => [name, url]),
    [['õ', 'https://x.example/w']],
  )
  // A comment may be in any character set, a name not.
  const latin = Buffer.from('# \xf5\nquorum none\n', 'latin1')
  assert.equal(parsePolicy(latin).quorum, 'none')
  assert.throws(() => parsePolicy(Buffer.from(`witness \xf5 ${vkey(log)}\nquorum none\n`, 'latin1')), malformed)
  assert.deepEqual(parse('quorum none'), { logs: [], witnesses: [], groups: [], quorum: 'none' })
})

const w1 = witnesses[0] as string
const w2 = witnesses[1] as string
for (const [why, ...lines] of [
  ['no quorum', w1],
  ['two quorums', 'quorum none', 'quorum none'],
  ['a quorum of nobody', 'quorum'],
  ['a quorum that is not defined', w1, 'quorum X2'],
  ['a quorum defined after it', 'quorum X1', w1],
  ['a quorum of two', w1, w2, 'quorum X1 X2'],
  ['a name twice', w1, w2.replace('X2', 'X1'), 'quorum X1'],
  ['a group with the name of a witness', w1, 'group X1 any X1', 'quorum X1'],
  ['a group of itself', 'group g any g', 'quorum g'],
  ['a group of what comes after', 'group g any X1', w1, 'quorum g'],
  ['a group of nobody', 'group g any', 'quorum none'],
  ['a threshold of none', w1, 'group g 0 X1', 'quorum g'],
  ['a threshold above', w1, 'group g 2 X1', 'quorum g'],
  ['a threshold with a zero', w1, w2, 'group g 02 X1 X2', 'quorum g'],
  ['a negative threshold', w1, 'group g -1 X1', 'quorum g'],
  ['a member twice', w1, 'group g 2 X1 X1', 'quorum g'],
  ['a member of two groups', w1, w2, 'group g any X1', 'group h all X1 X2', 'quorum h'],
  ['none as a member', w1, 'group g any X1 none', 'quorum g'],
  ['a witness called none', w1.replace('X1', 'none'), 'quorum none'],
  ['a group called none', w1, 'group none any X1', 'quorum none'],
  ['a key twice', w1, w1.replace('X1', 'X2'), 'quorum X1'],
  [
    'a key twice under other names',
    w1,
    `witness X2 ${formatVerifierKey(verifierKey('cosignature', 'other', X[0]?.key.publicKey ?? Buffer.of()))}`,
    'quorum X1',
  ],
  [
    'a log that is its own witness',
    `log ${vkey(log)}`,
    `witness W ${formatVerifierKey(verifierKey('cosignature', 'w', log.key.publicKey))}`,
    'quorum W',
  ],
  ['a log twice', `log ${vkey(log)}`, `log ${vkey(log)}`, 'quorum none'],
  ['a key of a log as a witness', `witness W ${vkey(noteSigner('note', 'w'))}`, 'quorum W'],
  ['a key that is none', 'log log.example+00000000+AAAA', 'quorum none'],
  ['a comment behind a line', `${w1} https://x.example # comment`, 'quorum X1'],
  ['a word that is unknown', 'logs none', 'quorum none'],
  ['a control character', '# \u0000', 'quorum none'],
  ['a carriage return', 'quorum none\r'],
  [
    'too many witnesses',
    ...Array.from({ length: 257 }, (_, n) => `witness w${n} ${vkey(noteSigner('cosignature', 'w'))}`),
    'quorum none',
  ],
] as const)
  test(`${why} is no policy`, () => {
    assert.throws(() => parse(...lines), malformed)
  })

test('a policy that was cut off', () => {
  assert.throws(() => parsePolicy(Buffer.from(EXAMPLE.trimEnd())), malformed)
  assert.throws(() => parsePolicy(Buffer.alloc(1024 * 1024 + 1, 0x0a)), malformed)
  assert.throws(() => parsePolicy(Buffer.of()), malformed)
})

test('so many of these witnesses', () => {
  const logs = policy.logs
  for (let threshold = 0; threshold <= 6; threshold += 1) {
    const made = quorumPolicy(logs, policy.witnesses, threshold)
    const names = made.witnesses.map(({ name }) => name)
    assert.equal(quorumReached(made, new Set(names.slice(0, threshold))), true)
    assert.equal(threshold > 0 && quorumReached(made, new Set(names.slice(0, threshold - 1))), false)
  }
  assert.throws(() => quorumPolicy(logs, policy.witnesses, 7), malformed)
  assert.throws(() => quorumPolicy(logs, policy.witnesses, -1), malformed)
  const renamed = policy.witnesses.map((witness, n) => ({ ...witness, name: `quorum${'_'.repeat(n)}` }))
  assert.equal(quorumPolicy(logs, renamed, 6).quorum, 'quorum______')
  for (const name of ['a b', '', '#', 'none'])
    assert.throws(
      () =>
        quorumPolicy(
          logs,
          policy.witnesses.map((witness) => ({ ...witness, name })),
          1,
        ),
      malformed,
    )
})

const checkpoint = { origin: 'log.example', size: 5, root: Buffer.alloc(32, 5) }
const noted = (...signers: readonly NoteSigner[]): Note => parseNote(signedBy(checkpoint, ...signers))

test('a checkpoint and its witnesses', () => {
  const [x1, x2, x3] = X as [NoteSigner, NoteSigner, NoteSigner]
  const [y1] = Y as [NoteSigner]
  const names = ({ cosignatures }: { cosignatures: readonly { witness: { name: string } }[] }) =>
    cosignatures.map(({ witness }) => witness.name)
  const alone = judgeCheckpoint(noted(log), policy)
  assert.deepEqual([alone.checkpoint.size, alone.witnessed, names(alone)], [5, false, []])
  const some = judgeCheckpoint(noted(x3, log, x2), policy)
  assert.deepEqual([some.witnessed, names(some)], [false, ['X2', 'X3']])
  const enough = judgeCheckpoint(noted(log, x1, x2, y1), policy)
  assert.deepEqual([enough.witnessed, names(enough)], [true, ['X1', 'X2', 'Y1']])
  assert.deepEqual(
    enough.cosignatures.map(({ time }) => time),
    [1_764_000_000, 1_764_000_000, 1_764_000_000],
  )
  // One witness that signs twice is one witness.
  const twice = judgeCheckpoint(noted(log, x1, x1, y1), policy)
  assert.deepEqual([twice.witnessed, names(twice)], [false, ['X1', 'Y1']])
  // The operator's own never counts, and is still shown.
  const own = judgeCheckpoint(noted(log, x1, x2, y1), policy, new Set(['x.example/1']))
  assert.equal(own.witnessed, false)
  assert.deepEqual(
    own.cosignatures.map(({ counts }) => counts),
    [false, true, true],
  )
  assert.ok(judgeCheckpoint(noted(log, ...X, y1), policy, new Set(['x.example/1'])).witnessed)
})

test('who signed twice is believed for the earlier time', () => {
  const witness = X[0] as NoteSigner
  const note = noted(log)
  const signatures = [...note.signatures, witness.sign(checkpoint, 30), witness.sign(checkpoint, 20)]
  assert.deepEqual(
    judgeCheckpoint({ ...note, signatures }, policy).cosignatures.map(({ time }) => time),
    [20],
  )
})

test('a checkpoint that is not to be believed', () => {
  const y1 = Y[0] as NoteSigner
  assert.throws(() => judgeCheckpoint(noted(y1), policy), refused('unsigned'))
  assert.throws(() => judgeCheckpoint(noted(noteSigner('note', 'log.example')), policy), refused('unsigned'))
  // Another log of the policy signed: it does not speak for this origin.
  const second = noteSigner('note', 'second.example')
  const both: Policy = { ...policy, logs: [...policy.logs, { key: second.key }] }
  assert.throws(() => judgeCheckpoint(noted(second), both), refused('unsigned'))
  assert.equal(judgeCheckpoint(noted(second, log), both).checkpoint.origin, 'log.example')
  // A forged cosignature spoils the note, though the log's is good.
  const note = noted(log, y1)
  const forged = note.signatures.map((line) => ({
    ...line,
    signature: line.signature.with(-1, 0).with(-2, 0).with(-3, 0),
  }))
  assert.throws(
    () =>
      judgeCheckpoint(
        { ...note, signatures: [note.signatures[0], forged[1]].filter((line) => line !== undefined) },
        policy,
      ),
    refused('bad_signature'),
  )
  assert.throws(() => judgeCheckpoint({ ...note, text: 'no\n' }, policy), refused('malformed_checkpoint'))
})

test('extension lines that only ML-DSA-44 signed are not believed', () => {
  const modern = noteSigner('subtree', 'log.example')
  const extended = { ...checkpoint, extensions: ['more'] }
  const both: Policy = { ...quorumPolicy([{ key: modern.key }, { key: log.key }], [], 0) }
  assert.throws(() => judgeCheckpoint(parseNote(signedBy(extended, modern)), both), refused('unsigned'))
  assert.deepEqual(judgeCheckpoint(parseNote(signedBy(extended, modern, log)), both).checkpoint.extensions, ['more'])
  assert.ok(judgeCheckpoint(parseNote(signedBy(checkpoint, modern)), both).witnessed)
})
