// When the archiver runs: after a start, a success, a failure, with clocks that jump.
import assert from 'node:assert/strict'
import test from 'node:test'
import { Schedule } from '../../../../security-server/archive/schedule.ts'
import { until } from '../message-log/fixture.ts'

const PACE = { intervalMs: 6 * 3_600_000, afterStartMs: 60_000, afterFailureMs: 600_000 }
const NOW = new Date('2026-03-01T12:00:00Z')
const HOUR = 3_600_000

function scheduled(work: () => Promise<void> = async () => undefined): Schedule {
  return new Schedule(work, () => NOW, PACE)
}

/** Minutes until it runs. */
const wait = (schedule: Schedule) => ((schedule.next?.getTime() ?? Number.NaN) - NOW.getTime()) / 60_000

test('after a start it goes on from the last success', async () => {
  for (const [last, minutes] of [
    [undefined, 10],
    [new Date(NOW.getTime() - HOUR), 300],
    [new Date(NOW.getTime() - 5.999 * HOUR), 1],
    [new Date(NOW.getTime() - 100 * HOUR), 1],
    // The clock was set back.
    [new Date(NOW.getTime() + 100 * HOUR), 1],
  ] as const) {
    const schedule = scheduled()
    schedule.begin(last)
    assert.equal(wait(schedule), minutes)
    await schedule.end()
  }
})

test('a success waits for the interval, a failure less', async () => {
  let fails = true
  const schedule = scheduled(async () => {
    if (fails) throw new Error('not today')
  })
  await assert.rejects(schedule.run(), /not today/)
  assert.equal(wait(schedule), 10)
  fails = false
  await schedule.run()
  assert.equal(wait(schedule), 360)
  await schedule.end()
})

test('there is one run at a time, and none after the end, which waits for it', async () => {
  let running = 0
  let runs = 0
  let release = () => {}
  const schedule = scheduled(async () => {
    running += 1
    runs += 1
    assert.equal(running, 1)
    await new Promise<void>((resolve) => {
      release = resolve
    })
    running -= 1
  })
  const both = [schedule.run(), schedule.run()]
  assert.equal(schedule.next, undefined)
  let over = false
  const end = schedule.end().then(() => {
    over = true
  })
  assert.equal(over, false)
  release()
  await Promise.all([...both, end])
  await schedule.run()
  assert.equal(runs, 1)
})

test('it runs by itself', async () => {
  let runs = 0
  const schedule = new Schedule(
    async () => {
      runs += 1
    },
    () => new Date(),
    { intervalMs: 20, afterStartMs: 1, afterFailureMs: 1 },
  )
  schedule.begin(undefined)
  // A timer of its own does not keep a process alive.
  const alive = setInterval(() => undefined, 1000)
  await until(() => runs >= 3)
  clearInterval(alive)
  await schedule.end()
})
