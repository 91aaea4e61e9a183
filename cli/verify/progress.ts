// How far it is: on the standard error, rewritten in place on a terminal, a line now and then elsewhere.
import type { Counter } from './totals.ts'
import type { Task } from './walk.ts'

const ON_TERMINAL_MS = 200
const ELSEWHERE_MS = 5000

export class Progress {
  readonly #counter: Counter
  readonly #started = performance.now()
  readonly #terminal = process.stderr.isTTY
  readonly #timer: NodeJS.Timeout
  #done = 0
  /** Octets of everything; undefined until they are counted. */
  #total: number | undefined
  #shown = false

  /** @param tasks Everything once more, to be counted beside the work. */
  constructor(counter: Counter, tasks: AsyncIterable<Task>) {
    this.#counter = counter
    this.#timer = setInterval(() => this.#show(), this.#terminal ? ON_TERMINAL_MS : ELSEWHERE_MS)
    this.#count(tasks).catch(() => undefined)
  }

  /** What has been judged so far, in octets of its files. */
  file({ size }: Task): void {
    this.#done += size
  }

  /** Makes room for a line of the answer. */
  clear(): void {
    if (this.#terminal && this.#shown) process.stderr.write('\r\u001b[K')
    this.#shown = false
  }

  end(): void {
    clearInterval(this.#timer)
    if (!this.#terminal) this.#show()
    this.clear()
  }

  async #count(tasks: AsyncIterable<Task>): Promise<void> {
    let total = 0
    for await (const { size } of tasks) total += size
    this.#total = total
  }

  #show(): void {
    const text = progressText({
      containers: this.#counter.containers,
      files: this.#counter.files,
      notValid: this.#counter.notValid,
      seconds: (performance.now() - this.#started) / 1000,
      done: this.#done,
      total: this.#total,
    })
    process.stderr.write(this.#terminal ? `\r${text}\u001b[K` : `${text}\n`)
    this.#shown = true
  }
}

export interface Standing {
  readonly containers: number
  readonly files: number
  readonly notValid: number
  readonly seconds: number
  readonly done: number
  readonly total: number | undefined
}

export function progressText({ containers, files, notValid, seconds, done, total }: Standing): string {
  const parts = [
    `${containers} containers in ${files} files`,
    `${Math.round(containers / Math.max(seconds, 0.001))}/s`,
    notValid > 0 ? `${notValid} not valid` : 'all valid so far',
  ]
  if (total !== undefined && total > 0 && done > 0) {
    const left = (seconds * (total - done)) / done
    parts.push(`${Math.floor((100 * done) / total)} %, about ${duration(left)} left`)
  }
  return parts.join(', ')
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
