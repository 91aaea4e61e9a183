// Two real servers compare what they have logged of each other (docs/auditors.md, "Reconciliation"): what agrees, what is lost on the way, what an
// administrator withholds or damages; over the exchange and by files.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { ReconciliationReport } from '#evidence'
import type { ReconciliationListing, SecurityServerStatus } from '#security-server/contract'
import { compared, ended, kindsOf } from '../federation/comparing.ts'
import { CLIENT, CLIENT_HEADER, type Pair, startPair } from '../federation/pair.ts'
import { envelope, multipart } from '../federation/soap.ts'
import type { StateServer } from '../federation/state.ts'
import { counted, recordsOf, until } from '../federation/traces.ts'
import { askStore, onlyOn } from '../stores.ts'

const PROVIDER = 'TEST/GOV/1111'
const CONSUMER = 'TEST/GOV/2222'
const MAIN = resolve(import.meta.dirname, '../../cli/main.ts')

let pair: Pair
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'saadik-reconcile-'))
  const services = (url: string) => [
    { code: 'items', url, timeoutSeconds: 20, access: [{ subject: CLIENT }] },
    { code: 'closed', url },
    { wsdl: `${url}/soap.wsdl`, access: [{ subject: CLIENT }] },
  ]
  pair = await startPair({ services })
})
after(async () => {
  await pair?.stop()
  await rm(folder, { recursive: true, force: true })
})

async function call(id: string, path = '/items/1', init: RequestInit = {}): Promise<number> {
  const answer = await pair.call(path, { ...init, headers: { 'X-Road-Id': id, ...init.headers } })
  await answer.arrayBuffer()
  return answer.status
}

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

async function saadik(...words: readonly string[]): Promise<Ran> {
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [MAIN, 'reconcile', ...words])) }
  } catch (error) {
    return error as Ran
  }
}

const iso = (at: number) => new Date(at).toISOString()

test('what two servers have exchanged agrees, asked from either side', async () => {
  const from = Date.now()
  for (let at = 0; at < 20; at += 1) assert.equal(await call(`many-${at}`), 200)
  assert.equal(await call('long', '/echo', { method: 'POST', body: 'x'.repeat(300_000) }), 200)
  const asked = await compared(pair.consumer, PROVIDER, { from })
  assert.deepEqual(
    [asked.report.agreed, asked.report.inAgreement, asked.findings, asked.report.notCompared],
    [42, true, [], []],
  )
  const [theirs] = asked.theirs
  assert.deepEqual([theirs?.agreed, theirs?.inAgreement], [42, true])
  assert.deepEqual(theirs?.there[0]?.list, asked.report.here.list)
  assert.deepEqual(theirs?.here.checkpoint.root, asked.report.there[0]?.checkpoint.root)
  // The comparison itself was an exchange, which the next one has.
  const back = await compared(pair.provider, `${CONSUMER}/office`, { from })
  assert.ok(back.report.agreed > 42)
  assert.equal(back.report.inAgreement, true)
})

test('SOAP with attachments agrees too, a service that fails is no finding, and an empty time is in agreement', async () => {
  const from = Date.now()
  assert.equal(await call('fails', '/status/500'), 500)
  assert.equal(await call('nothing', '/status/204'), 204)
  const soap = await fetch(pair.consumer.client, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/related; boundary=isB; type="text/xml"; start="<root>"' },
    body: new Blob([
      new Uint8Array(
        multipart('isB', [
          ['Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <root>', envelope('count', 'soap')],
          ['Content-Type: text/plain\r\nContent-ID: <a1>', 'one'],
          ['Content-Type: text/plain\r\nContent-ID: <a2>', 'another'],
        ]),
      ),
    ]),
  })
  assert.equal(soap.status, 200, await soap.text())
  const { report, findings } = await compared(pair.consumer, PROVIDER, { from })
  assert.deepEqual([findings, report.inAgreement], [[], true])
  // A consumer that does not show its request is shown its own signature, over a hash chain of all attachments.
  const hide = (provider: string) =>
    change(
      pair.consumer,
      `UPDATE records SET provider = '${provider}' WHERE query_id = 'soap' AND direction = 'request'`,
    )
  await hide('TEST/GOV/3333/elsewhere')
  const [hidden, ...more] = (await compared(pair.consumer, PROVIDER, { from })).findings
  assert.deepEqual(
    [hidden?.kind, hidden?.direction, hidden?.lacking, hidden?.there?.signatureValid, more],
    ['missing', 'request', 'here', true, []],
  )
  await hide('TEST/GOV/1111/registry')
  const empty = await compared(pair.consumer, PROVIDER, { from: from - 10_000_000, to: from - 9_000_000 })
  assert.deepEqual([empty.report.agreed, empty.report.inAgreement], [0, true])
})

