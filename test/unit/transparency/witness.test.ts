import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Checkpoint,
  consistencyProof,
  EMPTY_ROOT,
  formatAddCheckpoint,
  formatSignSubtree,
  formatSize,
  judgeAddCheckpoint,
  MAXIMUM_REQUEST_BYTES,
  noteVerifier,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  parseSignSubtree,
  parseSize,
  parseVerifierKey,
  subtreeProof,
  type TransparencyCode,
  TransparencyError,
  type WitnessedLog,
} from '#transparency'
import { NaiveTree } from './naive.ts'
import { noteSigner, signedBy } from './signers.ts'

const refused = (code: TransparencyCode) => ({ name: TransparencyError.name, code })

// A conversation with a log of key ffdc2d4d… that another witness is tested with: what it answers to these requests in this order.
const ORIGIN = 'sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562'
const KEY = Buffer.from('01ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f', 'hex').toString('base64')
const LOG_KEY = `${ORIGIN}+5202289b+${KEY}`
const HEADS = {
  1: 'KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=',
  3: 'RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0= UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=',
  5: 'QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY= UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=',
} as const

function published(old: number, proof: readonly string[], size: 1 | 3 | 5): string {
  const [root, signature] = HEADS[size].split(' ')
  return [`old ${old}`, ...proof, '', ORIGIN, `${size}`, root, '', `— ${ORIGIN} ${signature}`, ''].join('\n')
}

test('a conversation that another witness is tested with', () => {
  const log: { -readonly [K in keyof WitnessedLog]: WitnessedLog[K] } = {
    verifiers: [noteVerifier(parseVerifierKey(LOG_KEY))],
  }
  const find = (origin: string) => (origin === ORIGIN ? log : undefined)
  const leaf = (octet: number) => Buffer.concat([Buffer.of(0x2a, octet), Buffer.alloc(30)]).toString('base64')
  const to3 = [leaf(1), leaf(2)]
  const to5 = [leaf(2), leaf(3), 'wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=', leaf(4)]
  for (const [body, expected] of [
    [published(0, [], 1), 200],
    [published(1, to3, 3).replace('x6go=', 'x6gx='), 'malformed_note'],
    [published(1, to3, 3).replace('UgIom2Vb', 'UgIom2Vc'), 'bad_signature'],
    [published(1, to3, 3).replaceAll('9e562', '9e563'), 'unknown_log'],
    [published(1, [], 3), 'invalid_proof'],
    [published(1, [leaf(1), leaf(2).replace('AAA=', 'ABA=')], 3), 'invalid_proof'],
    [published(1, to3, 3), 200],
    [published(1, [leaf(1), '+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=', leaf(4)], 5), 3],
    [published(3, to5, 5), 200],
    [published(0, [], 5), 5],
  ] as const) {
    if (expected === 'malformed_note') {
      assert.throws(() => parseAddCheckpoint(Buffer.from(body)), refused(expected))
      continue
    }
    const request = parseAddCheckpoint(Buffer.from(body))
    assert.equal(String(formatAddCheckpoint(request)), body)
    const verdict = judgeAddCheckpoint(request, find)
    if (verdict.status === 200) log.latest = verdict.checkpoint
    assert.equal(verdict.status === 200 ? 200 : verdict.status === 409 ? verdict.size : verdict.reason, expected)
  }
})

const tree = NaiveTree.of(40)
const log = noteSigner('note', 'log.example')
const head = (size: number): Checkpoint => ({ origin: 'log.example', size, root: tree.root(0, size) })
const request = (checkpoint: Checkpoint, oldSize: number, proof: readonly Uint8Array[], signer = log) => ({
  oldSize,
  proof,
  note: parseNote(signedBy(checkpoint, signer)),
})
const at = (size: number): WitnessedLog => ({ verifiers: [noteVerifier(log.key)], latest: head(size) })

