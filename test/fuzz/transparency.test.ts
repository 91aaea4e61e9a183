// Notes, checkpoints, proofs, policies, requests, tiles: what is written is read back, what others make of it is read one way or refused.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  buildMap,
  formatAddCheckpoint,
  formatAddEntriesHead,
  formatCheckpoint,
  formatEntryBundle,
  formatEntryPackage,
  formatLogProof,
  formatMapProof,
  formatMirrorInfo,
  formatNote,
  formatPolicy,
  formatSignatureLines,
  formatSignSubtree,
  formatSize,
  formatVerifierKey,
  inclusionProof,
  judgeLogProof,
  leafHash,
  noteVerifier,
  openNote,
  packageRanges,
  parseAddCheckpoint,
  parseCheckpoint,
  parseEntryBundle,
  parseLogProof,
  parseMapProof,
  parseMirrorInfo,
  parseNote,
  parsePolicy,
  parseSignatureLines,
  parseSignSubtree,
  parseSize,
  parseTilePath,
  parseVerifierKey,
  proveKey,
  quorumPolicy,
  readAddEntries,
  subtreeProof,
  TransparencyError,
  tilePath,
  verifyMapProof,
} from '#transparency'
import { entryOf, NaiveTree } from '../unit/transparency/naive.ts'
import { noteSigner, signedBy } from '../unit/transparency/signers.ts'
import { bears, bearsAsync, property } from './campaign.ts'
import { byLine, chunked, cuts, mutated, shuffled } from './mutate.ts'

const tree = NaiveTree.of(300)
const log = noteSigner('note', 'log.example')
const witness = noteSigner('cosignature', 'w.example/õ')
const modern = noteSigner('subtree', 'm.example')
const head = { origin: 'log.example', size: 300, root: tree.root(0, 300) }
const [plain, cosigned] = [signedBy(head, log), signedBy(head, log, witness, modern)]
const note = parseNote(cosigned)
const proof = await inclusionProof(7, 300, tree.reader)
const range = { start: 8, end: 13 }
const hash = Buffer.alloc(32, 3).toString('base64')

const TOKENS = [
  ...[
    '\n',
    '\n\n',
    ' ',
    '\t',
    '\r\n',
    '\u0000',
    '— ',
    '-',
    '+',
    '=',
    '==',
    '0',
    '00',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '٣',
    '\u00a0',
    '\u2028',
  ],
  ...[
    '9007199254740991',
    '9007199254740992',
    '18446744073709551615',
    'old 0',
    'old 300',
    'index 7',
    'extra AA==',
    'subtree 0 300',
  ],
  ...[
    'log.example',
    'none',
    'any',
    'all',
    'group g ',
    'quorum ',
    '# ',
    hash,
    `${hash}\n`,
    'AAAA',
    'tile/',
    'x001/',
    '.p/',
    'entries',
  ],
]
/** Octets changed, and whole lines dropped, doubled, exchanged. */
const changed = (seeds: readonly Uint8Array[]) =>
  fc.oneof(
    mutated(seeds, TOKENS),
    shuffled(
      seeds.map((seed) => Buffer.from(seed).toString()),
      byLine,
      TOKENS,
    ).map((text) => Buffer.from(text)),
  )

/** A format of which one value has one text: what is read and written again is the same octets. */
function canonical<T>(
  name: string,
  seeds: readonly Uint8Array[],
  parse: (bytes: Buffer) => T,
  format: (value: T) => Uint8Array | string,
  inputs = changed(seeds),
): void {
  for (const seed of seeds) assert.deepEqual(Buffer.from(format(parse(Buffer.from(seed)))), Buffer.from(seed), name)
  property(`${name} of strangers`, { short: 400, long: 60_000 }, inputs, (bytes) => {
    const read = bears(() => parse(bytes), TransparencyError)
    if (read !== undefined) assert.deepEqual(Buffer.from(format(read.value)), bytes)
    return read !== undefined
  })
}

