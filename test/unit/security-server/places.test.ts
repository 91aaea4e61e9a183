// How many calls of a service are under way, and what becomes of those that wait.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { callFault } from '../../../security-server/provider/call-fault.ts'
import { NoPlaceError, Places } from '../../../security-server/provider/places.ts'

test('those who wait get the places that are given back, in their order', async () => {
  const places = new Places(2, 10)
  const [first, second] = [await places.take(0), await places.take(0)]
  const order: string[] = []
  const waiting = ['a', 'b', 'c'].map(async (name) => {
    const leave = await places.take(10_000)
    order.push(name)
    return leave
  })
  await sleep(10)
  assert.deepEqual(order, [])
  first()
  // Giving it back again gives nothing.
  first()
  await sleep(10)
  assert.deepEqual(order, ['a'])
  second()
  ;(await waiting[0])?.()
  for (const leave of await Promise.all(waiting)) leave()
  assert.deepEqual(order, ['a', 'b', 'c'])
  await places.take(1)
  await places.take(1)
})

test('nobody waits behind too many, or for longer than its time', async () => {
  const places = new Places(1, 1)
  const leave = await places.take(0)
  const late = places.take(20)
  await assert.rejects(places.take(10_000), NoPlaceError)
  await assert.rejects(late, NoPlaceError)
  // Who has given up is handed no place.
  const patient = places.take(0)
  leave()
  const last = await patient
  last()
  await places.take(1)
})

test('it is told as a service that does not answer', async () => {
  const { code } = callFault(new NoPlaceError('x'), 'server.serverproxy.service_failed')
  assert.equal(code, 'server.serverproxy.service_failed.io_error')
})
