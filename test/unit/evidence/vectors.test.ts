// Containers made or broken by X-Road's own tests, and the one in a message-log archive, with the verdicts of wire-message §10.3 and §10.4.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { type Report, readZip, verifyContainer, writeZip } from '#evidence'
import { parseSharedParameters, type TrustMaterial, trustMaterial } from '#protocol'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vector } from '../../vectors.ts'
import { collect, once } from './messages.ts'

function trust(): TrustMaterial {
  return trustMaterial(
    parseSharedParameters(vector('globalconf', 'globalconf_good2_v3', 'DEV', 'shared-params.xml'), 3),
    [],
  )
}

function failures({ checks }: Report): string[] {
  return checks.filter(({ ok }) => !ok).map(({ name, code }) => `${name}: ${code}`)
}

interface Expected {
  /** Checks that fail; the code that X-Road gives stands among them. */
  readonly failures: readonly string[]
  readonly message?: Omit<NonNullable<Report['message']>, 'id'>
  readonly genTime?: string
}

const soap = (direction: 'request' | 'response', more: Partial<Expected['message']> = {}) => ({
  protocol: 'SOAP' as const,
  direction,
  attachments: [],
  absent: [],
  unsigned: [],
  ...more,
})

const CONTAINERS: Record<string, Expected> = {
  'valid-signed-message': { failures: [], message: soap('request') },
  'valid-signed-hashchain': { failures: [], message: soap('request', { absent: ['attachment1'] }) },
  'valid-non-batch-rest': {
    failures: [],
    message: { protocol: 'REST', direction: 'response', attachments: ['attachment1'], absent: [], unsigned: [] },
  },
  'valid-non-batch-soap-attachments': {
    failures: [],
    message: soap('response', { attachments: ['attachment1', 'attachment2'] }),
  },
  'invalid-not-signed-hashchain': {
    failures: [],
    message: soap('request', {
      unsigned: ['hashchain.xml', 'hashchainresult.xml', 'sig-hashchainresult.xml', 'sig-hashchain.xml'],
    }),
  },
  'invalid-digest': { failures: ['digest of #signed-properties: invalid_signature_value'] },
  'invalid-hashchain-modified-message': {
    failures: [
      'hash chain: malformed_signature.hashchain_unused_inputs',
      'digest of /sig-hashchainresult.xml: invalid_signature_value',
    ],
  },
  'invalid-ts-hashchainresult': {
    failures: [
      'time-stamp: malformed_signature',
      'signer: cannot_create_cert_path',
      'digest of /message.xml: invalid_signature_value',
    ],
  },
}

for (const [name, expected] of Object.entries(CONTAINERS))
  test(name, async (t) => {
    if (!needsVectors(t)) return
    const report = await verifyContainer(once(vector('asic', `${name}.asice`)), trust())
    assert.deepEqual(failures(report), expected.failures)
    assert.equal(report.verdict, expected.failures.length === 0 ? 'valid' : 'invalid')
    assert.ok(report.certificate && report.signer && report.message)
    const { id, ...message } = report.message
    assert.ok(id)
    if (expected.message !== undefined) assert.deepEqual(message, expected.message)
  })

test('a valid container with another body, message or time-stamp chain is not valid', async (t) => {
  if (!needsVectors(t)) return
  const name = 'valid-non-batch-rest'
  const entries = new Map<string, Buffer>()
  for await (const entry of readZip(once(vector('asic', `${name}.asice`))))
    entries.set(entry.name, await collect(entry.body))
  for (const changed of [
    'message.xml',
    'attachment1',
    'ts-hashchain.xml',
    'ts-hashchainresult.xml',
    'META-INF/timestamp.tst',
    'META-INF/signatures.xml',
  ]) {
    const forged = [...entries].map(([entry, body]) => ({
      name: entry,
      modifiedAt: new Date(0),
      compress: true,
      body: entry === changed ? Buffer.concat([body, Buffer.from(' ')]) : body,
    }))
    const report = await verifyContainer(once(await collect(writeZip(forged))), trust())
    // White space after a document changes no signature of it, but its digest in the time-stamp's chain; in the chain itself it means nothing.
    assert.equal(report.verdict === 'valid', changed === 'ts-hashchain.xml', changed)
  }
})

test('xmlsec1 agrees about the signatures', async (t) => {
  if (!needsVectors(t) || !needsTools(t, 'xmlsec1')) return
  const folder = mkdtempSync(join(tmpdir(), 'saadik-vectors-'))
  try {
    for (const [name, expected] of Object.entries(CONTAINERS)) {
      const at = join(folder, name)
      const maps: string[] = []
      for await (const entry of readZip(once(vector('asic', `${name}.asice`)))) {
        if (entry.name.endsWith('/')) continue
        mkdirSync(dirname(join(at, entry.name)), { recursive: true })
        writeFileSync(join(at, entry.name), await collect(entry.body))
        if (!entry.name.includes('/')) maps.push(`--url-map:/${entry.name}`, join(at, entry.name))
      }
      const judged = tool('xmlsec1', [
        '--verify',
        ...maps,
        '--id-attr:Id',
        'SignedProperties',
        '--insecure',
        join(at, 'META-INF/signatures.xml'),
      ])
      const ours = expected.failures.some((failure) => failure.includes('invalid_signature_value'))
      assert.equal(judged.status !== 0, ours, `${name}: ${judged.stderr}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the archived container: everything but trust, which is not published with it', async (t) => {
  if (!needsVectors(t)) return
  const reports: Report[] = []
  for await (const entry of readZip(once(vector('archive', 'message-archive-0.zip')))) {
    const bytes = await collect(entry.body)
    if (entry.name.endsWith('.asice')) reports.push(await verifyContainer(once(bytes), trust()))
  }
  const [report] = reports
  assert.equal(reports.length, 1)
  assert.ok(report)
  assert.deepEqual(failures(report), ['time-stamp: timestamp_invalid', 'signer: cannot_create_cert_path'])
  assert.equal(report.signer, 'CS/GOV/0245437-2')
  const { id: _, ...message } = report.message ?? { id: '' }
  assert.deepEqual(message, soap('request', { absent: ['attachment1', 'attachment2', 'attachment3'] }))
})
