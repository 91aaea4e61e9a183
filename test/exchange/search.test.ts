// What both servers have logged of an exchange is found by everything that is known of it, over the control socket and by `saadik log`.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import type { LogListing, LogRecordDescription } from '#security-server/contract'
import { CLIENT, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import type { StateServer } from '../federation/state.ts'
import { onlyOn } from '../stores.ts'

const SERVICE = SERVICE_PATH.slice('/r1/'.length)
const OTHER = 'TEST/GOV/2222/archive'

let pair: Pair
before(async () => {
  pair = await startPair({
    consumerConfig: { messageLog: { textSearch: true } },
    services: (url) => [{ code: 'items', url, access: [{ subject: CLIENT }] }],
  })
  for (const [id, headers] of Object.entries({
    plain: {},
    'for-somebody': {
      'X-Road-UserId': 'EE38001010000',
      'X-Road-Issue': 'case 7/2026',
      'X-Road-Represented-Party': 'COM/12345678',
    },
    'for-another': { 'X-Road-UserId': 'EE49001010000', 'X-Road-Issue': 'case 8/2026' },
  })) {
    const body = JSON.stringify({ said: `of ${id}`, name: 'Õnne Tamm' })
    const answer = await pair.call('/echo', { method: 'POST', body, headers: { 'X-Road-Id': id, ...headers } })
    assert.equal(answer.status, 200, await answer.text())
  }
})
after(() => pair?.stop())

async function found(server: StateServer, parameters: Record<string, string>): Promise<LogListing> {
  return await server.control.get<LogListing>(`/log?${new URLSearchParams(parameters)}`)
}

async function ids(server: StateServer, parameters: Record<string, string>): Promise<string[]> {
  const { records } = await found(server, { order: 'oldest', ...parameters })
  return records.map(({ queryId, direction }) => `${queryId} ${direction}`)
}

function saadik(
  server: StateServer,
  ...words: readonly string[]
): { status: number | null; stdout: string; stderr: string } {
  const main = resolve(import.meta.dirname, '../../cli/main.ts')
  return spawnSync(process.execPath, [main, 'log', ...words, '--config', server.configFile], { encoding: 'utf8' })
}

test('request and response are found on both sides by user, issue, parties and service', async () => {
  const both = ['for-somebody request', 'for-somebody response']
  for (const server of [pair.consumer, pair.provider]) {
    assert.deepEqual(await ids(server, { userId: 'EE38001010000' }), both)
    assert.deepEqual(await ids(server, { issue: 'case 7/2026' }), both)
    assert.deepEqual(await ids(server, { id: 'for-somebody', client: CLIENT, service: SERVICE }), both)
    assert.deepEqual(await ids(server, { userId: 'EE38001010000', issue: 'case 8/2026' }), [])
    assert.equal((await ids(server, { member: 'TEST/GOV/1111' })).length, 6)
    assert.deepEqual(await ids(server, { client: OTHER }), [])
    const { records } = await found(server, { id: 'for-somebody', direction: 'response' })
    const { client, service, userId, issue, representedParty, protocol } = records[0] ?? {}
    assert.deepEqual(
      { client, service, userId, issue, representedParty, protocol },
      {
        ...{ client: CLIENT, service: SERVICE, userId: 'EE38001010000', issue: 'case 7/2026' },
        ...{ representedParty: 'COM/12345678', protocol: 'rest' },
      },
    )
  }
  const { records } = await found(pair.consumer, { id: 'plain' })
  const [response, request] = records
  assert.equal(request?.requestId, response?.requestId)
  assert.deepEqual(await ids(pair.provider, { requestId: request?.requestId ?? '' }), [
    'plain request',
    'plain response',
  ])
})

test('what was said is searched only where the configuration allows it', async () => {
  assert.deepEqual(await ids(pair.consumer, { text: 'of for-another' }), [
    'for-another request',
    'for-another response',
  ])
  assert.equal((await ids(pair.consumer, { text: 'õnne tamm' })).length, 6)
  await assert.rejects(ids(pair.provider, { text: 'õnne tamm' }), {
    code: 'control_failed',
    message: /must not be searched/,
  })
})

test('a search that is none is refused in words', async () => {
  for (const query of ['nothing=1', 'limit=0', 'from=yesterday', 'cursor=none', 'client=x'])
    await assert.rejects(pair.consumer.control.get(`/log?${query}`), {
      code: 'control_failed',
      message: /cannot be done/,
    })
})

test('`saadik log find` prints what it found, page by page', () => {
  const all = saadik(pair.consumer, 'find', '--user', 'EE38001010000', '--from', '2020-01-01', '--oldest')
  assert.equal(all.status, 0, all.stderr)
  const lines = all.stdout.trimEnd().split('\n')
  assert.equal(lines.length, 2)
  assert.match(lines[0] ?? '', new RegExp(`consumer request .*${CLIENT} → ${SERVICE} .*for-somebody .*case 7/2026`))
  const first = saadik(pair.consumer, 'find', '--limit', '4')
  assert.equal(first.stdout.trimEnd().split('\n').length, 4)
  const cursor = /--cursor (\S+)/.exec(first.stderr)?.[1]
  const second = saadik(pair.consumer, 'find', '--cursor', cursor ?? '', '--json')
  const { records, next } = JSON.parse(second.stdout) as LogListing
  assert.deepEqual([records.map(({ seq }) => seq), next], [[2, 1], undefined])
  assert.equal(saadik(pair.consumer, 'find', 'plain', '--direction', 'request').stdout.trimEnd().split('\n').length, 1)
})

test('`saadik log find` says where nothing is found, and what it does not understand', () => {
  const none = saadik(pair.consumer, 'find', 'nowhere')
  assert.deepEqual([none.status, none.stdout], [1, ''])
  assert.match(none.stderr, /no message was found/)
  for (const words of [
    ['--from', 'soon'],
    ['--limit', '0'],
    ['--limit', '1000000'],
    ['x', '--id', 'y'],
    ['--side', 'left'],
  ])
    assert.notEqual(saadik(pair.consumer, 'find', ...words).status, 0, words.join(' '))
})

test('`saadik log show` prints a message and its body, and judges nothing', async () => {
  const { records } = await found(pair.consumer, { id: 'for-somebody', direction: 'request' })
  const seq = records[0]?.seq ?? 0
  const shown = saadik(pair.consumer, 'show', String(seq))
  assert.equal(shown.status, 0, shown.stderr)
  for (const part of [/user +EE38001010000/, /signed by +.*CN=/, /^\/r1\/TEST/m, /"said":"of for-somebody"/])
    assert.match(shown.stdout, part)
  assert.match(shown.stderr, /nothing of this is verified/)
  const description = JSON.parse(saadik(pair.consumer, 'show', String(seq), '--json').stdout) as LogRecordDescription
  assert.equal(description.body?.kept, true)
  assert.equal(description.signature.batch, true)
  assert.match(saadik(pair.consumer, 'show', '999').stderr, /no record 999/)
})

test('a damaged record is named where it is found, and is not shown', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const { records } = await found(pair.provider, { id: 'plain', direction: 'request' })
  const seq = records[0]?.seq ?? 0
  const segment = join(pair.provider.directory, 'message-log', 'segments', '0000000000000001')
  const bytes = readFileSync(segment)
  const at = bytes.indexOf('of plain')
  bytes[at] = 0x4f
  // Another file: the server goes on with the one that it has open until it starts again.
  rmSync(segment)
  writeFileSync(segment, bytes)
  await pair.provider.restart()
  const listing = saadik(pair.provider, 'find', 'plain')
  assert.equal(listing.status, 0)
  assert.match(listing.stdout, /DAMAGED/)
  assert.match(saadik(pair.provider, 'show', String(seq)).stderr, /not what was logged/)
})