test('a request that was refused, and an answer that nobody was there to take', async () => {
  const from = Date.now()
  const refused = await fetch(`${pair.consumer.client}/r1/TEST/GOV/1111/registry/closed/items`, {
    headers: CLIENT_HEADER,
  })
  assert.match(refused.headers.get('x-road-error') ?? '', /access_denied$/)
  // The consumer's server dies while it waits: the provider has answered, logged and signed into nothing.
  const lost = call('lost', '/slow/3000').catch(() => 0)
  await until(async () => (await recordsOf(pair.provider, 'lost')) === 'request')
  await pair.consumer.process.kill('SIGKILL')
  await lost
  await until(async () => (await recordsOf(pair.provider, 'lost')) === 'request,response')
  await pair.consumer.start()
  await until(async () => (await call('back')) === 200)
  const comparison = await compared(pair.consumer, PROVIDER, { from })
  const kinds = kindsOf(comparison)
  assert.ok(kinds.includes('answer_not_delivered response here'), kinds.join())
  assert.ok(kinds.includes('request_not_accepted request there'), kinds.join())
  assert.equal(comparison.report.inAgreement, true)
  const [theirs] = comparison.theirs
  assert.equal(theirs?.findings.answer_not_delivered, comparison.report.findings.answer_not_delivered)
})

test('an administrator who has the log not find a record is found by what the other side holds', async () => {
  const from = Date.now()
  assert.equal(await call('withheld'), 200)
  await until(async () => (await recordsOf(pair.provider, 'withheld')) === 'request,response')
  const hide = (client: string) =>
    change(pair.provider, `UPDATE records SET client = '${client}' WHERE query_id = 'withheld'`)
  await hide('TEST/GOV/2222/elsewhere')
  await hide('TEST/GOV/3333/elsewhere')
  const comparison = await compared(pair.consumer, PROVIDER, { from })
  assert.deepEqual(kindsOf(comparison), ['missing request there', 'missing response there'])
  assert.equal(comparison.report.inAgreement, false)
  // The provider's own server says the same, and holds the signature that is its member's.
  assert.deepEqual(comparison.theirs[0]?.findings, { missing: 2 })
  const other = await compared(pair.provider, CONSUMER, { from, to: Date.now() })
  const response = other.findings.find(({ direction, requestId }) => direction === 'response' && requestId !== '')
  assert.deepEqual([response?.kind, response?.lacking, response?.there?.signatureValid], ['missing', 'here', true])
  await hide('TEST/GOV/2222/office')
})

/** As the administrator would: triggers do not keep him. */
async function change(server: StateServer, sql: string): Promise<void> {
  const place = server.place('message-log')
  if (!('file' in place)) {
    const triggers = (what: string) => `ALTER TABLE log_record ${what} TRIGGER USER`
    const there = sql.replace('UPDATE records', 'UPDATE log_record')
    return void (await askStore(place, `${triggers('DISABLE')}; ${there}; ${triggers('ENABLE')}`))
  }
  const db = new DatabaseSync(join(server.directory, 'message-log', 'log.db'))
  try {
    db.exec('PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE')
    const trigger = db.prepare("SELECT sql FROM sqlite_schema WHERE name = 'records_never_change'").get()?.['sql']
    db.exec(`DROP TRIGGER records_never_change; ${sql}; ${trigger}; COMMIT`)
  } finally {
    db.close()
  }
}

