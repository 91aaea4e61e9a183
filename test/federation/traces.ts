// What an exchange that went wrong may leave behind: a count, the records of what was whole, their bodies; and servers that go on.
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogListing, SecurityServerStatus } from '#security-server/contract'
import { askStore } from '../stores.ts'
import type { Pair } from './pair.ts'
import type { StateServer } from './state.ts'

/** Waits for something to come true, within a bound that is no claim about speed. */
export async function until(condition: () => Promise<boolean>, seconds = 20): Promise<void> {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    if (await condition().catch(() => false)) return
    await sleep(100)
  }
  assert.fail(`it did not come true: ${condition}`)
}

/** What the log has under an id: `request`, `request,response` or nothing. */
export async function recordsOf(server: StateServer, queryId: string): Promise<string> {
  const { records } = await server.control.get<LogListing>(`/log?order=oldest&id=${encodeURIComponent(queryId)}`)
  return records.map(({ direction }) => direction).join()
}

/** How often it has happened on this server: `consumer.ok`, `provider.server.serverproxy.io_error`. */
export async function counted(server: StateServer, key: string): Promise<number> {
  return (await server.control.get<SecurityServerStatus>('/status')).counters.counts[key] ?? 0
}

/** Bodies above 64 KiB, which lie outside their records: those that records name, and those under way. */
export async function bodiesOf(server: StateServer): Promise<number> {
  const place = server.place('message-log')
  if (!('file' in place)) return (await askStore(place, 'SELECT file FROM log_body')).length
  const folder = join(server.directory, 'message-log', 'bodies')
  const entries = await readdir(folder, { withFileTypes: true, recursive: true })
  return entries.filter((entry) => entry.isFile()).length
}

export interface Traces {
  /** `consumer.CODE` or `provider.CODE`: each counted once more, on that side. */
  readonly counts: readonly string[]
  /** What each side's log has of it (recordsOf); nothing when absent. */
  readonly consumer?: string
  readonly provider?: string
  /** Files of bodies that each side keeps of it, because a record names them; none when absent. */
  readonly keeps?: readonly [consumer: number, provider: number]
}

/** Does it under this id, and looks at what it has left on both sides: that, and servers that are well and exchange. */
export async function leaves(pair: Pair, id: string, traces: Traces, act: () => Promise<void>): Promise<void> {
  const { consumer, provider } = pair
  const sideOf = (key: string) => (key.startsWith('consumer.') ? consumer : provider)
  const [keptHere, keptThere] = traces.keeps ?? [0, 0]
  const counts = await Promise.all(traces.counts.map((key) => counted(sideOf(key), key)))
  const files = [(await bodiesOf(consumer)) + keptHere, (await bodiesOf(provider)) + keptThere]
  await act()
  for (const [index, key] of traces.counts.entries())
    await until(async () => (await counted(sideOf(key), key)) === (counts[index] ?? 0) + 1)
  await until(async () => (await bodiesOf(consumer)) === files[0] && (await bodiesOf(provider)) === files[1])
  assert.equal(await recordsOf(consumer, id), traces.consumer ?? '', "the consumer's log")
  assert.equal(await recordsOf(provider, id), traces.provider ?? '', "the provider's log")
  for (const server of [consumer, provider]) assert.equal((await fetch(server.health)).status, 200)
  assert.equal((await pair.call('/items/1')).status, 200)
}
