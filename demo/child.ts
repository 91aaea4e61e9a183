// One process of the demo, started as a child and kept running.
//
// Its standard input is a pipe that nobody writes to: when the supervisor ends, however it ends, the pipe ends and the child
// follows (host's runProcess). It leads a process group of its own, so that Ctrl-C reaches the supervisor alone and the
// children are stopped in order. What it prints goes to its log file; one line of JSON says that it is ready.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, createWriteStream, existsSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { DemoError } from './error.ts'

const READY_WITHIN = 30_000
const STOP_WITHIN = 8_000
const LOG_LIMIT = 16 * 1024 * 1024
const FIRST_PAUSE = 500
const LONGEST_PAUSE = 30_000

export interface Program {
  /** For people and for the log file: `interior signer`. */
  readonly name: string
  /** Room and file without ending: `signer/main`. */
  readonly program: string
  readonly args: readonly string[]
}

export type ChildState = 'starting' | 'running' | 'waiting' | 'stopped'

export interface Child {
  readonly name: string
  readonly state: ChildState
  readonly pid: number | undefined
  /** Resolves when the program first says that it is ready; rejects with DemoError `process_failed` and the end of its log. */
  readonly ready: Promise<void>
  /** SIGTERM, and SIGKILL when it does not end in time. Resolves when it has ended. */
  stop(): Promise<void>
  /** SIGKILL, at once. */
  kill(): void
}

/** Starts a program. Once it was ready, an unexpected end is told to `onChange` and answered by a new start after a growing pause. */
export function startChild(program: Program, logs: string, onChange: (what: string) => void): Child {
  const { name } = program
  const logFile = join(logs, `${name.replaceAll(' ', '-')}.log`)
  let state: ChildState = 'starting'
  let pause = FIRST_PAUSE
  let timer: NodeJS.Timeout | undefined
  let current = launch(program, logFile)
  const ready = watch()

  async function watch(): Promise<void> {
    const { process, ready } = current
    process.once('exit', (code, signal) => {
      if (state !== 'running') return
      onChange(`${name} ended unexpectedly (${signal ?? `exit code ${code}`}) and is started again; log: ${logFile}`)
      wait()
    })
    await ready
    if (state === 'starting') state = 'running'
  }
  function wait(): void {
    state = 'waiting'
    timer = setTimeout(restart, pause)
  }
  async function restart(): Promise<void> {
    state = 'starting'
    current = launch(program, logFile)
    try {
      await watch()
      pause = FIRST_PAUSE
      onChange(`${name} runs again`)
    } catch (error) {
      if ((state as ChildState) === 'stopped') return
      pause = Math.min(pause * 2, LONGEST_PAUSE)
      onChange(`${error instanceof Error ? error.message : error}\nnext attempt in ${pause / 1000} s`)
      wait()
    }
  }

  return {
    name,
    ready,
    get state() {
      return state
    },
    get pid() {
      return state === 'running' || state === 'starting' ? current.process.pid : undefined
    },
    stop() {
      state = 'stopped'
      clearTimeout(timer)
      return ended(current.process)
    },
    kill() {
      state = 'stopped'
      clearTimeout(timer)
      current.process.kill('SIGKILL')
    },
  }
}

function launch({ name, program, args }: Program, logFile: string): { process: ChildProcess; ready: Promise<void> } {
  if (existsSync(logFile) && statSync(logFile).size > LOG_LIMIT) renameSync(logFile, `${logFile}.1`)
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 })
  // The program's ending is ours: .ts in a checkout, .js in the published package.
  const main = join(import.meta.dirname, '..', `${program}${extname(import.meta.filename)}`)
  const started = spawn(process.execPath, [main, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, SAADIK_PARENT: 'stdin' },
  })
  started.stdin.on('error', () => undefined)
  started.stderr.pipe(log, { end: false })
  started.once('close', () => log.end())

  const ready = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => {
      started.kill('SIGKILL')
      reject(
        new DemoError('process_failed', `${name} was not ready within ${READY_WITHIN / 1000} s${lastLines(logFile)}`),
      )
    }, READY_WITHIN)
    createInterface({ input: started.stdout }).on('line', (line) => {
      log.write(`${line}\n`)
      if (isReady(line)) {
        clearTimeout(late)
        resolve()
      }
    })
    started.once('error', reject)
    started.once('close', (code, signal) => {
      clearTimeout(late)
      reject(
        new DemoError(
          'process_failed',
          `${name} ended before it was ready (${signal ?? `exit code ${code}`})${lastLines(logFile)}`,
        ),
      )
    })
  })
  // Nobody may be waiting any more when a stopped start fails.
  ready.catch(() => undefined)
  return { process: started, ready }
}

function isReady(line: string): boolean {
  if (!line.startsWith('{')) return false
  try {
    return (JSON.parse(line) as { ready?: unknown }).ready !== undefined
  } catch {
    return false
  }
}

/** The end of the log, for the error that stops a start. */
function lastLines(file: string): string {
  const length = 4096
  const handle = openSync(file, 'r')
  try {
    const size = fstatSync(handle).size
    const buffer = Buffer.alloc(Math.min(length, size))
    readSync(handle, buffer, 0, buffer.length, size - buffer.length)
    const lines = buffer.toString('utf8').trimEnd().split('\n').slice(-6)
    return [`; the end of ${file}:`, ...lines.map((line) => `  ${line.slice(0, 400)}`)].join('\n')
  } finally {
    closeSync(handle)
  }
}

async function ended(process: ChildProcess): Promise<void> {
  if (process.exitCode !== null || process.signalCode !== null) return
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => process.kill('SIGKILL'), STOP_WITHIN)
    process.once('exit', () => {
      clearTimeout(late)
      resolve()
    })
    process.kill('SIGTERM')
  })
}