test('parties who cannot be compared, and times that are not over', async () => {
  const cases: readonly [string, object, RegExp][] = [
    ['nobody', { there: 'TEST/GOV/9999' }, /not registered/],
    ['oneself', { there: CONSUMER }, /one/],
    ['for others', { here: PROVIDER, there: CONSUMER }, /does not speak for/],
    ['not over', { there: PROVIDER, to: iso(Date.now() + 1000) }, /must end a margin/],
    ['no time', { there: PROVIDER, from: iso(5000), to: iso(5000) }, /no time/],
    ['a margin', { there: PROVIDER, marginSeconds: 100_000 }, /at most a day/],
    ['no identifier', { there: 'GOV' }, /INSTANCE/],
    ['a policy', { there: PROVIDER, policy: 'trust me\n' }, /policy/],
  ]
  for (const [name, wanted, message] of cases)
    await assert.rejects(
      pair.consumer.control.post('/reconciliation', {
        ...{ from: iso(1000), to: iso(5000), marginSeconds: 0 },
        ...wanted,
      }),
      message,
      name,
    )
  await assert.rejects(pair.consumer.control.get('/reconciliation/none'), /no comparison/)
})

test('a member whose server does not compare is told as that', async () => {
  const config = await readFile(pair.provider.configFile, 'utf8')
  await writeFile(pair.provider.configFile, `${config}\nreconciliation: { answers: false }\n`)
  await pair.provider.restart()
  await until(async () => (await call('deaf')) === 200)
  const { state, error } = await ended(pair.consumer, PROVIDER, { from: Date.now() - 1000 })
  assert.deepEqual([state, error?.code], ['failed', 'not_offered'])
  await writeFile(pair.provider.configFile, config)
  await pair.provider.restart()
  await until(async () => (await call('hearing')) === 200)
})

test('kill -9 of the server that is asked ends the comparison with a word, and nothing lies about', async () => {
  const from = Date.now()
  for (let at = 0; at < 10; at += 1) await call(`kill-${at}`)
  const outcome = ended(pair.consumer, PROVIDER, { from })
  await until(async () => (await counted(pair.provider, 'provider.ok')) > 10)
  await pair.provider.restart('SIGKILL')
  // Whichever came first, it is over and said how; the next one finds everything in order.
  const { state, error } = await outcome
  assert.ok(state === 'done' || ['unreachable', 'refused'].includes(error?.code ?? ''), JSON.stringify(error))
  await until(async () => (await call('alive')) === 200)
  const { report } = await compared(pair.consumer, PROVIDER, { from })
  assert.equal(report.findings.missing, undefined)
  const { runs } = await pair.provider.control.get<ReconciliationListing>('/reconciliation')
  assert.ok(runs.every((run) => run.state !== 'running'))
})

test('saadik reconcile run: progress, a table, a report of everything, and the same from the other side', async () => {
  const from = Date.now()
  assert.equal(await call('shown'), 200)
  await fetch(`${pair.consumer.client}/r1/TEST/GOV/1111/registry/closed/items`, { headers: CLIENT_HEADER })
  await new Promise((done) => setTimeout(done, 700))
  const policy = join(folder, 'policy')
  const { transparency } = await pair.provider.control.get<SecurityServerStatus>('/status')
  const own = await pair.consumer.control.get<SecurityServerStatus>('/status')
  await writeFile(
    policy,
    `${[...transparency.keys, ...own.transparency.keys].map((key) => `log ${key}\n`).join('')}quorum none\n`,
  )
  const file = join(folder, 'report.json')
  const words = ['--with', PROVIDER, '--from', iso(from), '--to', iso(Date.now() - 100), '--margin', '0.1']
  const ran = await saadik('run', ...words, '--policy', policy, '--report', file, '--config', pair.consumer.configFile)
  assert.equal(ran.code, 0, ran.stderr)
  assert.match(ran.stdout, /IN AGREEMENT[\s\S]*signed by its log[\s\S]*2 messages[\s\S]*1 {2}request not accepted/)
  const report = JSON.parse(await readFile(file, 'utf8')) as { run: string; report: ReconciliationReport; findings: [] }
  assert.deepEqual([report.report.agreed, report.findings.length], [2, 1])
  const listed = await saadik('list', '--config', pair.provider.configFile)
  assert.match(listed.stdout, new RegExp(`${report.run}.*was asked by ${CONSUMER}.*in agreement`))
  const shown = await saadik('show', report.run, '--config', pair.provider.configFile)
  assert.equal(shown.code, 0, shown.stderr)
  assert.match(shown.stdout, /request not accepted/)
  const bad = await saadik('run', '--with', PROVIDER, '--config', pair.consumer.configFile)
  assert.deepEqual([bad.code, /--from/.test(bad.stderr)], [64, true])
})

