// Auditors search a server's log from outside: who they are, what each may see, and that nothing is answered unrecorded.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { parse, stringify } from 'yaml'
import type { LogListing, LogRecordDescription } from '#security-server/contract'
import { digestOf } from '../../security-server/auditor/index.ts'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { selfSigned } from '../federation/self-signed.ts'

const ALL = 'token-of-all-0123456789'
const FACTS = 'token-of-facts-0123456789'
const STRANGER = 'token-of-a-stranger-0123456789'
const GONE = 'token-of-one-who-is-gone'
const ENTRIES = {
  auditors: [
    { name: 'all', tokens: [digestOf(Buffer.from(ALL))], members: 'all', content: true },
    { name: 'facts', tokens: [digestOf(Buffer.from(FACTS))], members: ['TEST/GOV/2222'] },
    { name: 'stranger', tokens: [digestOf(Buffer.from(STRANGER))], members: ['TEST/GOV/9999'], content: true },
    { name: 'gone', tokens: [digestOf(Buffer.from(GONE))], members: 'all', until: '2020-01-01T00:00:00Z' },
  ],
}

let pair: Pair
let folder: string
let file: string
let port: number

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'saadik-auditor-'))
  file = join(folder, 'auditors.yaml')
  writeFileSync(file, stringify(ENTRIES))
  pair = await startPair({
    consumerConfig: {
      configuration: { intervalSeconds: 1 },
      messageLog: { textSearch: true, timestampIntervalSeconds: 1 },
      auditor: { listen: { host: '127.0.0.1', port: 0 }, auditors: file },
    },
  })
  const status = await pair.consumer.control.get<{ listening: { auditor: number } }>('/status')
  port = status.listening.auditor
  const answer = await pair.call('/echo', {
    method: 'POST',
    body: 'said in confidence',
    headers: { 'X-Road-Id': 'one' },
  })
  assert.equal(answer.status, 200)
})
after(async () => {
  await pair?.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Got {
  readonly status: number
  readonly body: Buffer
  readonly type: string
}

function ask(path: string, token?: string, more: object = {}): Promise<Got> {
  return new Promise((done, reject) => {
    const asked = request(
      {
        ...{ host: '127.0.0.1', port, path, rejectUnauthorized: false, agent: false },
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
        ...more,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () =>
          done({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks),
            type: response.headers['content-type'] ?? '',
          }),
        )
      },
    )
    asked.on('error', reject)
    asked.end()
  })
}

const json = <T>({ body }: Got) => JSON.parse(body.toString()) as T
const codeOf = (got: Got) => json<{ error: { code: string } }>(got).error.code

async function refused(status: number, code: string, path: string, token?: string, more?: object): Promise<void> {
  const got = await ask(path, token, more)
  assert.deepEqual([got.status, codeOf(got)], [status, code], path)
}

interface Line {
  readonly who: string
  readonly op: string
  readonly asked: string
  readonly found?: number
  readonly outcome: string
}

function trail(): Line[] {
  const directory = join(pair.consumer.directory, 'audit')
  return readdirSync(directory)
    .sort()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').trimEnd().split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line)
}

test('nobody is admitted without a token or certificate that is known and valid', async () => {
  for (const token of [undefined, 'wrong', GONE, '', 'x'.repeat(600)])
    await refused(401, 'unauthenticated', '/v1/records', token)
  await refused(401, 'unauthenticated', '/v1/nothing')
  await refused(405, 'method_not_allowed', '/v1/records', ALL, { method: 'POST' })
  await refused(404, 'not_found', '/v1/nothing', ALL)
})

test('an auditor finds, reads and takes out what is in his scope, and nothing else', async () => {
  const { records } = json<LogListing>(await ask('/v1/records?order=oldest', ALL))
  assert.deepEqual(
    records.map(({ queryId, direction }) => `${queryId} ${direction}`),
    ['one request', 'one response'],
  )
  assert.equal(json<LogListing>(await ask('/v1/records', FACTS)).records.length, 2)
  assert.deepEqual(json<LogListing>(await ask('/v1/records', STRANGER)).records, [])
  await refused(404, 'not_found', '/v1/records/1', STRANGER)
  await refused(404, 'not_found', '/v1/records/77', ALL)
  await refused(404, 'not_found', '/v1/records/x', ALL)
  const whole = json<LogRecordDescription>(await ask('/v1/records/1', ALL))
  assert.match(whole.message ?? '', /TEST\/GOV\/1111/)
  assert.equal((await ask('/v1/records/1/attachments/1', ALL)).body.toString(), 'said in confidence')
  while ((await ask('/v1/records/1/container', ALL)).status === 409) await new Promise((done) => setTimeout(done, 200))
  const container = await ask('/v1/records/1/container', ALL)
  assert.deepEqual([container.status, container.type], [200, 'application/vnd.etsi.asic-e+zip'])
  assert.equal(container.body.toString('latin1', 0, 2), 'PK')
})

