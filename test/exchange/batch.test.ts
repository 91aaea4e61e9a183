// Messages under load share signatures: what consumer and provider exchange, log and give out then is evidence all the same.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { readZip, verifyContainer } from '#evidence'
import { readConfigurationDirectory } from '#global-configuration'
import { collect } from '#protocol'
import { type Pair, startPair } from '../federation/pair.ts'
import { needsTools, tool } from '../tools.ts'

const CONSUMER_MEMBER = 'xRoadInstance=TEST&memberClass=GOV&memberCode=2222&subsystemCode=office'
const PROVIDER_MEMBER = 'xRoadInstance=TEST&memberClass=GOV&memberCode=1111&subsystemCode=registry'
const CONCURRENT = 64
const root = resolve(import.meta.dirname, '..', '..')

const folder = await mkdtemp(join(tmpdir(), 'saadik-batch-'))
after(() => rm(folder, { recursive: true, force: true }))

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

interface Container {
  readonly bytes: Buffer
  readonly entries: ReadonlyMap<string, Buffer>
}

async function container(client: string, member: string, queryId: string, leg: string): Promise<Container> {
  const answer = await fetch(`${client}/asic?queryId=${queryId}&${member}&${leg}&unique&force`)
  const bytes = Buffer.from(await answer.arrayBuffer())
  assert.equal(answer.status, 200, bytes.toString())
  const entries = new Map<string, Buffer>()
  for await (const entry of readZip(one(bytes)))
    entries.set(entry.name, Buffer.from(await collect(entry.body, 1 << 24)))
  return { bytes, entries }
}

/** Whether its chain leads past other messages: a step with a value that is not of this one. */
function isShared({ entries }: Container): boolean {
  return entries.get('sig-hashchain.xml')?.includes('<h:HashValue>') ?? false
}

async function judgedByOthers(t: TestContext, pair: Pair, { bytes, entries }: Container): Promise<void> {
  const file = join(folder, 'shared.asice')
  await writeFile(file, bytes)
  const conf = join(pair.consumer.directory, 'configuration')
  const verify = [join(root, 'bin', 'saadik.js'), 'verify', file, '--conf', conf, '--json']
  const saadik = spawnSync(process.execPath, verify, { encoding: 'utf8' })
  assert.equal(saadik.status, 0, saadik.stdout + saadik.stderr)
  assert.equal(JSON.parse(saadik.stdout).files[0].indication, 'TOTAL-PASSED')
  if (!needsTools(t, 'xmlsec1')) return
  const [xml, result] = [join(folder, 'signatures.xml'), join(folder, 'sig-hashchainresult.xml')]
  await writeFile(xml, entries.get('META-INF/signatures.xml') ?? '')
  await writeFile(result, entries.get('sig-hashchainresult.xml') ?? '')
  const map = ['--url-map:/sig-hashchainresult.xml', result]
  const judge = () => tool('xmlsec1', ['--verify', ...map, '--id-attr:Id', 'SignedProperties', '--insecure', xml])
  const good = judge()
  assert.equal(good.status, 0, good.stderr)
  await writeFile(result, `${entries.get('sig-hashchainresult.xml')} `)
  assert.notEqual(judge().status, 0)
}

for (const algorithm of ['EC-P256', 'RSA-2048'] as const)
  test(`${algorithm}: ${CONCURRENT} requests at once, with and without bodies`, async (t) => {
    const pair = await startPair({ algorithm })
    try {
      const { trust } = await readConfigurationDirectory(join(pair.consumer.directory, 'configuration'))
      const ids = Array.from({ length: CONCURRENT }, (_, index) => `${algorithm}-${index}`)
      await Promise.all(
        ids.map(async (id, index) => {
          const body = index % 2 === 0 ? undefined : `body of ${id}`
          const answer = await pair.call(body === undefined ? `/items/${index}` : '/echo', {
            headers: { 'X-Road-Id': id },
            ...(body === undefined ? {} : { method: 'POST', body }),
          })
          const text = await answer.text()
          assert.equal(answer.status, 200, text)
          if (body !== undefined) assert.match(text, new RegExp(body))
        }),
      )
      const shared = { requestOnly: 0, responseOnly: 0 }
      let sample: Container | undefined
      for (const leg of ['requestOnly', 'responseOnly'] as const)
        for (const [server, member] of [
          [pair.consumer, CONSUMER_MEMBER],
          [pair.provider, PROVIDER_MEMBER],
        ] as const)
          for (const found of await Promise.all(ids.map((id) => container(server.client, member, id, leg)))) {
            const report = await verifyContainer(one(found.bytes), trust)
            assert.equal(report.indication, 'TOTAL-PASSED', JSON.stringify(report.checks.filter((check) => !check.ok)))
            if (!isShared(found)) continue
            shared[leg] += 1
            sample ??= found
          }
      t.diagnostic(`containers with a shared signature: ${JSON.stringify(shared)}`)
      assert.ok(shared.requestOnly > 0, 'no two requests shared a signature')
      assert.ok(shared.responseOnly > 0, 'no two responses shared a signature')
      assert.ok(sample)
      await judgedByOthers(t, pair, sample)
    } finally {
      await pair.stop()
    }
  })