test('saadik reconcile statement and compare: the same by files', async () => {
  const from = Date.now()
  for (let at = 0; at < 5; at += 1) assert.equal(await call(`file-${at}`), 200)
  const to = Date.now() + 1
  await new Promise((done) => setTimeout(done, 300))
  const key = join(folder, 'key')
  assert.equal((await saadik('key', '-o', key)).code, 0)
  assert.equal((await saadik('key', '-o', key)).code, 1)
  const statement = async (server: StateServer, there: string, name: string, keyFile = key) => {
    const file = join(folder, name)
    const times = ['--from', iso(from), '--to', iso(to), '--margin', '0.1']
    const where = ['-o', file, '--config', server.configFile]
    const ran = await saadik('statement', '--with', there, ...times, '--key', keyFile, ...where)
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^[0-9a-f]{64} {2}/)
    return file
  }
  const ours = await statement(pair.consumer, PROVIDER, 'consumer.statement')
  const theirs = await statement(pair.provider, CONSUMER, 'provider.statement')
  const same = await saadik('compare', ours, theirs, '--key', key, '--json')
  assert.equal(same.code, 0, same.stderr)
  assert.equal((JSON.parse(same.stdout) as { report: ReconciliationReport }).report.agreed, 10)
  const content = await readFile(theirs)
  assert.ok(!content.includes('items/1'))
  // Withheld in between: the statement shows it, and the signature that the other side holds is judged.
  await change(pair.provider, "UPDATE records SET client = 'TEST/GOV/3333/x' WHERE query_id = 'file-3'")
  const withheld = await statement(pair.provider, CONSUMER, 'withheld.statement')
  const judged = await saadik('compare', ours, withheld, '--key', key, '--anchor', pair.state.anchor)
  assert.equal(judged.code, 1, judged.stderr)
  assert.match(
    judged.stdout,
    /NOT IN AGREEMENT[\s\S]*2 {2}missing[\s\S]*missing: not there response file-3.*signed by who lacks it/,
  )
  await change(pair.provider, "UPDATE records SET client = 'TEST/GOV/2222/office' WHERE query_id = 'file-3'")
  // Another key, another run; and a file that was cut.
  const otherKey = join(folder, 'other-key')
  await saadik('key', '-o', otherKey)
  const foreign = await statement(pair.provider, CONSUMER, 'foreign.statement', otherKey)
  for (const file of [foreign, key]) assert.equal((await saadik('compare', ours, file, '--key', key)).code, 2)
  await writeFile(join(folder, 'cut'), content.subarray(0, content.length - 5))
  assert.equal((await saadik('compare', ours, join(folder, 'cut'), '--key', key)).code, 2)
})

test('a record that was damaged is not shown as another: the side that has it says so', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const from = Date.now()
  assert.equal(await call('damaged'), 200)
  await until(async () => (await recordsOf(pair.provider, 'damaged')) === 'request,response')
  await pair.provider.process.stop()
  const segments = join(pair.provider.directory, 'message-log', 'segments')
  const { readdir } = await import('node:fs/promises')
  for (const name of await readdir(segments)) {
    const bytes = await readFile(join(segments, name))
    const at = bytes.indexOf('damaged')
    if (at < 0) continue
    bytes.write('DAMAGED', at)
    await writeFile(join(segments, name), bytes)
  }
  await pair.provider.start()
  const { state, error } = await ended(pair.consumer, PROVIDER, { from })
  assert.equal(state, 'failed')
  assert.ok(['refused', 'unreachable'].includes(error?.code ?? ''), JSON.stringify(error))
})
