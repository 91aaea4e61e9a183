// Hash chains: the known answers of wire-message §5.2, the shape of §5.3, the schema, and what a forger may try.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  buildHashChains,
  type ChainData,
  type ChainInput,
  type EvidenceCode,
  EvidenceError,
  type HashChainInput,
  nodeHash,
  verifyHashChain,
} from '#evidence'
import { type DigestName, digest } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vectorPath } from '../../vectors.ts'

const FILE = '/sig-hashchain.xml'

function of(text: string, name: DigestName = 'SHA-512'): Uint8Array {
  return digest(name, Buffer.from(text))
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

/** Leaves of one part each. */
function leaves(texts: readonly string[], name: DigestName = 'SHA-512'): ChainInput[][] {
  return texts.map((text) => [{ name: '/message.xml', digest: of(text, name) }])
}

function topOf(result: Uint8Array): string | undefined {
  return /<DigestValue>([^<]+)</.exec(Buffer.from(result).toString())?.[1]
}

/** What a judge has at hand: the octets themselves. */
function data(name: string, text: string): ChainData {
  return { name, digest: (algorithm) => of(text, algorithm) }
}

function codeOf(input: Omit<HashChainInput, 'file'> & { file?: string }): EvidenceCode | 'verified' {
  try {
    verifyHashChain({ file: FILE, ...input })
    return 'verified'
  } catch (error) {
    assert.ok(error instanceof EvidenceError, String(error))
    return error.code
  }
}

test('known answers', () => {
  const node = (...texts: string[]) =>
    base64(
      nodeHash(
        'SHA-512',
        texts.map((text) => ({ name: 'SHA-512', value: of(text) })),
      ),
    )
  assert.equal(
    node('a', 'b'),
    'OyyBYywhB3bCvdBlHsm8vsAtysTtEdgtb5wQ4rP4GDe+4exUySZKAzVZJLmhELY7oOgm69E8KetLY3IRtDCHOw==',
  )
  assert.equal(
    node('a', 'b', 'c'),
    'xK2uvXAVuGew8v1xMVOKTjDzDcg1wNYXQkjxtGh+ULMDwPC1+wvlFGzONOvInyXMdXAM0WrGATay9MQar2mg6w==',
  )
  const top = (texts: string[], name: DigestName) => topOf(buildHashChains(leaves(texts, name), name, FILE).result)
  assert.equal(top(['one', 'two', 'three', 'four'], 'SHA-256'), 'D7oIIfhfp4ToT729xyx991PvstI5XvpW+d7oeWvXw8E=')
  assert.equal(
    top(['0', '1', '2'], 'SHA-512'),
    'DRs1DhWP2FXND7AnjoHUv02dFV5h0rCs9+P2IbEmPFkVqSzZBSan1vXZxRU2dZNjjwbH9Dxt3ka9CpwlEz6AcQ==',
  )
  assert.equal(
    top(['0', '1', '2', '3', '4'], 'SHA-512'),
    'WBgUND8DFiCAPE2gKoe5MIDwhQIp6znHpWodys8E4I7/K5knfZDjRTOqhCasJ/SySULJHo84U2Ef9cCKArB2+w==',
  )
})

test('one message with an attachment: the tree is its node', () => {
  const parts = ['a', 'b'].map((text, index) => ({
    name: index === 0 ? '/message.xml' : '/attachment1',
    digest: of(text),
  }))
  const { result, chains } = buildHashChains([parts], 'SHA-512', FILE)
  assert.equal(
    topOf(result),
    base64(
      nodeHash(
        'SHA-512',
        parts.map(({ digest: value }) => ({ name: 'SHA-512', value })),
      ),
    ),
  )
  const [chain = new Uint8Array()] = chains
  assert.equal(codeOf({ result, chain, inputs: [data('/message.xml', 'a'), data('/attachment1', 'b')] }), 'verified')
})

test('a lone part has no chain', () => {
  assert.throws(() => buildHashChains(leaves(['a']), 'SHA-512', FILE), TypeError)
  assert.throws(() => buildHashChains([], 'SHA-512', FILE), TypeError)
  assert.throws(() => buildHashChains([[], ...leaves(['a'])], 'SHA-512', FILE), TypeError)
})

test('every leaf of every round up to 70 has its chain, and no other fits it', () => {
  for (let count = 2; count <= 70; count += 1) {
    const texts = Array.from({ length: count }, (_, index) => `${index}`)
    const inputs = texts.map((text, index): ChainInput[] => [
      { name: '/message.xml', digest: of(text) },
      ...(index % 3 === 0 ? [{ name: '/attachment1', digest: of(`att ${text}`) }] : []),
    ])
    const { result, chains } = buildHashChains(inputs, 'SHA-512', FILE)
    assert.equal(chains.length, count)
    chains.forEach((chain, index) => {
      const own = [data('/message.xml', `${index}`), ...(index % 3 === 0 ? [data('/attachment1', `att ${index}`)] : [])]
      assert.equal(codeOf({ result, chain, inputs: own }), 'verified')
      const other = chains[(index + 3) % count]
      if (other !== undefined && other !== chain)
        assert.notEqual(codeOf({ result, chain: other, inputs: own }), 'verified')
    })
  }
})

test('shape: promoted nodes make no step', () => {
  const { chains } = buildHashChains(leaves(['0', '1', '2']), 'SHA-512', FILE)
  const [first = '', , last = ''] = chains.map((chain) => Buffer.from(chain).toString())
  assert.match(
    first,
    /id="STEP0"><h:StepRef URI="#STEP1"\/><h:HashValue>.*id="STEP1"><h:DataRef URI="\/message.xml">.*<\/h:DataRef><h:HashValue>/,
  )
  assert.match(last, /id="STEP0"><h:HashValue>.*<\/h:HashValue><h:DataRef URI="\/message.xml">/)
  assert.doesNotMatch(last, /STEP1/)
})

test('a time-stamping round of ten thousand', () => {
  const signatures = Array.from({ length: 10_000 }, (_, index) => [
    { name: '/META-INF/signatures.xml', digest: of(`${index}`) },
  ])
  const { result, chains } = buildHashChains(signatures, 'SHA-512', '/ts-hashchain.xml')
  for (const index of [0, 1, 4999, 8191, 8192, 9999])
    assert.equal(
      codeOf({
        result,
        chain: chains[index] ?? new Uint8Array(),
        file: '/ts-hashchain.xml',
        inputs: [data('/META-INF/signatures.xml', `${index}`)],
      }),
      'verified',
    )
})

test('the schema accepts what is written', (t) => {
  if (!needsTools(t, 'xmllint') || !needsVectors(t)) return
  const folder = mkdtempSync(join(tmpdir(), 'saadik-chain-'))
  try {
    const two = [
      { name: '/message.xml', digest: of('m') },
      { name: '/attachment1', digest: of('a') },
    ]
    const { result, chains } = buildHashChains([two, ...leaves(['1', '2'])], 'SHA-512', FILE)
    for (const document of [result, ...chains]) {
      writeFileSync(join(folder, 'document.xml'), document)
      const judged = tool('xmllint', [
        '--noout',
        '--nonet',
        '--schema',
        vectorPath('schemas', 'hashchain.xsd'),
        join(folder, 'document.xml'),
      ])
      assert.equal(judged.status, 0, judged.stderr)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

// Documents by hand: other prefixes and layouts than ours, and lies.
const NS = 'xmlns:x="http://cyber.ee/hashchain" xmlns:y="http://www.w3.org/2000/09/xmldsig#"'
const SHA256 = 'http://www.w3.org/2001/04/xmlenc#sha256'
const SHA512 = 'http://www.w3.org/2001/04/xmlenc#sha512'
const value = (bytes: Uint8Array) => `<y:DigestValue>\n ${base64(bytes)}\n</y:DigestValue>`
const result = (top: Uint8Array, uri = `${FILE}#S`, method = SHA512) =>
  Buffer.from(
    `<x:HashChainResult ${NS} URI="${uri}"><y:DigestMethod Algorithm="${method}"/>${value(top)}</x:HashChainResult>`,
  )
const chain = (steps: string, method: string | null = SHA512) =>
  Buffer.from(
    `<x:HashChain ${NS}>${method === null ? '' : `<x:DefaultDigestMethod Algorithm="${method}"/>`}${steps}</x:HashChain>`,
  )
const dataRef = (text: string, name = '/message.xml') => `<x:DataRef URI="${name}">${value(of(text))}</x:DataRef>`
const sha512 = (...values: Uint8Array[]) =>
  nodeHash(
    'SHA-512',
    values.map((one) => ({ name: 'SHA-512', value: one })),
  )
const M = data('/message.xml', 'm')

test('other layouts and mixed algorithms are read', () => {
  const inner = nodeHash('SHA-256', [
    { name: 'SHA-256', value: of('m', 'SHA-256') },
    { name: 'SHA-512', value: of('z') },
  ])
  const top = nodeHash('SHA-512', [{ name: 'SHA-256', value: inner }])
  const steps =
    `<x:HashStep id="S"><x:StepRef URI="${FILE}#T"><y:DigestMethod Algorithm="${SHA256}"/></x:StepRef></x:HashStep>` +
    `<x:HashStep id="T"><x:DataRef URI="/message.xml"><y:DigestMethod Algorithm="${SHA256}"/><y:Transforms/>${value(of('m', 'SHA-256'))}</x:DataRef><x:HashValue>${value(of('z'))}</x:HashValue></x:HashStep>`
  assert.equal(codeOf({ result: result(top), chain: chain(steps), inputs: [M] }), 'verified')
  const known = {
    name: '/message.xml',
    digest: (algorithm: DigestName) => (algorithm === 'SHA-512' ? of('m') : undefined),
  }
  assert.equal(
    codeOf({ result: result(top), chain: chain(steps), inputs: [known] }),
    'malformed_signature.invalid_hash_chain_ref',
  )
})

test('what a judge does not have is refused, or told where it may be absent', () => {
  const parts = [of('m'), of('a')]
  const documents = {
    result: result(sha512(...parts)),
    chain: chain(`<x:HashStep id="S">${dataRef('m')}${dataRef('a', '/attachment1')}</x:HashStep>`),
    inputs: [M],
  }
  assert.equal(codeOf(documents), 'malformed_signature.invalid_hash_chain_ref')
  const { absent } = verifyHashChain({ ...documents, file: FILE, mayBeAbsent: () => true })
  assert.deepEqual(
    absent.map(({ uri, name, value }) => [uri, name, Buffer.from(value)]),
    [['/attachment1', 'SHA-512', Buffer.from(of('a'))]],
  )
})

const good = `<x:HashStep id="S">${dataRef('m')}</x:HashStep>`
const REFUSED: Record<string, [EvidenceCode, Omit<HashChainInput, 'file' | 'inputs'> & { inputs?: ChainData[] }]> = {
  'another message': [
    'malformed_signature.invalid_hash_chain_ref',
    { result: result(sha512(of('m'))), chain: chain(good), inputs: [data('/message.xml', 'n')] },
  ],
  'another top': ['malformed_signature.invalid_hash_chain', { result: result(sha512(of('n'))), chain: chain(good) }],
  'a part that is not covered': [
    'malformed_signature.hashchain_unused_inputs',
    { result: result(sha512(of('m'))), chain: chain(good), inputs: [M, data('/attachment1', 'a')] },
  ],
  'a result that is not XML': [
    'malformed_signature.malformed_hash_chain',
    { result: Buffer.from('foobar\n'), chain: chain(good) },
  ],
  'a chain with a DOCTYPE': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m'))), chain: Buffer.from(`<!DOCTYPE x [<!ENTITY e "e">]>${chain(good)}`) },
  ],
  'a chain in place of a result': [
    'malformed_signature.malformed_hash_chain',
    { result: chain(good), chain: chain(good) },
  ],
  'a step that is not there': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m')), `${FILE}#T`), chain: chain(good) },
  ],
  'a result without a step': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m')), FILE), chain: chain(good) },
  ],
  'a result of another file': [
    'malformed_signature.invalid_reference',
    { result: result(sha512(of('m')), '/other.xml#S'), chain: chain(good) },
  ],
  'a step in another file': [
    'malformed_signature.invalid_reference',
    {
      result: result(sha512(of('m'))),
      chain: chain(`<x:HashStep id="S"><x:StepRef URI="/other.xml#S"/></x:HashStep>`),
    },
  ],
  'a step that leads to itself': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m'))), chain: chain('<x:HashStep id="S"><x:StepRef URI="#S"/></x:HashStep>') },
  ],
  'steps in a circle': [
    'malformed_signature.malformed_hash_chain',
    {
      result: result(sha512(of('m'))),
      chain: chain(
        '<x:HashStep id="S"><x:StepRef URI="#T"/></x:HashStep><x:HashStep id="T"><x:StepRef URI="#S"/></x:HashStep>',
      ),
    },
  ],
  'steps that double at each level': [
    'malformed_signature.malformed_hash_chain',
    {
      result: result(sha512(of('m'))),
      chain: chain(
        Array.from(
          { length: 60 },
          (_, index) =>
            `<x:HashStep id="${index === 0 ? 'S' : `S${index}`}"><x:StepRef URI="#S${index + 1}"/><x:StepRef URI="#S${index + 1}"/></x:HashStep>`,
        ).join(''),
      ),
    },
  ],
  'two steps of one name': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m'))), chain: chain(good + good) },
  ],
  'too many steps': [
    'malformed_signature.malformed_hash_chain',
    {
      result: result(sha512(of('m'))),
      chain: chain(good + Array.from({ length: 64 }, (_, index) => `<x:HashStep id="T${index}"/>`).join('')),
    },
  ],
  'an empty step': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512()), chain: chain('<x:HashStep id="S"/>'), inputs: [] },
  ],
  'a strange element': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m'))), chain: chain(`<x:HashStep id="S">${dataRef('m')}<x:Other/></x:HashStep>`) },
  ],
  'two values in one': [
    'malformed_signature.malformed_hash_chain',
    {
      result: result(sha512(of('m'))),
      chain: chain(
        `<x:HashStep id="S"><x:DataRef URI="/message.xml">${value(of('n'))}${value(of('m'))}</x:DataRef></x:HashStep>`,
      ),
    },
  ],
  'a transform': [
    'malformed_signature.malformed_hash_chain',
    {
      result: result(sha512(of('m'))),
      chain: chain(
        `<x:HashStep id="S"><x:DataRef URI="/message.xml"><y:Transforms><y:Transform Algorithm="urn:x"/></y:Transforms>${value(of('m'))}</x:DataRef></x:HashStep>`,
      ),
    },
  ],
  'no digest method anywhere': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m'))), chain: chain(good, null) },
  ],
  'SHA-1': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m'))), chain: chain(good, 'http://www.w3.org/2000/09/xmldsig#sha1') },
  ],
  'a digest of another length': [
    'malformed_signature.malformed_hash_chain',
    { result: result(sha512(of('m'))), chain: chain(good, SHA256) },
  ],
  'base64 with stray bits': [
    'malformed_signature.malformed_hash_chain',
    {
      result: result(sha512(of('m'))),
      chain: Buffer.from(
        chain(good)
          .toString()
          .replace(/([AQgw])==/, (_, last: string) => `${String.fromCharCode(last.charCodeAt(0) + 1)}==`),
      ),
    },
  ],
}

for (const [name, [code, { inputs = [M], ...documents }]] of Object.entries(REFUSED))
  test(`refused: ${name}`, () => assert.equal(codeOf({ ...documents, inputs }), code))