test('every step of a log is cosigned, and nothing else', async () => {
  for (let old = 0; old <= 40; old += 3)
    for (let size = old; size <= 40; size += 1) {
      const proof = await consistencyProof(old, size, tree.reader)
      const good = request(head(size), old, proof)
      const verdict = judgeAddCheckpoint(good, () => at(old))
      assert.equal(verdict.status, 200)
      if (verdict.status === 200) {
        assert.deepEqual(verdict.checkpoint, { ...head(size), extensions: [] })
        assert.equal(verdict.text, good.note.text)
        assert.deepEqual(verdict.signatures, good.note.signatures)
      }
      if (old === 0) assert.equal(judgeAddCheckpoint(good, () => ({ verifiers: at(0).verifiers })).status, 200)
      const longer = { ...good, proof: [...proof, EMPTY_ROOT] }
      assert.deepEqual(
        judgeAddCheckpoint(longer, () => at(old)),
        { status: 422, reason: 'invalid_proof' },
      )
      for (const held of [old + 1, old + 7])
        assert.deepEqual(
          judgeAddCheckpoint(good, () => ({ ...at(old), latest: { ...head(0), size: held } })),
          {
            status: 409,
            reason: 'other_size',
            size: held,
          },
        )
    }
})

test('what is wrong, by the status of the protocol', async () => {
  const proof = await consistencyProof(5, 9, tree.reader)
  const good = request(head(9), 5, proof)
  const stranger = noteSigner('note', 'log.example')
  const forged = request(head(9), 5, proof)
  const spoiled = { ...forged, note: { ...forged.note, text: `${forged.note.text}more\n` } }
  const judge = (made: typeof good, known: WitnessedLog | undefined = at(5)) => judgeAddCheckpoint(made, () => known)
  const verdict = (made: typeof good, known?: WitnessedLog) => {
    const { status, ...rest } = judge(made, known)
    return [status, 'reason' in rest ? rest.reason : undefined]
  }
  assert.deepEqual(
    judgeAddCheckpoint(good, () => undefined),
    { status: 404, reason: 'unknown_log' },
  )
  assert.deepEqual(verdict(request(head(9), 5, proof, stranger)), [403, 'unsigned'])
  assert.deepEqual(verdict(spoiled), [403, 'bad_signature'])
  assert.deepEqual(verdict({ ...good, note: { ...good.note, text: 'log.example\n9\n' } }), [400, 'malformed'])
  assert.deepEqual(verdict({ ...good, oldSize: 10 }), [400, 'old_size_above'])
  assert.deepEqual(verdict(request(head(4), 5, [])), [400, 'old_size_above'])
  assert.deepEqual(verdict({ ...good, oldSize: 4 }), [409, 'other_size'])
  assert.deepEqual(verdict({ ...good, proof: proof.slice(1) }), [422, 'invalid_proof'])
  assert.deepEqual(verdict({ ...good, proof: [] }), [422, 'invalid_proof'])
  const lie = { ...head(9), root: tree.root(0, 8) }
  assert.deepEqual(verdict(request(lie, 5, proof)), [422, 'invalid_proof'])
  // The log signed two trees of nine leaves: this request is the evidence of it.
  assert.deepEqual(verdict(request(lie, 9, []), at(9)), [422, 'fork'])
  const none = { ...head(0), root: tree.root(0, 1) }
  assert.deepEqual(verdict(request(none, 0, []), { verifiers: at(0).verifiers }), [422, 'empty_root'])
  assert.deepEqual(verdict(request(head(0), 0, []), { verifiers: at(0).verifiers }), [200, undefined])
})

const NOTE = String(signedBy(head(3), log))
for (const [why, body] of [
  ['nothing', ''],
  ['no old size', `\n${NOTE}`],
  ['no empty line', `old 0\n${NOTE}`.replace('\n\n', '\n')],
  ['no size', `old \n\n${NOTE}`],
  ['a zero before it', `old 01\n\n${NOTE}`],
  ['two spaces', `old  1\n\n${NOTE}`],
  ['upper case', `OLD 1\n\n${NOTE}`],
  ['2^53', `old 9007199254740992\n\n${NOTE}`],
  ['a carriage return', `old 1\r\n\r\n${NOTE}`],
  ['a line that is no hash', `old 1\nAAAA\n\n${NOTE}`],
  ['64 hashes', `old 1\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}\n${NOTE}`],
  ['more hashes than are read', `old 1\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(90)}\n${NOTE}`],
] as const)
  test(`add-checkpoint: ${why}`, () => {
    assert.throws(() => parseAddCheckpoint(Buffer.from(body)), TransparencyError)
  })

