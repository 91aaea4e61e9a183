// What an auditor takes away: containers from /asic, judged by us, by xmlsec1 and by openssl ts (issue: Shows it 3; wire-message §8.4).
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { readZip, verifyContainer } from '#evidence'
import { readConfigurationDirectory } from '#global-configuration'
import { collect } from '#protocol'
import { pem } from '#trust'
import { CLIENT, CLIENT_HEADER, type Pair, startPair } from '../federation/pair.ts'
import { envelope, multipart } from '../federation/soap.ts'
import { needsTools, tool } from '../tools.ts'

const MEMBER = 'xRoadInstance=TEST&memberClass=GOV&memberCode=2222&subsystemCode=office'
const root = resolve(import.meta.dirname, '..', '..')

let pair: Pair
let folder: string
before(async () => {
  const access = [{ subject: CLIENT }]
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, access },
      { wsdl: `${url}/soap.wsdl`, access },
    ],
  })
  folder = await mkdtemp(join(tmpdir(), 'saadik-evidence-'))
  await (await pair.call('/echo', { method: 'POST', body: 'a body', headers: { 'X-Road-Id': 'with body' } })).text()
  await (await pair.call('/items/1', { headers: { 'X-Road-Id': 'plain' } })).text()
  const soap = async (id: string, attachments: readonly string[]) => {
    const parts = [envelope('echo', id), ...attachments].map((text) => ['Content-Type: text/xml', text] as const)
    const body = new Blob([new Uint8Array(multipart('b', parts))])
    const headers = { 'Content-Type': 'multipart/related; boundary=b' }
    await (await fetch(pair.consumer.client, { method: 'POST', body, headers })).arrayBuffer()
  }
  await soap('soap', [])
  await soap('soap with three', ['one', 'two', 'three'])
})
after(async () => {
  await pair?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function asic(
  query: string,
  server = pair.consumer,
): Promise<{ status: number; type: string | null; disposition: string | null; bytes: Buffer }> {
  const answer = await fetch(`${server.client}/asic?${query}`)
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    disposition: answer.headers.get('content-disposition'),
    bytes: Buffer.from(await answer.arrayBuffer()),
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function entriesOf(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  for await (const entry of readZip(one(bytes)))
    entries.set(entry.name, Buffer.from(await collect(entry.body, 1 << 24)))
  return entries
}

async function container(
  queryId: string,
  leg: 'requestOnly' | 'responseOnly',
  server = pair.consumer,
  member = MEMBER,
): Promise<Buffer> {
  const answer = await asic(`queryId=${encodeURIComponent(queryId)}&${member}&${leg}&unique&force`, server)
  assert.equal(answer.status, 200, answer.bytes.toString())
  assert.equal(answer.type, 'application/vnd.etsi.asic-e+zip')
  return answer.bytes
}

test('a message without a time-stamp is not evidence yet; force makes it so', async () => {
  await (await pair.call('/items/2', { headers: { 'X-Road-Id': 'not yet' } })).text()
  const early = await asic(`queryId=not%20yet&${MEMBER}`)
  assert.ok(early.status === 500 || early.status === 200, 'the batch may just have come by')
  const forced = await asic(`queryId=not%20yet&${MEMBER}&force`)
  assert.equal(forced.status, 200)
  assert.equal(forced.type, 'application/zip')
  const names = [...(await entriesOf(forced.bytes)).keys()]
  assert.equal(names.length, 2)
  assert.match(names[0] ?? '', /^not\+yet-request-[0-9a-v]+\.asice$/)
})

test('parameters: missing, contradicting, unknown', async () => {
  assert.equal((await asic(MEMBER)).status, 400)
  assert.equal((await asic('queryId=plain')).status, 400)
  assert.equal((await asic(`queryId=plain&${MEMBER}&requestOnly&responseOnly`)).status, 400)
  assert.equal((await asic(`queryId=plain&${MEMBER}&unique`)).status, 400)
  assert.equal((await asic(`queryId=nobody-asked&${MEMBER}`)).status, 404)
  assert.equal((await asic('queryId=plain&xRoadInstance=TEST&memberClass=GOV&memberCode=9999')).status, 401)
})

test('all four legs of an exchange verify, with body, chain, OCSP answer and time-stamp', async () => {
  const { trust } = await readConfigurationDirectory(join(pair.consumer.directory, 'configuration'))
  const provider = 'xRoadInstance=TEST&memberClass=GOV&memberCode=1111&subsystemCode=registry'
  for (const queryId of ['with body', 'plain', 'soap', 'soap with three'])
    for (const leg of ['requestOnly', 'responseOnly'] as const)
      for (const [server, member] of [
        [pair.consumer, MEMBER],
        [pair.provider, provider],
      ] as const) {
        const report = await verifyContainer(one(await container(queryId, leg, server, member)), trust)
        assert.equal(report.indication, 'TOTAL-PASSED', JSON.stringify(report.checks.filter((check) => !check.ok)))
        assert.equal(report.signer, leg === 'requestOnly' ? 'TEST/GOV/2222/office' : 'TEST/GOV/1111/registry')
      }
})

test('saadik verify, with the verification configuration of the server', async () => {
  const conf = Buffer.from(await (await fetch(`${pair.consumer.client}/verificationconf`)).arrayBuffer())
  const names = [...(await entriesOf(conf)).keys()].sort()
  assert.deepEqual(names, [
    'verificationconf/TEST/shared-params.xml',
    'verificationconf/TEST/shared-params.xml.metadata',
    'verificationconf/instance-identifier',
  ])
  const file = join(folder, 'request.asice')
  await writeFile(file, await container('with body', 'requestOnly'))
  const verify = (...more: string[]) =>
    spawnSync(
      process.execPath,
      [
        join(root, 'bin', 'saadik.js'),
        'verify',
        file,
        '--conf',
        join(pair.consumer.directory, 'configuration'),
        ...more,
      ],
      { encoding: 'utf8' },
    )
  const good = verify('--json')
  assert.equal(good.status, 0, good.stdout + good.stderr)
  assert.equal(JSON.parse(good.stdout).files[0].indication, 'TOTAL-PASSED')
  const bytes = await container('with body', 'requestOnly')
  bytes[Math.floor(bytes.length / 2)] = (bytes[Math.floor(bytes.length / 2)] ?? 0) ^ 1
  await writeFile(file, bytes)
  assert.notEqual(verify().status, 0)
})

async function unpacked(
  t: TestContext,
  queryId: string,
): Promise<{ entries: Map<string, Buffer>; at: string } | undefined> {
  if (!needsTools(t, 'xmlsec1', 'openssl')) return undefined
  const entries = await entriesOf(await container(queryId, 'requestOnly'))
  const at = await mkdtemp(join(folder, 'c-'))
  for (const [name, bytes] of entries) await writeFile(join(at, name.replaceAll('/', '_')), bytes)
  return { entries, at }
}

test('xmlsec1 finds digests and signature right, and wrong when a byte is changed', async (t) => {
  for (const queryId of ['with body', 'plain', 'soap', 'soap with three']) {
    const there = await unpacked(t, queryId)
    if (there === undefined) return
    const { at, entries } = there
    const maps = ['message.xml', 'sig-hashchainresult.xml']
      .filter((name) => entries.has(name))
      .flatMap((name) => [`--url-map:/${name}`, join(at, name)])
    const judge = () =>
      tool('xmlsec1', [
        '--verify',
        ...maps,
        '--id-attr:Id',
        'SignedProperties',
        '--insecure',
        join(at, 'META-INF_signatures.xml'),
      ])
    const good = judge()
    assert.equal(good.status, 0, good.stderr)
    assert.match(good.stderr + good.stdout, /OK/)
    const covered = entries.has('sig-hashchainresult.xml') ? 'sig-hashchainresult.xml' : 'message.xml'
    await writeFile(join(at, covered), `${entries.get(covered)} `)
    assert.notEqual(judge().status, 0)
  }
})

test('openssl ts accepts the time-stamp', async (t) => {
  const there = await unpacked(t, 'with body')
  if (there === undefined) return
  const { at, entries } = there
  const root = join(at, 'root.pem')
  await writeFile(
    root,
    pem('CERTIFICATE', pair.state.authorities.root) + pem('CERTIFICATE', pair.state.authorities.issuing),
  )
  let token = entries.get('META-INF/timestamp.tst')
  let data = entries.get('ts-hashchainresult.xml')
  if (token === undefined) {
    const xml = entries.get('META-INF/signatures.xml')?.toString() ?? ''
    token = Buffer.from(/<xades:EncapsulatedTimeStamp>([^<]+)</.exec(xml)?.[1] ?? '', 'base64')
    data = Buffer.from(/<ds:SignatureValue[^>]*>([^<]+)</.exec(xml)?.[1] ?? '', 'base64')
  }
  assert.ok(data)
  await writeFile(join(at, 'token.tst'), token)
  await writeFile(join(at, 'stamped'), data)
  const good = tool('openssl', [
    'ts',
    '-verify',
    '-token_in',
    '-in',
    join(at, 'token.tst'),
    '-data',
    join(at, 'stamped'),
    '-CAfile',
    root,
  ])
  assert.match(good.stdout + good.stderr, /Verification: OK/)
  await writeFile(join(at, 'stamped'), Buffer.concat([data, Buffer.from('x')]))
  assert.notEqual(
    tool('openssl', [
      'ts',
      '-verify',
      '-token_in',
      '-in',
      join(at, 'token.tst'),
      '-data',
      join(at, 'stamped'),
      '-CAfile',
      root,
    ]).status,
    0,
  )
})

test('evidence is for the client of the connection', async () => {
  assert.equal(
    (
      await fetch(
        `${pair.consumer.client}/asic?queryId=plain&xRoadInstance=TEST&memberClass=GOV&memberCode=1111&subsystemCode=registry`,
        { headers: CLIENT_HEADER },
      )
    ).status,
    401,
  )
})