/** The same for what is text already, whoever decoded it. */
function canonicalText<T>(
  name: string,
  seeds: readonly string[],
  parse: (text: string) => T,
  format: (value: T) => string,
): void {
  const octets = seeds.map((seed) => Buffer.from(seed))
  const text = changed(octets).map((bytes) => Buffer.from(bytes.toString()))
  canonical(name, octets, (bytes) => parse(bytes.toString()), format, text)
}

canonical('notes', [plain, cosigned], parseNote, formatNote)
canonical(
  'log proofs',
  [
    formatLogProof({ index: 7, extra: Buffer.from('extra'), proof, note }),
    formatLogProof({ index: 0, proof: [], note: parseNote(plain) }),
  ],
  parseLogProof,
  formatLogProof,
)
canonical(
  'requests for a cosignature',
  [
    formatAddCheckpoint({ oldSize: 200, proof, note }),
    formatAddCheckpoint({ oldSize: 0, proof: [], note: parseNote(plain) }),
  ],
  parseAddCheckpoint,
  formatAddCheckpoint,
)
canonical(
  'requests for a part of a tree',
  [formatSignSubtree({ range, hash: tree.root(8, 13), proof: await subtreeProof(range, 300, tree.reader), note })],
  parseSignSubtree,
  formatSignSubtree,
)
canonical(
  'sizes',
  ['0\n', '300\n', '9007199254740991\n'].map((text) => Buffer.from(text)),
  parseSize,
  formatSize,
)
canonical(
  "a mirror's answers",
  ['0\n0\n\n', '300\n256\ndGlja2V0\n'].map((text) => Buffer.from(text)),
  parseMirrorInfo,
  formatMirrorInfo,
)
canonical(
  'bundles of entries',
  [formatEntryBundle([Buffer.of(1), Buffer.alloc(0), Buffer.alloc(300, 2)])],
  (bytes) => parseEntryBundle(bytes, 3),
  formatEntryBundle,
)

canonicalText('signature lines', [formatSignatureLines(note.signatures)], parseSignatureLines, formatSignatureLines)
canonicalText('checkpoints', [note.text, `${note.text}one\n— two\n`], parseCheckpoint, formatCheckpoint)
canonicalText(
  'verifier keys',
  [log, witness, modern].map(({ key }) => formatVerifierKey(key)),
  parseVerifierKey,
  formatVerifierKey,
)
canonicalText(
  'paths of tiles',
  ['tile/0/000', 'tile/5/x001/234.p/17', 'tile/entries/x001/x002/003'],
  parseTilePath,
  tilePath,
)

const policy = quorumPolicy(
  [{ key: log.key, url: 'https://log.example' }],
  [witness, modern].map(({ key }) => ({ name: key.name, key })),
  2,
)
property('policies of strangers', { short: 300, long: 40_000 }, changed([formatPolicy(policy)]), (bytes) => {
  const read = bears(() => parsePolicy(bytes), TransparencyError)
  // White space and comments have no meaning; what has one is written and read again.
  if (read !== undefined) assert.deepEqual(parsePolicy(formatPolicy(read.value)), read.value)
  return read !== undefined
})

property(
  'names and texts: what a note says is read back',
  300,
  fc.tuple(
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ unit: 'grapheme' }),
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    fc.nat(0xffffffff),
  ),
  ([text, name, signature, id]) => {
    const made = { text: `${text}\n`, signatures: [{ name, id, signature }] }
    const bytes = bears(() => formatNote(made), TransparencyError)
    if (bytes === undefined) return false
    const read = parseNote(bytes.value)
    // A text that ends in empty lines keeps them; nothing of it becomes a signature.
    assert.deepEqual(
      {
        text: read.text,
        signatures: read.signatures.map((line) => ({ ...line, signature: Uint8Array.from(line.signature) })),
      },
      made,
    )
    return true
  },
)

const verifiers = [log, witness, modern].map(({ key }) => noteVerifier(key))
property(
  'no change of a note changes what its signers said',
  { short: 300, long: 20_000 },
  changed([cosigned]),
  (bytes) => {
    const opened = bears(() => {
      const read = parseNote(bytes)
      return { text: read.text, names: openNote(read, verifiers).map(({ name }) => name) }
    }, TransparencyError)
    if (opened === undefined) return false
    const { text, names } = opened.value
    // ML-DSA-44 signs three lines and not what follows them; whoever signs by Ed25519 signs all.
    if (names.some((name) => name !== 'm.example')) assert.equal(text, note.text)
    assert.deepEqual({ ...parseCheckpoint(text), extensions: [] }, parseCheckpoint(note.text))
    return true
  },
)

