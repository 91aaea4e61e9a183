// The queue before the store: bounded, in order, and nothing is lost because the store failed for a while.
import assert from 'node:assert/strict'
import test from 'node:test'
import { Batches } from '../../../../security-server/monitoring/operational/batches.ts'
import { Exchange } from '../../../../security-server/monitoring/operational/exchange.ts'
import type { Finished } from '../../../../security-server/monitoring/operational/to-record.ts'

function finished(messageId: string): Finished {
  const exchange = new Exchange('Client', 0, false)
  exchange.messageId = messageId
  return { exchange, outcome: { succeeded: true }, responseOutTs: 0 }
}

function queue(store: (ids: string[]) => Promise<void>, queueRecords = 1000) {
  const lines: string[] = []
  const note = (message: string) => void lines.push(message)
  const batches = new Batches({
    store: (batch) => store(batch.map(({ exchange }) => exchange.messageId ?? '')),
    queueRecords,
    intervalMs: 10,
    log: { error: note, warn: note, info: note, debug: note },
  })
  return { batches, lines }
}

const ids = (count: number, first = 0) => Array.from({ length: count }, (_, n) => String(n + first))

test('everything arrives in order, in batches', async () => {
  const stored: string[][] = []
  const { batches } = queue(async (batch) => void stored.push(batch), 10_000)
  for (const id of ids(1250)) batches.add(finished(id))
  await batches.close()
  assert.deepEqual(stored.flat(), ids(1250))
  assert.ok(stored.length >= 3)
  assert.equal(batches.waiting, 0)
})

test('above its bound the oldest go, counted and said once', async () => {
  const stored: string[] = []
  const { batches, lines } = queue(async (batch) => void stored.push(...batch), 50)
  for (const id of ids(80)) batches.add(finished(id))
  assert.deepEqual([batches.waiting, batches.dropped], [50, 30])
  await batches.close()
  assert.deepEqual(stored, ids(50, 30))
  assert.deepEqual(lines, ['operational data dropped: the queue is full'])
})

test('a batch that the store did not take is first in the next one', async () => {
  const stored: string[] = []
  const tried = Promise.withResolvers<void>()
  let fails = true
  const { batches, lines } = queue(async (batch) => {
    if (!fails) return void stored.push(...batch)
    fails = false
    setImmediate(tried.resolve)
    throw new Error('disk full')
  })
  for (const id of ids(3)) batches.add(finished(id))
  const alive = setTimeout(() => {}, 10_000)
  await tried.promise
  clearTimeout(alive)
  batches.add(finished('3'))
  await batches.close()
  assert.deepEqual(stored, ids(4))
  assert.deepEqual(lines, ['operational data could not be stored; tried again'])
  assert.equal(batches.dropped, 0)
})

test('at the end a store that fails is not asked for ever', async () => {
  const { batches, lines } = queue(() => Promise.reject(new Error('disk full')))
  for (const id of ids(700)) batches.add(finished(id))
  await batches.close()
  assert.equal(batches.dropped, 700)
  assert.ok(lines.includes('operational data lost at the end'))
})
