import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  formatLogProof,
  inclusionProof,
  judgeLogProof,
  type LogProof,
  leafHash,
  MAXIMUM_EXTRA_BYTES,
  MAXIMUM_LOG_PROOF_BYTES,
  parseLogProof,
  parseNote,
  quorumPolicy,
  type TransparencyCode,
  TransparencyError,
} from '#transparency'
import { entryOf, NaiveTree } from './naive.ts'
import { noteSigner, signedBy } from './signers.ts'

const refused = (code: TransparencyCode) => ({ name: TransparencyError.name, code })
const tree = NaiveTree.of(300)
const log = noteSigner('note', 'log.example')
const witnesses = [1, 2, 3].map((n) => noteSigner('cosignature', `w${n}.example`))
const policy = quorumPolicy(
  [{ key: log.key }],
  witnesses.map(({ key }) => ({ name: key.name, key })),
  2,
)
const extra = Buffer.from('salt and record')

async function proofOf(index: number, size: number, cosigners = 2): Promise<LogProof> {
  const checkpoint = { origin: 'log.example', size, root: tree.root(0, size) }
  return {
    index,
    extra,
    proof: await inclusionProof(index, size, tree.reader),
    note: parseNote(signedBy(checkpoint, log, ...witnesses.slice(0, cosigners))),
  }
}

test('a proof is read as it was written, and judged without the log', async () => {
  for (const size of [1, 2, 3, 255, 256, 257, 300])
    for (const index of new Set([0, size >> 1, size - 1])) {
      const made = await proofOf(index, size)
      const bytes = formatLogProof(made)
      const read = parseLogProof(bytes)
      assert.deepEqual(formatLogProof(read), bytes)
      assert.deepEqual([read.index, String(read.extra)], [index, String(extra)])
      const judged = judgeLogProof(read, leafHash(entryOf(index)), policy)
      assert.deepEqual([judged.checkpoint.size, judged.witnessed, judged.cosignatures.length], [size, true, 2])
    }
})

test('not yet witnessed', async () => {
  const leaf = leafHash(entryOf(4))
  for (const cosigners of [0, 1])
    assert.equal(judgeLogProof(await proofOf(4, 9, cosigners), leaf, policy).witnessed, false)
  assert.equal(judgeLogProof(await proofOf(4, 9, 2), leaf, policy, new Set(['w1.example'])).witnessed, false)
  assert.equal(judgeLogProof(await proofOf(4, 9, 3), leaf, policy, new Set(['w1.example'])).witnessed, true)
})

test('a proof with any octet changed is refused, or says the same of the same leaf', async () => {
  const leaf = leafHash(entryOf(4))
  const bytes = formatLogProof({ ...(await proofOf(4, 9)), extra: Buffer.of(1) })
  const unsigned = bytes.indexOf('extra ') + 6
  for (let at = 0; at < bytes.length; at += 1)
    for (const bit of [0, 3, 5]) {
      const other = Buffer.from(bytes)
      other[at] = (other[at] ?? 0) ^ (1 << bit)
      try {
        judgeLogProof(parseLogProof(other), leaf, policy)
        // Only what nobody signs can be changed: the extra data, and the name or the id of a key, which makes it a stranger's.
        const line = other.subarray(0, at).lastIndexOf('— ')
        const inName = line > 0 && at > line && at < line + 4 + 'w1.example '.length + 6
        assert.ok((at >= unsigned && at < unsigned + 4) || inName, `octet ${at}`)
      } catch (error) {
        assert.ok(error instanceof TransparencyError)
      }
    }
})

test('a proof of something else', async () => {
  const made = await proofOf(4, 9)
  const leaf = leafHash(entryOf(4))
  for (const lie of [
    { index: 5 },
    { index: 9 },
    { index: 3 },
    { proof: made.proof.slice(1) },
    { proof: [...made.proof, leaf] },
    { proof: made.proof.toReversed() },
    { note: (await proofOf(4, 10)).note },
  ])
    assert.throws(() => judgeLogProof({ ...made, ...lie }, leaf, policy), refused('invalid_proof'))
  assert.throws(() => judgeLogProof(made, leafHash(entryOf(5)), policy), refused('invalid_proof'))
  assert.throws(() => judgeLogProof(made, leaf.subarray(1), policy), refused('invalid_proof'))
  const stranger = noteSigner('note', 'log.example')
  const forged = parseNote(signedBy({ origin: 'log.example', size: 9, root: tree.root(0, 9) }, stranger))
  assert.throws(() => judgeLogProof({ ...made, note: forged }, leaf, policy), refused('unsigned'))
})