test('bounds of a request', () => {
  const hashes = `${Buffer.alloc(32).toString('base64')}\n`.repeat(63)
  assert.equal(parseAddCheckpoint(Buffer.from(`old 7\n${hashes}\n${NOTE}`)).proof.length, 63)
  const long = Buffer.alloc(MAXIMUM_REQUEST_BYTES + 1, 0x0a)
  assert.throws(() => parseAddCheckpoint(long), refused('malformed_request'))
  assert.throws(() => parseAddCheckpoint(Buffer.from([0xff, 0x0a, 0x0a])), refused('malformed_request'))
  const note = parseNote(Buffer.from(NOTE))
  for (const bad of [
    { oldSize: -1 },
    { oldSize: 0.5 },
    { proof: [Buffer.alloc(31)] },
    { proof: new Array(64).fill(EMPTY_ROOT) },
  ])
    assert.throws(() => formatAddCheckpoint({ oldSize: 1, proof: [], note, ...bad }), refused('malformed_request'))
})

// Its hashes do not lead to its root (the proofs are held to the draft's vectors in merkle.test.ts); its form is what counts here.
test("the specification's request for a part of a tree", () => {
  const body = `subtree 8 13
mbsQCg+dEIMGlpqeGgk94JutQwKKS2Lo5IuDhKmDjiU=
CD82D2LDm0phY0+xKbHyZfq3Hw21lVkuV7Zis5EFg0k=
h/ghL5nyaXTIBAklqDnisM+SFdbA3izoGZ5oRYMZzc0=
8qtnAAU9sTKQx/zt3E4v8Jt2a9IMQUf0QUawvePF9y0=
KuO5BNOmginG34Lm5G3e2GuiWliGo3K0ebzGpvI0fEg=

example.com/behind-the-sofa
14
/CcKVZM9n65aH7jLaIZuUB4/MSlEFQ4+ldwUC21rDHM=

— witness.example/w1 LijDAFSpKvDUj+ZtaJ4lUVcnvnooXQ==
`
  const { range, proof, note } = parseSignSubtree(Buffer.from(body))
  assert.deepEqual(range, { start: 8, end: 13 })
  assert.equal(proof.length, 4)
  assert.equal(parseCheckpoint(note.text).size, 14)
  assert.equal(String(formatSignSubtree(parseSignSubtree(Buffer.from(body)))), body)
})

test('a request for a part of a tree is read as it was written', async () => {
  const witness = noteSigner('subtree', 'witness.example')
  const note = parseNote(signedBy(head(14), log, witness))
  for (const range of [
    { start: 8, end: 13 },
    { start: 0, end: 14 },
    { start: 4, end: 8 },
  ]) {
    const made = {
      range,
      hash: tree.root(range.start, range.end),
      proof: await subtreeProof(range, 14, tree.reader),
      note,
    }
    const bytes = formatSignSubtree(made)
    assert.deepEqual(formatSignSubtree(parseSignSubtree(bytes)), bytes)
    assert.deepEqual(parseSignSubtree(bytes).range, range)
  }
  const hash = Buffer.alloc(32).toString('base64')
  for (const body of [
    `subtree 8\n${hash}\n\n`,
    `subtree 08 9\n${hash}\n\n`,
    'subtree 8 9\n\n',
    `subtree 8 9 \n${hash}\n\n`,
    `old 8\n${hash}\n\n`,
  ])
    assert.throws(() => parseSignSubtree(Buffer.from(`${body}${NOTE}`)), refused('malformed_request'))
  for (const bad of [{ range: { start: -1, end: 2 } }, { range: { start: 0, end: 0.5 } }, { hash: Buffer.alloc(31) }])
    assert.throws(
      () => formatSignSubtree({ range: { start: 0, end: 1 }, hash: EMPTY_ROOT, proof: [], note, ...bad }),
      refused('malformed_request'),
    )
})

test('the size that a witness has', () => {
  for (const size of [0, 1, 20_852_014, Number.MAX_SAFE_INTEGER])
    assert.equal(parseSize(Buffer.from(formatSize(size))), size)
  for (const text of ['', '1', '01\n', '-1\n', '1\n\n', '1 \n', '9007199254740992\n', '1'.repeat(99)])
    assert.throws(() => parseSize(Buffer.from(text)), refused('malformed_request'))
})
