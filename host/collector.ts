// V8's garbage collector, set for a server: many small messages, long bodies, little that stays, few cores.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Young objects are collected by the thread that made them: waking helper threads for a few hundred KB that survive cost more than
 * they saved. Old ones are marked when 70 % of what they may grow by is used. V8's own rule starts when that is less than the young
 * generation, so in a heap of 30 MB after every second young collection. Measured on the exchange of 2 KB messages: together 20–25 %
 * less CPU (bench/README.md).
 */
const FLAGS = [
  '--no-parallel-scavenge',
  '--incremental-marking-soft-trigger=70',
  '--incremental-marking-hard-trigger=90',
  '--expose-gc',
]

/** What a start leaves behind is collected once it is over. */
const AFTER_START_MS = 1_000
/** V8 lets 64 MB of dead buffers gather before it looks at them; a server with a long body in each direction holds twice that. */
const PASSED_BYTES = 8 * 1024 * 1024

type Collect = (options: { readonly type: 'minor' | 'major'; readonly flavor?: 'last-resort' }) => void
let collect: Collect | undefined
let passed = 0

/** For all threads of the process. V8 reads the flags at each collection, so they may be set while a process starts. */
export function tuneCollector(): void {
  for (const flag of FLAGS) setFlagsFromString(flag)
  collect = runInNewContext('gc') as Collect
}

/** Gives back what only the start needed: a third of the heap, which nothing else would touch for hours. */
export function collectAfterStart(): void {
  setTimeout(() => collect?.({ type: 'major', flavor: 'last-resort' }), AFTER_START_MS).unref()
}

/**
 * Says that so many bytes of a long body have passed through buffers that are dead now. Every 8 MiB the young generation is
 * collected, which takes well under a millisecond: memory then does not grow with the length of bodies.
 */
export function passedOn(bytes: number): void {
  passed += bytes
  if (passed < PASSED_BYTES) return
  passed = 0
  collect?.({ type: 'minor' })
}
