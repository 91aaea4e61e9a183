// Files judged by as many threads as the machine has cores, told in the order in which they came. What waits for its turn is bounded.
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { ContainerReport, FileReport, Files } from '#verification'
import { CliError } from '../error.ts'
import { downloadConfiguration, isUnusable } from '../trust.ts'
import { type Judging, judgePath } from './judge-path.ts'
import { secondOpinions } from './second-opinions.ts'
import type { FromWorker, ToWorker, WorkerSettings } from './threads.ts'
import { trustOf } from './trust-spec.ts'
import type { Task } from './walk.ts'

/** Who is told; in the order of the files, containers before their file. */
export interface Sink {
  container(task: Task, report: ContainerReport): void | Promise<void>
  file(task: Task, report: FileReport): void | Promise<void>
}

/** Below both, threads would cost more than they save. */
const FEW_FILES = 32
const FEW_BYTES = 4 * 1024 * 1024

/** @param threads At most so many; one for each core by default. Throws CliError `unreadable` when the trust cannot be had. */
export async function judgeAll(
  tasks: AsyncIterable<Task>,
  settings: WorkerSettings,
  sink: Sink,
  threads = availableParallelism(),
): Promise<void> {
  // Whoever cannot be asked is told here, and not by a thread.
  if (settings.secondOpinion) await secondOpinions()
  const iterator = tasks[Symbol.asyncIterator]()
  const first: Task[] = []
  let bytes = 0
  let more = true
  while (more && first.length < FEW_FILES && bytes < FEW_BYTES) {
    const next = await iterator.next()
    if (next.done) more = false
    else {
      first.push(next.value)
      bytes += next.value.size
    }
  }
  const all = (async function* () {
    yield* first
    while (more) {
      const next = await iterator.next()
      if (next.done) return
      yield next.value
    }
  })()
  if (threads < 2 || (!more && (first.length === 1 || bytes < FEW_BYTES))) await here(all, settings, sink)
  else await new Pool(settings, sink, threads).run(all)
}

/** In this thread. */
async function here(tasks: AsyncIterable<Task>, settings: WorkerSettings, sink: Sink): Promise<void> {
  const { spec, secondOpinion } = settings
  const base = trustOf(spec)
  const download = once(() => downloadFor(settings).then((files) => trustOf(spec, files)))
  const judging: Judging = {
    spec,
    base,
    trust: spec.download ? download : async () => base,
    opinions: secondOpinion ? await secondOpinions() : [],
  }
  try {
    for await (const task of tasks)
      await sink.file(task, await judgePath(task, judging, (report) => sink.container(task, report)))
  } catch (error) {
    throw isUnusable(error) ? new CliError('unreadable', (error as Error).message, { cause: error }) : error
  }
}

function downloadFor({ spec }: WorkerSettings): Promise<Files> {
  return downloadConfiguration(spec.anchor?.path ?? '')
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** A file that is being judged, and what is known of it before its turn comes. */
interface Running {
  readonly task: Task
  readonly thread: Thread
  readonly batches: (readonly ContainerReport[])[]
  report?: FileReport
}

interface Thread {
  readonly worker: Worker
  running: Running | undefined
}

class Pool {
  readonly #settings: WorkerSettings
  readonly #sink: Sink
  readonly #size: number
  readonly #threads: Thread[] = []
  /** In the order of the tasks; the first one's turn it is. */
  readonly #line: Running[] = []
  readonly #download: () => Promise<Files>
  #failure: Error | undefined
  #wake = () => {}

  constructor(settings: WorkerSettings, sink: Sink, size: number) {
    this.#settings = settings
    this.#sink = sink
    this.#size = size
    this.#download = once(() => downloadFor(settings))
  }

  async run(tasks: AsyncIterable<Task>): Promise<void> {
    const iterator = tasks[Symbol.asyncIterator]()
    let more = true
    try {
      while (more || this.#line.length > 0) {
        while (more && this.#line.length < 2 * this.#size) {
          const thread = this.#idle()
          if (thread === undefined) break
          const next = await iterator.next()
          if (next.done) more = false
          else this.#give(thread, next.value)
        }
        if (!(await this.#tell()) && (more || this.#line.length > 0)) await this.#event()
        if (this.#failure !== undefined) throw this.#failure
      }
    } finally {
      await Promise.all(this.#threads.map(({ worker }) => worker.terminate()))
    }
  }

  #idle(): Thread | undefined {
    const idle = this.#threads.find(({ running }) => running === undefined)
    if (idle !== undefined || this.#threads.length === this.#size) return idle
    const entry = new URL(`./worker${extname(import.meta.filename)}`, import.meta.url)
    const thread: Thread = { worker: new Worker(entry, { workerData: this.#settings }), running: undefined }
    thread.worker.on('message', (message: FromWorker) => this.#hear(thread, message))
    thread.worker.on('error', (error: Error) => this.#fail(error))
    this.#threads.push(thread)
    return thread
  }

  #give(thread: Thread, task: Task): void {
    thread.running = { task, thread, batches: [] }
    this.#line.push(thread.running)
    post(thread, { type: 'judge', task })
  }

  #hear(thread: Thread, message: FromWorker): void {
    const { running } = thread
    switch (message.type) {
      case 'containers':
        running?.batches.push(message.reports)
        break
      case 'file':
        if (running !== undefined) running.report = message.report
        thread.running = undefined
        break
      case 'want-trust':
        this.#download().then(
          (files) => post(thread, { type: 'trust', files }),
          (error: Error) => post(thread, { type: 'no-trust', message: error.message }),
        )
        return
      case 'failed':
        this.#fail(
          message.code === 'unreadable' ? new CliError('unreadable', message.message) : new Error(message.message),
        )
        return
    }
    this.#wake()
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wake()
  }

  /** Tells what the first in the line has to say; false when it has nothing yet. */
  async #tell(): Promise<boolean> {
    const [first] = this.#line
    const reports = first?.batches.shift()
    if (first !== undefined && reports !== undefined) {
      post(first.thread, { type: 'more' })
      for (const report of reports) await this.#sink.container(first.task, report)
      return true
    }
    if (first?.report === undefined) return false
    await this.#sink.file(first.task, first.report)
    this.#line.shift()
    return true
  }

  #event(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

function post({ worker }: Thread, message: ToWorker): void {
  worker.postMessage(message)
}