property(
  'no change of a proof proves another leaf',
  { short: 200, long: 10_000 },
  fc.tuple(changed([formatLogProof({ index: 7, proof, note })]), fc.constantFrom(7, 6, 8, 299)),
  ([bytes, at]) => {
    const judged = bears(() => judgeLogProof(parseLogProof(bytes), leafHash(entryOf(at)), policy), TransparencyError)
    if (judged === undefined) return false
    assert.equal(at, 7)
    assert.deepEqual(judged.value.checkpoint.root, head.root)
    return true
  },
)

const upload = { start: 40, end: 300 }
const packages = await Promise.all(
  [...packageRanges(upload)].map(async ({ entries, subtree }) =>
    formatEntryPackage(
      Array.from({ length: entries.end - entries.start }, (_, at) => entryOf(entries.start + at)),
      await subtreeProof(subtree, upload.end, tree.reader),
    ),
  ),
)
const uploaded = Buffer.concat([
  formatAddEntriesHead({ origin: 'log.example', range: upload, ticket: Buffer.of(1, 2) }),
  ...packages,
])
/** What is read of it, or the refusal. */
async function readUpload(source: AsyncIterable<Uint8Array>): Promise<readonly Buffer[] | undefined> {
  const read = await bearsAsync(async () => {
    const { head, packages } = await readAddEntries(source)
    const parts = [formatAddEntriesHead(head)]
    for await (const { leaves, proof } of packages) parts.push(formatEntryPackage(leaves, proof))
    return parts
  }, TransparencyError)
  return read?.value
}
property(
  'uploads of strangers: pieces change nothing',
  { short: 150, long: 10_000 },
  fc.tuple(mutated([uploaded]), cuts),
  async ([bytes, sizes]) => {
    const whole = await readUpload(chunked(bytes, [bytes.length || 1]))
    assert.deepEqual(await readUpload(chunked(bytes, sizes)), whole)
    if (whole !== undefined) assert.ok(bytes.subarray(0, Buffer.concat(whole).length).equals(Buffer.concat(whole)))
    return whole !== undefined
  },
)

const keys = Array.from({ length: 9 }, (_, at) => Buffer.alloc(32, 10 * at + 10))
const records: Buffer[] = []
const map = await buildMap(
  keys.map((key, at) => ({ key, value: Buffer.of(at) })),
  (_level, bytes) => void records.push(Buffer.from(bytes)),
)
const stored = Buffer.concat(records)
const readMap = (_level: number, first: number, count: number) => stored.subarray(first * 64, (first + count) * 64)
const mapProofs = await Promise.all(
  [keys[3] ?? Buffer.of(), Buffer.alloc(32, 5), Buffer.alloc(32, 45), Buffer.alloc(32, 99)].map(async (key) => ({
    key,
    bytes: formatMapProof(await proveKey(key, 9, readMap)),
  })),
)
canonical(
  'proofs of maps',
  mapProofs.map(({ bytes }) => bytes),
  parseMapProof,
  formatMapProof,
)
property(
  'no change of a proof makes a map say otherwise',
  { short: 300, long: 20_000 },
  fc.tuple(mutated(mapProofs.map(({ bytes }) => bytes)), fc.nat(3), fc.constantFrom(null, Buffer.of(3), Buffer.of(4))),
  ([bytes, at, value]) => {
    const { key } = mapProofs[at] as (typeof mapProofs)[number]
    const read = bears(() => parseMapProof(bytes), TransparencyError)
    if (read === undefined || !verifyMapProof({ root: map.root, key, value, proof: read.value })) return false
    assert.deepEqual(value, at === 0 ? Buffer.of(3) : null)
    assert.equal(read.value.count, 9)
    return true
  },
)
