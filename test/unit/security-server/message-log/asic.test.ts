// GET /asic, judged by the room's own verifier and by unzip: wire-message §8.4.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { signMessage, verifyContainer } from '#evidence'
import { type ClientId, fault, type TrustMaterial } from '#protocol'
import { digest } from '#trust'
import { answerAsic, type MessageLog } from '../../../../security-server/message-log/index.ts'
import { needsTools, tool } from '../../../tools.ts'
import { code, collect, configurationWith, openLog, record, spooled, temporaryDirectory } from './fixture.ts'
import { MEMBER, makeMember } from './member.ts'
import { startTsa, type TestTsa } from './tsa.ts'

const AT = new Date('2026-03-01T12:00:00Z')
const SUBSYSTEM: ClientId = { ...MEMBER, subsystemCode: 'client' }
const HEAD = (id: string) =>
  Buffer.from(
    [
      'POST',
      '/r1/DEMO/GOV/70000001/population-register/persons',
      'x-road-client:DEMO/GOV/70000002/client',
      `x-road-id:${id}`,
      'x-road-request-id:6e11d2a6-9f25-4a7c-8a5b-111111111111',
      '',
    ].join('\r\n'),
  )

interface Setting {
  readonly directory: string
  readonly log: MessageLog
  readonly tsa: TestTsa
  readonly trust: TrustMaterial
  /** Logs a signed request, as a consumer's server does. */
  exchange(queryId: string, body?: Uint8Array): Promise<number>
}

async function setUp(t: TestContext, settings = {}): Promise<Setting> {
  const directory = await temporaryDirectory(t)
  const tsa = await startTsa(t)
  const { signer, trust } = await makeMember(AT)
  const log = await openLog(t, { directory, settings, configuration: () => configurationWith([tsa]) })
  return {
    directory,
    log,
    tsa,
    trust: { ...trust, tsas: [tsa] },
    async exchange(queryId, body) {
      const head = HEAD(queryId)
      const reference = body === undefined ? undefined : await spooled(log, body)
      const parts = [{ name: '/message.xml', digest: digest('SHA-512', head), bytes: head }]
      if (reference !== undefined) parts.push({ name: '/attachment1', digest: reference.digest, bytes: head })
      const { xml, ...chains } = await signMessage(parts, signer, AT)
      return await log.append(
        record({
          queryId,
          head,
          signature: xml,
          ...chains,
          member: SUBSYSTEM,
          ...(reference === undefined ? {} : { body: reference }),
        }),
      )
    },
  }
}

function ask(log: MessageLog, queryId: string, more = '', authorise: (client: ClientId) => void = () => {}) {
  const url = new URL(
    `http://localhost/asic?queryId=${encodeURIComponent(queryId)}&xRoadInstance=DEMO&memberClass=GOV&memberCode=70000002&subsystemCode=client${more}`,
  )
  return answerAsic(log, url, authorise)
}

test('a message with a body, time-stamped alone and in a batch, becomes a container that a verifier passes', async (t) => {
  const { log, tsa, trust, exchange } = await setUp(t)
  const body = randomBytes(300_000)
  const seqs = [await exchange('single', body)]
  await log.timestampNow(seqs)
  seqs.push(await exchange('batch', body), await exchange('batch, no body'))
  await log.timestampNow(seqs)
  assert.equal(tsa.asked.length, 2)
  for (const seq of seqs) {
    const report = await verifyContainer(log.container(seq), trust)
    assert.equal(report.verdict, 'valid', JSON.stringify(report.checks))
    assert.equal(report.timestamp?.genTime, '2026-03-01T12:00:05.000Z')
  }
})

test('one message as a container, all of an id as a zip that unzip reads', async (t) => {
  const { directory, log, trust, exchange } = await setUp(t)
  const first = await exchange('an id/with "odd" characters', randomBytes(100))
  await exchange('an id/with "odd" characters')
  await exchange('another')
  await log.timestampNow([1, 2, 3])
  const single = await ask(log, 'an id/with "odd" characters', '&unique&requestOnly')
  assert.equal(single.status, 200)
  assert.deepEqual(single.headers, {
    'content-type': 'application/vnd.etsi.asic-e+zip',
    'content-disposition': `attachment; filename="an+id%2Fwith+%22odd%22+characters-request-${first.toString(32)}.asice"`,
  })
  assert.equal((await verifyContainer(single.body, trust)).verdict, 'valid')
  const all = await ask(log, 'an id/with "odd" characters')
  assert.equal(all.headers['content-type'], 'application/zip')
  assert.equal(all.headers['content-disposition'], 'attachment; filename="an+id%2Fwith+%22odd%22+characters.zip"')
  const zip = join(directory, 'all.zip')
  writeFileSync(zip, await collect(all.body))
  const requests = await ask(log, 'another', '&requestOnly')
  assert.equal(requests.headers['content-disposition'], 'attachment; filename="another-request.zip"')
  await collect(requests.body)
  if (!needsTools(t, 'unzip')) return
  assert.equal(tool('unzip', ['-tqq', zip]).status, 0)
  assert.deepEqual(
    tool('unzip', ['-Z1', zip]).stdout.trim().split('\n'),
    [1, 2].map((seq) => `an+id%2Fwith+%22odd%22+characters-request-${seq}.asice`),
  )
})