const NOTE = String(signedBy({ origin: 'log.example', size: 1, root: tree.root(0, 1) }, log))
const HASH = Buffer.alloc(32).toString('base64')
const HEADER = 'c2sp.org/tlog-proof@v1\n'

test('what the specification allows', () => {
  const { extra: none, ...bare } = parseLogProof(Buffer.from(`${HEADER}index 0\n\n${NOTE}`))
  assert.equal(none, undefined)
  assert.deepEqual([bare.index, bare.proof.length], [0, 0])
  assert.equal(String(formatLogProof(bare)), `${HEADER}index 0\n\n${NOTE}`)
  assert.equal(parseLogProof(Buffer.from(`${HEADER}index 73894\n${`${HASH}\n`.repeat(63)}\n${NOTE}`)).proof.length, 63)
})

for (const [why, text] of [
  ['nothing', ''],
  ['another header', `c2sp.org/tlog-proof@v2\nindex 0\n\n${NOTE}`],
  ['a space before it', ` ${HEADER}index 0\n\n${NOTE}`],
  ['no index', `${HEADER}\n${NOTE}`],
  ['a hash for the index', `${HEADER}${HASH}\n\n${NOTE}`],
  ['a negative index', `${HEADER}index -5\n\n${NOTE}`],
  ['a zero before the index', `${HEADER}index 05\n\n${NOTE}`],
  ['2^53', `${HEADER}index 9007199254740992\n\n${NOTE}`],
  ['words for the index', `${HEADER}index notanumber\n\n${NOTE}`],
  ['two indexes', `${HEADER}index 0\nindex 0\n\n${NOTE}`],
  ['extra data after the index', `${HEADER}index 0\nextra AA==\n\n${NOTE}`],
  ['extra data twice', `${HEADER}extra AA==\nextra AA==\nindex 0\n\n${NOTE}`],
  ['extra data that is none', `${HEADER}extra !!notbase64!!\nindex 0\n\n${NOTE}`],
  ['extra data that is not canonical', `${HEADER}extra AB==\nindex 0\n\n${NOTE}`],
  ['no extra data', `${HEADER}extra \nindex 0\n\n${NOTE}`],
  ['a hash of 64 octets', `${HEADER}index 0\n${Buffer.alloc(64).toString('base64')}\n\n${NOTE}`],
  ['64 hashes', `${HEADER}index 0\n${`${HASH}\n`.repeat(64)}\n${NOTE}`],
  ['a carriage return', `${HEADER}index 0\r\n\n${NOTE}`],
  ['no checkpoint', `${HEADER}index 0\n\n`],
  ['a checkpoint that nobody signed', `${HEADER}index 0\n\nlog.example\n1\n${HASH}\n`],
] as const)
  test(`${why} is no proof`, () => {
    assert.throws(() => parseLogProof(Buffer.from(text)), TransparencyError)
  })

test('bounds', async () => {
  const made = await proofOf(4, 9)
  const largest = { ...made, extra: Buffer.alloc(MAXIMUM_EXTRA_BYTES, 7) }
  assert.equal(parseLogProof(formatLogProof(largest)).extra?.length, MAXIMUM_EXTRA_BYTES)
  for (const bad of [
    { index: -1 },
    { index: 2 ** 53 },
    { extra: Buffer.alloc(0) },
    { extra: Buffer.alloc(MAXIMUM_EXTRA_BYTES + 1) },
    { proof: [Buffer.alloc(31)] },
    { proof: new Array<Buffer>(64).fill(Buffer.alloc(32)) },
  ])
    assert.throws(() => formatLogProof({ ...made, ...bad }), refused('malformed_proof'))
  assert.throws(() => parseLogProof(Buffer.alloc(MAXIMUM_LOG_PROOF_BYTES + 1, 0x0a)), refused('malformed_proof'))
  const long = `${HEADER}extra ${'A'.repeat(MAXIMUM_LOG_PROOF_BYTES - 1000)}\nindex 0\n\n${NOTE}`
  assert.throws(() => parseLogProof(Buffer.from(long)), refused('malformed_proof'))
})
