// How this folder runs: each property over some hundred inputs in `npm test`, over a hundred times as many in the long mode. The seed is
// told, and `SAADIK_SEED` (with `SAADIK_PATH`, from fast-check's report) runs the same inputs again.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { tick, watch } from './watchdog.ts'

const LONG = process.env['SAADIK_LONG'] !== undefined
const SEED = Number(process.env['SAADIK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const PATH = process.env['SAADIK_PATH']

/** Inputs between two lines of progress; also how long one seed lasts. */
const BATCH = 10_000
/** Nothing here reads more than some hundred KB at once, so a process that needs more has kept what it should not. Kilobytes. */
const MAX_RSS = 1_000_000

type Class = new (...args: never[]) => Error

/** Short mode: as many inputs; long mode: a hundred times as many, or as said. */
export type Runs = number | { readonly short: number; readonly long: number }

/**
 * A property as a test. `check` throws where it does not hold; it tells whether the input was taken rather than refused, so that a
 * campaign in which everything fails at the first octet can be seen.
 */
export function property<T>(
  name: string,
  runs: Runs,
  inputs: fc.Arbitrary<T>,
  check: (input: T) => boolean | undefined | Promise<boolean | undefined>,
): void {
  test(name, async (t) => {
    const { short, long } = typeof runs === 'number' ? { short: runs, long: runs * 100 } : runs
    const total = LONG ? long : short
    let taken = 0
    let slowest = 0
    const held = fc.asyncProperty(inputs, async (input) => {
      const before = performance.now()
      const done = check(input)
      if (done instanceof Promise ? await done : done) taken += 1
      slowest = Math.max(slowest, performance.now() - before)
      tick()
    })
    for (let done = 0, seed = SEED; done < total; done += BATCH, seed += 1) {
      const numRuns = Math.min(BATCH, total - done)
      watch(`${name}: SAADIK_SEED=${seed}`)
      try {
        const result = await fc.check(held, { seed, numRuns, ...(PATH === undefined ? {} : { path: PATH }) })
        if (result.failed) throw failure(name, result)
      } finally {
        watch('')
      }
      if (LONG) process.stderr.write(`${name}: ${done + numRuns} of ${total}\n`)
      if (PATH !== undefined) break
    }
    t.diagnostic(`seed ${SEED}, ${total} inputs, ${taken} taken, the slowest ${slowest.toFixed(1)} ms`)
    const { maxRSS } = process.resourceUsage()
    assert.ok(maxRSS < MAX_RSS, `${maxRSS} KB of memory`)
  })
}

/** How to see it again, and the smallest input that was found, bytes as text. */
function failure<T>(
  name: string,
  { seed, counterexamplePath, counterexample, errorInstance }: fc.RunDetails<[T]>,
): Error {
  const shown = JSON.stringify(counterexample?.[0], (_key, value: unknown) =>
    isBuffer(value) ? Buffer.from(value.data).toString('latin1') : typeof value === 'bigint' ? `${value}` : value,
  )
  return new Error(
    `${name} does not hold: SAADIK_SEED=${seed} SAADIK_PATH=${counterexamplePath}\n${shown?.slice(0, 8_000)}\n${errorInstance instanceof Error ? errorInstance.stack : errorInstance}`,
  )
}

/** What JSON sees of a Buffer. */
function isBuffer(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'Buffer' && 'data' in value
}

/** What a parser gives, or undefined where it refuses in its own words. Any other error is a crash and fails the property. */
export function bears<T>(parse: () => T, ...refusals: readonly Class[]): { readonly value: T } | undefined {
  try {
    return { value: parse() }
  } catch (error) {
    return refused(error, refusals)
  }
}

/** {@link bears} for what streams. */
export async function bearsAsync<T>(
  parse: () => Promise<T>,
  ...refusals: readonly Class[]
): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await parse() }
  } catch (error) {
    return refused(error, refusals)
  }
}

function refused(error: unknown, refusals: readonly Class[]): undefined {
  if (refusals.some((refusal) => error instanceof refusal)) return undefined
  throw new Error(`a crash: ${(error as Error)?.stack ?? error}`, { cause: error })
}