test('what is wrong with a request is told with the right status', async (t) => {
  const { log, exchange } = await setUp(t)
  const said = async (answer: Awaited<ReturnType<typeof ask>>) => {
    assert.equal(answer.headers['content-type'], 'text/plain; charset=UTF-8')
    return `${answer.status} ${(await collect(answer.body)).toString()}`
  }
  await exchange('waiting')
  for (const missing of ['queryId', 'xRoadInstance', 'memberClass', 'memberCode']) {
    const url = new URL('http://localhost/asic?queryId=q&xRoadInstance=DEMO&memberClass=GOV&memberCode=70000002')
    url.searchParams.delete(missing)
    assert.match(await said(await answerAsic(log, url, () => {})), new RegExp(`^400 .*"${missing}"`))
  }
  assert.match(await said(await ask(log, 'waiting', '&requestOnly&responseOnly')), /^400 /)
  assert.match(await said(await ask(log, 'waiting', '&unique')), /^400 /)
  assert.match(await said(await ask(log, 'nothing')), /^404 /)
  assert.match(await said(await ask(log, 'waiting', '&responseOnly')), /^404 /)
  assert.match(await said(await ask(log, 'waiting')), /^500 .*time-stamped/)
  const refuse = (client: ClientId) => {
    assert.deepEqual(client, SUBSYSTEM)
    throw fault('server.clientproxy', 'unknown_member', 'Client not found')
  }
  assert.equal(await said(await ask(log, 'waiting', '', refuse)), '401 Client not found')
  const breaks = () => {
    throw new Error('a secret of the inside')
  }
  assert.equal(await said(await ask(log, 'waiting', '', breaks)), '500 Internal error')
})

test('force time-stamps what waits, or says that it could not', async (t) => {
  const { log, tsa, trust, exchange } = await setUp(t)
  await exchange('waiting')
  tsa.behaviour = 'rejects'
  const refused = await ask(log, 'waiting', '&force&requestOnly&unique')
  assert.equal(refused.status, 500)
  tsa.behaviour = 'good'
  const answer = await ask(log, 'waiting', '&force&requestOnly&unique')
  assert.equal(answer.status, 200)
  assert.equal((await verifyContainer(answer.body, trust)).verdict, 'valid')
})

test('a record of another member is not found, and one of the member itself only without a subsystem', async (t) => {
  const { log, exchange } = await setUp(t)
  await exchange('q')
  await log.timestampNow([1])
  const url = (member: string) =>
    new URL(`http://localhost/asic?queryId=q&xRoadInstance=DEMO&memberClass=GOV&${member}`)
  const status = async (member: string) => (await answerAsic(log, url(member), () => {})).status
  assert.equal(await status('memberCode=70000002'), 404)
  assert.equal(await status('memberCode=70000002&subsystemCode=other'), 404)
  assert.equal(await status('memberCode=70000002&subsystemCode=client'), 200)
})

test('a container whose body was not kept says so; what was signed of it is proved', async (t) => {
  const { log, trust, exchange } = await setUp(t, { maxLoggedBodyBytes: 1000 })
  const body = randomBytes(2000)
  await exchange('long', body)
  await log.timestampNow([1])
  const report = await verifyContainer(log.container(1), trust)
  assert.deepEqual([report.verdict, report.subIndication], ['indeterminate', 'SIGNED_DATA_NOT_FOUND'])
  assert.deepEqual(report.message?.attachments, [])
  assert.deepEqual(report.provenDigests, [
    { name: 'attachment1', algorithm: 'SHA-512', value: Buffer.from(digest('SHA-512', body)).toString('hex') },
  ])
})

test('there is no container of what is not there, or not time-stamped', async (t) => {
  const { log, exchange } = await setUp(t)
  await exchange('waiting')
  await assert.rejects(collect(log.container(1)), code('timestamp_missing'))
  await assert.rejects(collect(log.container(2)), code('record_missing'))
})

for (const how of ['in clear', 'encrypted'] as const)
  test(`spooling and exporting a long body ${how} does not grow memory`, async (t) => {
    const keysFile = join(await temporaryDirectory(t), 'keys')
    const { log, exchange } = await setUp(t, how === 'encrypted' ? { encryption: { keysFile } } : {})
    const size = process.env['SAADIK_LONG'] ? 1024 : 160
    const spool = log.spool()
    const chunk = Buffer.alloc(1 << 20, 'The quick brown fox jumps over the lazy dog. ')
    const before = process.memoryUsage().rss
    let most = 0
    for (let index = 0; index < size; index++) {
      await spool.write(chunk)
      most = Math.max(most, process.memoryUsage().rss)
    }
    await exchange('short', randomBytes(10))
    await log.append(record({ queryId: 'long', member: SUBSYSTEM, body: await spool.finish() }))
    await log.timestampNow([1, 2])
    const answer = await ask(log, 'long')
    for await (const _chunk of answer.body) most = Math.max(most, process.memoryUsage().rss)
    assert.ok(most - before < 100 << 20, `grew by ${(most - before) >> 20} MiB over ${size} MiB`)
  })
