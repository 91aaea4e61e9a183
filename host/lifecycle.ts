// From the first line of a process to its exit code.
//
// Everything durable in this house survives kill -9, so there are two ways to end: an orderly stop (signals, the end of the
// parent), bounded in time, and an exit at once when something unforeseen happened and nobody knows what still holds.
import { writeSync } from 'node:fs'
import { collectAfterStart, tuneCollector } from './collector.ts'
import { ConfigError, HostError, reasonOf } from './error.ts'
import { logLine } from './log.ts'

/** An orderly stop takes no longer than this; supervisors (Docker, systemd, the demo) kill after 8 to 10 s. */
const STOP_WITHIN_MS = 7_000

export interface Lifecycle {
  /** True from the moment the stop begins. */
  readonly stopping: boolean
  /** Registers what must be closed; called in reverse order, one after another. While stopping it is called at once. */
  onStop(name: string, close: () => Promise<void> | void): void
  /** Ends the process in order; resolves never. The first call counts. */
  stop(reason: string): Promise<void>
}

/**
 * Runs a process: `start` opens everything and registers its closing; when it resolves, the line
 * `{"ready":true,"process":…,"pid":…}` is written to stdout, the only one there.
 *
 * Ends with 0 after SIGINT, SIGTERM, SIGHUP or the end of the parent; with 1 when the start fails, an error is caught by
 * nobody, or the stop takes too long; with 128 + its number at a second signal.
 *
 * `SAADIK_PARENT=stdin` in the environment says that stdin is a pipe held open by the parent: its end is the parent's end.
 */
export function runProcess(name: string, start: (life: Lifecycle) => Promise<void>): void {
  tuneCollector()
  const note = (level: 'error' | 'warn' | 'info', message: string, meta?: object) =>
    emergency(logLine(level, name, message, meta))
  const closers: { readonly name: string; readonly close: () => Promise<void> | void }[] = []
  let stopping = false

  const close = async (each: (typeof closers)[number]) => {
    try {
      await each.close()
    } catch (error) {
      note('warn', `${each.name} did not close cleanly`, { error })
    }
  }
  const stop = async (reason: string, code = 0): Promise<void> => {
    if (stopping) return
    stopping = true
    note('info', 'stopping', { reason })
    let current = 'the start'
    setTimeout(() => {
      note('error', `stopping takes longer than ${STOP_WITHIN_MS / 1000} s, ended by force`, { waitingFor: current })
      process.exit(1)
    }, STOP_WITHIN_MS).unref()
    for (let each = closers.pop(); each !== undefined; each = closers.pop()) {
      current = each.name
      await close(each)
    }
    process.exit(code)
  }
  const life: Lifecycle = {
    get stopping() {
      return stopping
    },
    onStop(closer, run) {
      if (stopping) void close({ name: closer, close: run })
      else closers.push({ name: closer, close: run })
    },
    stop: (reason) => stop(reason),
  }

  const fatal = (what: string) => (error: unknown) => {
    note('error', what, { error })
    process.exit(1)
  }
  process.on('uncaughtException', fatal('an error that nobody caught'))
  process.on('unhandledRejection', fatal('a rejection that nobody handled'))
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
    ['SIGHUP', 1],
  ] as const) {
    process.on(signal, () => {
      if (stopping) process.exit(128 + number)
      void stop(signal)
    })
  }
  if (process.env['SAADIK_PARENT'] === 'stdin') followParent(() => void stop('the parent process ended'))

  start(life).then(
    () => {
      if (stopping) return
      emergency(JSON.stringify({ ready: true, process: name, pid: process.pid }), 1)
      collectAfterStart()
    },
    (error) => {
      // During a stop things are taken away from under the start: what it then says is no news.
      if (stopping) return
      if (process.stderr.isTTY) emergency(`${name} cannot start: ${reasonOf(error)}`)
      // A refusal of ours explains itself; anything else needs its stack.
      else if (error instanceof ConfigError)
        note('error', `cannot start: ${error.file} is not usable`, { faults: error.faults })
      else note('error', `cannot start: ${reasonOf(error)}`, error instanceof HostError ? {} : { error })
      void stop('the start failed', 1)
    },
  )
}

function followParent(ended: () => void): void {
  process.stdin.on('error', ended).on('end', ended).on('close', ended)
  process.stdin.resume()
  // Listening to the parent is no reason to stay.
  ;(process.stdin as { unref?: () => void }).unref?.()
}

/** Written synchronously: the next thing may be the end of the process. A reader that is gone is no error here. */
function emergency(line: string, descriptor: 1 | 2 = 2): void {
  try {
    writeSync(descriptor, `${line}\n`)
  } catch {
    // EPIPE, or EAGAIN on a full pipe: there is nobody to tell.
  }
}
