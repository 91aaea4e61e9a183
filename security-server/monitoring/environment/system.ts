// Processor, memory, swap and open files, measured every few seconds; Linux tells through /proc, elsewhere the rest is left out.
import { readdir, readFile } from 'node:fs/promises'
import { cpus, freemem, totalmem } from 'node:os'
import type { Clock } from '#host'
import type { EnvironmentMetric } from './metric-set.ts'
import { SlidingValues } from './sliding.ts'

const EVERY_MS = 5_000
const WINDOW_MS = 3_600_000
const KIB = 1024
const PAGE_BYTES = 4096
/** X-Road's processor load is a share times 100. */
const PERCENT = 100

const HISTOGRAMS = [
  'SystemCpuLoad',
  'FreePhysicalMemory',
  'FreeSwapSpace',
  'OpenFileDescriptorCount',
  'CommittedVirtualMemory',
] as const

export class SystemMetrics {
  readonly #clock: Clock
  readonly #histograms = new Map(HISTOGRAMS.map((name) => [name, new SlidingValues(WINDOW_MS / EVERY_MS)]))
  readonly #totals = new Map<string, number>()
  readonly #timer: NodeJS.Timeout
  readonly #first: Promise<void>
  #processor = processorTimes()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#timer = setInterval(() => void this.#measure(), EVERY_MS)
    this.#timer.unref()
    this.#first = this.#measure()
  }

  /** What cannot be read is not told. */
  async #measure(): Promise<void> {
    const at = this.#clock.now()
    this.#measureProcessor(at)
    this.#totals.set('TotalPhysicalMemory', totalmem())
    this.#add('FreePhysicalMemory', freemem(), at)
    const [memory, limits, pages, files] = await Promise.all([
      text('/proc/meminfo'),
      text('/proc/self/limits'),
      text('/proc/self/statm'),
      readdir('/proc/self/fd').catch(() => undefined),
    ])
    const swap = (name: string) => kibibytes(memory, name)
    this.#set('TotalSwapSpace', swap('SwapTotal'))
    this.#add('FreeSwapSpace', swap('SwapFree'), at)
    this.#set('MaxFileDescriptorCount', numberIn(limits, /^Max open files\s+(\d+)/m))
    this.#add('OpenFileDescriptorCount', files?.length, at)
    const size = numberIn(pages, /^(\d+)/)
    this.#add('CommittedVirtualMemory', size === undefined ? undefined : size * PAGE_BYTES, at)
  }

  async metrics(): Promise<EnvironmentMetric[]> {
    await this.#first
    const found: EnvironmentMetric[] = [...this.#totals].map(([name, value]) => ({ name, value: String(value) }))
    for (const [name, values] of this.#histograms) {
      const metric = values.metric(name)
      if (metric !== undefined) found.push(metric)
    }
    return found
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #measureProcessor(at: Date): void {
    const before = this.#processor
    const now = processorTimes()
    this.#processor = now
    const total = now.total - before.total
    if (total > 0) this.#add('SystemCpuLoad', Math.trunc(PERCENT * (1 - (now.idle - before.idle) / total)), at)
  }

  #add(name: (typeof HISTOGRAMS)[number], value: number | undefined, at: Date): void {
    if (value !== undefined) this.#histograms.get(name)?.add(value, at)
  }

  #set(name: string, value: number | undefined): void {
    if (value !== undefined) this.#totals.set(name, value)
  }
}

function processorTimes(): { idle: number; total: number } {
  let idle = 0
  let total = 0
  for (const { times } of cpus()) {
    idle += times.idle
    total += times.user + times.nice + times.sys + times.idle + times.irq
  }
  return { idle, total }
}

async function text(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch(() => '')
}

function numberIn(text: string, pattern: RegExp): number | undefined {
  const [, digits] = pattern.exec(text) ?? []
  return digits === undefined ? undefined : Number(digits)
}

function kibibytes(text: string, name: string): number | undefined {
  const value = numberIn(text, new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'))
  return value === undefined ? undefined : value * KIB
}
