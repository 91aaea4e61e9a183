// A message log that is encrypted at rest, between two real servers: no word of a message is on their disks, the evidence is whole, and the
// operator changes keys by command.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { rename, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type { LogKeyListing } from '#security-server/contract'
import { filesWith } from '../federation/canary.ts'
import { assertPassed, entriesOf, evidenceOf, verdictOf } from '../federation/evidence.ts'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { logged } from '../federation/process.ts'
import { envelope, multipart } from '../federation/soap.ts'
import type { StateServer } from '../federation/state.ts'

const PROVIDER = 'TEST/GOV/1111/registry'
const CANARY = 'canary-of-a-message'
const LARGE = `${CANARY} `.repeat(20_000)

let pair: Pair
before(async () => {
  const config = { messageLog: { encryption: { keysFile: 'log.keys' } } }
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, access: [{ subject: CLIENT }] },
      { wsdl: `${url}/soap.wsdl`, access: [{ subject: CLIENT }] },
    ],
    providerConfig: config,
    consumerConfig: config,
  })
})
after(() => pair?.stop())

const keysFile = (server: StateServer) => join(dirname(server.configFile), 'log.keys')

async function exchange(id: string, body: string): Promise<void> {
  const answer = await pair.call(`/echo/${CANARY}?q=${CANARY}`, {
    method: 'POST',
    headers: { 'X-Road-Id': id, 'X-Canary': CANARY, 'Content-Type': 'text/plain' },
    body,
  })
  assert.equal(await answer.text(), body)
}

function saadik(...args: readonly string[]): {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
} {
  const main = resolve(import.meta.dirname, '../../cli/main.ts')
  const words = [...args, '--config', pair.provider.configFile]
  return spawnSync(process.execPath, [main, ...words], { encoding: 'utf8' })
}

const keysOf = (): LogKeyListing['keys'] => JSON.parse(saadik('log', 'keys', 'list', '--json').stdout).keys

async function whole(...ids: readonly string[]): Promise<void> {
  for (const id of ids)
    for (const [server, member] of [
      [pair.consumer, CLIENT],
      [pair.provider, PROVIDER],
    ] as [StateServer, string][])
      for (const leg of ['requestOnly', 'responseOnly'] as const) {
        const container = await evidenceOf(server, member, id, leg)
        assertPassed(await verdictOf(server, container))
        assert.ok(Buffer.concat([...(await entriesOf(container)).values()]).includes(CANARY))
      }
}

test('no word of a message is on the disk, and its evidence is whole', async () => {
  await exchange('small', CANARY)
  await exchange('large', LARGE)
  const body = multipart('isB', [
    ['Content-Type: text/xml', envelope('count', 'soap', { body: `<mark>${CANARY}</mark>` })],
    ['Content-Type: a/b', LARGE],
    ['Content-Type: a/b', CANARY],
  ])
  const answer = await fetch(pair.consumer.client, {
    method: 'POST',
    headers: { 'Content-Type': 'multipart/related; type="text/xml"; boundary=isB' },
    body: new Uint8Array(body),
  })
  assert.match(await answer.text(), /countResponse/)
  for (const server of [pair.consumer, pair.provider]) {
    assert.deepEqual(await filesWith(server.directory, CANARY), [])
    assert.equal((await stat(keysFile(server))).mode & 0o777, 0o600)
  }
  await whole('small', 'large')
  assertPassed(await verdictOf(pair.provider, await evidenceOf(pair.provider, PROVIDER, 'soap', 'requestOnly')))
})

test('keys are listed, made and retired by command, and outlive the process', async () => {
  const [first] = keysOf()
  assert.ok(first?.current && first.records === 6)
  const made = saadik('log', 'keys', 'new')
  assert.equal(made.status, 0, made.stderr)
  await exchange('later', LARGE)
  assert.match(saadik('log', 'keys', 'list').stdout, / 6 records {2}needed\n.* 2 records {2}for new records\n/)
  const refused = saadik('log', 'keys', 'retire', first.id.slice(0, 6))
  assert.notEqual(refused.status, 0)
  assert.match(refused.stderr, /needed for 6 records/)
  assert.notEqual(saadik('log', 'keys', 'retire', 'ffff').status, 0)
  // One that nothing was encrypted with goes.
  assert.equal(saadik('log', 'keys', 'new').status, 0)
  assert.equal(saadik('log', 'keys', 'new').status, 0)
  const idle = keysOf()[2]
  assert.ok(idle && idle.records === 0 && !idle.current)
  assert.equal(saadik('log', 'keys', 'retire', idle.id).status, 0)
  const keys = keysOf()
  await pair.provider.restart('SIGKILL')
  assert.deepEqual(keysOf(), keys)
  await exchange('after', CANARY)
  await whole('small', 'large', 'later', 'after')
  assert.deepEqual(await filesWith(pair.provider.directory, CANARY), [])
})

test('a server whose keys are away does not start, says which, and is as before when they are back', async () => {
  const file = keysFile(pair.provider)
  await rename(file, `${file}.away`)
  await assert.rejects(pair.provider.restart())
  await rename(`${file}.away`, file)
  await pair.provider.start()
  await exchange('back', CANARY)
  await whole('small', 'back')
  assert.ok(!(await logged(CANARY, pair.provider.process)))
})