test('who may see facts only sees no content by any way', async () => {
  const facts = json<LogRecordDescription>(await ask('/v1/records/1', FACTS))
  assert.equal(facts.message, undefined)
  assert.equal(facts.client, CLIENT)
  for (const path of ['container', 'bundle', 'attachments/1'])
    await refused(403, 'content_forbidden', `/v1/records/1/${path}`, FACTS)
  await refused(403, 'content_forbidden', '/v1/records?text=confidence', FACTS)
  assert.equal(json<LogListing>(await ask('/v1/records?text=confidence&direction=request', ALL)).records.length, 1)
  assert.deepEqual(json(await ask('/v1/me', FACTS)), { name: 'facts', members: ['TEST/GOV/2222'], content: false })
})

test('a scope is no parameter, and a query that is none is refused in words', async () => {
  for (const query of ['scope=TEST/GOV/1111', 'owner=TEST/GOV/1111', 'limit=0', 'from=x'])
    await refused(400, 'invalid_query', `/v1/records?${query}`, STRANGER)
})

test('every answer is recorded before it is given, refusals too, and so is what the operator does', async () => {
  await ask('/v1/records?id=one', ALL)
  assert.deepEqual(pick(trail().at(-1)), { who: 'all', op: 'search', asked: 'id=one', found: 2, outcome: 'ok' })
  await ask('/v1/records/1/container', FACTS)
  assert.deepEqual(pick(trail().at(-1)), { who: 'facts', op: 'container', asked: '1', outcome: 'content_forbidden' })
  await pair.consumer.control.get('/log?id=one')
  assert.deepEqual(pick(trail().at(-1)), { who: 'operator', op: 'search', asked: 'id=one', found: 2, outcome: 'ok' })
  const main = resolve(import.meta.dirname, '../../cli/main.ts')
  const shown = spawnSync(process.execPath, [main, 'log', 'audit', '--config', pair.consumer.configFile], {
    encoding: 'utf8',
  })
  assert.equal(shown.status, 0, shown.stderr)
  assert.match(shown.stdout, /facts {2}container {2}1 {2}refused: content_forbidden/)
  const [name = ''] = readdirSync(join(pair.consumer.directory, 'audit'))
  const copy = join(folder, 'audit')
  const text = readFileSync(join(pair.consumer.directory, 'audit', name), 'utf8')
  const config = join(folder, 'security-server.yaml')
  mkdirSync(copy)
  writeFileSync(join(copy, name), text.replace('"who":"facts"', '"who":"nobody"'))
  writeFileSync(config, stringify({ ...parse(readFileSync(pair.consumer.configFile, 'utf8')), directory: folder }))
  const changed = spawnSync(process.execPath, [main, 'log', 'audit', '--config', config], { encoding: 'utf8' })
  assert.equal(changed.status, 1)
  assert.match(changed.stderr, /was changed/)
})

test('a client certificate is known by its digest, and only while it is valid', async () => {
  const known = await selfSigned('auditor')
  writeFileSync(
    file,
    stringify({
      auditors: [...ENTRIES.auditors, { name: 'card', certificates: [digestOf(known.der)], members: 'all' }],
    }),
  )
  const got = await ask('/v1/me', undefined, { key: known.key, cert: known.cert })
  assert.equal(json<{ name: string }>(got).name, 'card')
  const other = await selfSigned('auditor')
  await refused(401, 'unauthenticated', '/v1/me', undefined, { key: other.key, cert: other.cert })
  await refused(401, 'unauthenticated', '/v1/me', 'wrong', { key: known.key, cert: known.cert })
})

test('who is taken out of the file is unknown at once; a file that cannot be read knows nobody', async () => {
  writeFileSync(file, stringify({ auditors: ENTRIES.auditors.slice(1) }))
  await refused(401, 'unauthenticated', '/v1/me', ALL)
  assert.equal((await ask('/v1/me', FACTS)).status, 200)
  writeFileSync(file, 'auditors: [{ name: x')
  await refused(401, 'unauthenticated', '/v1/me', FACTS)
  writeFileSync(file, stringify(ENTRIES))
  assert.equal((await ask('/v1/me', ALL)).status, 200)
})

test('the description has every path that is served, and every parameter that is read', async () => {
  const got = await ask('/openapi.yaml')
  assert.equal(got.status, 200)
  const document = parse(got.body.toString()) as {
    paths: Record<string, { get: { parameters?: { name: string }[] } }>
  }
  for (const path of Object.keys(document.paths)) {
    const { status } = await ask(path.replace('{seq}', '1').replace('{number}', '1'), ALL)
    assert.ok(status === 200 || status === 409, `${path}: ${status}`)
  }
  const unknown = await ask('/v1/records?nothing=1', ALL)
  const told = /there are (.*)$/.exec(json<{ error: { message: string } }>(unknown).error.message)?.[1]?.split(', ')
  assert.deepEqual(document.paths['/v1/records']?.get.parameters?.map(({ name }) => name).sort(), told?.sort())
})

function pick(line: Line | undefined): Partial<Line> {
  const { who, op, asked, found, outcome } = line ?? {}
  return { who, op, asked, ...(found === undefined ? {} : { found }), outcome } as Line
}
