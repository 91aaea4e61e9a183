import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { turnstile } from '#host'

test('one after another in the order they came; a failure is its own, and lets the next through', async () => {
  const takeTurns = turnstile()
  const seen: string[] = []
  const task = (name: string, ms: number) => async () => {
    seen.push(`${name} in`)
    await pause(ms)
    seen.push(`${name} out`)
    if (name === 'b') throw new Error('b fails')
    return name
  }
  const results = await Promise.allSettled([takeTurns(task('a', 5)), takeTurns(task('b', 1)), takeTurns(task('c', 0))])
  assert.deepEqual(seen, ['a in', 'a out', 'b in', 'b out', 'c in', 'c out'])
  assert.deepEqual(
    results.map((result) => (result.status === 'fulfilled' ? result.value : result.reason.message)),
    ['a', 'b fails', 'c'],
  )
})
