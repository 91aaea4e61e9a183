// Our own processes as tests start them: the real entry points, on loopback, ended with the test whatever happens.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir, userInfo } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..', '..')
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface TestProcess {
  readonly pid: number
  /** Everything it has written to stdout and stderr; JSON lines of the log. */
  output(): string
  /** Resolves when the output matches; rejects when it ends first. */
  printed(pattern: RegExp): Promise<string>
  kill(signal?: NodeJS.Signals): Promise<void>
  /** SIGTERM and wait. */
  stop(): Promise<void>
  readonly exited: Promise<number | null>
}

/** Starts an entry of the house (`signer/main.ts`) and waits until it says it is ready. */
export async function startProcess(
  entry: string,
  args: readonly string[],
  options: { ready?: boolean; env?: NodeJS.ProcessEnv } = {},
): Promise<TestProcess> {
  const child = spawn(process.execPath, [join(root, entry), ...args], {
    // Its stdin is a pipe that ends with this process: a killed test leaves nothing behind.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      NODE_COMPILE_CACHE: join(tmpdir(), `saadik-compile-cache-${userInfo().uid}`),
      ...process.env,
      NODE_NO_WARNINGS: '1',
      SAADIK_PARENT: 'stdin',
      ...options.env,
    },
  })
  running.add(child)
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8')
    stream.on('data', (text: string) => {
      output += text
      for (const listener of listeners) listener()
    })
  }
  const exited = once(child, 'exit').then(([code]) => {
    running.delete(child)
    for (const listener of listeners) listener()
    return code as number | null
  })
  const printed = (pattern: RegExp): Promise<string> =>
    new Promise((resolvePrinted, reject) => {
      const look = () => {
        const match = pattern.exec(output)
        if (match !== null) {
          listeners.delete(look)
          resolvePrinted(match[0])
        } else if (child.exitCode !== null || child.signalCode !== null) {
          listeners.delete(look)
          reject(new Error(`${entry} ended before it printed ${pattern}:\n${output}`))
        }
      }
      listeners.add(look)
      look()
    })
  const handle: TestProcess = {
    pid: child.pid ?? -1,
    output: () => output,
    printed,
    exited,
    async kill(signal = 'SIGKILL') {
      child.kill(signal)
      await exited
    },
    async stop() {
      child.kill('SIGTERM')
      await exited
    },
  }
  if (options.ready !== false) await printed(/^.*"ready":true.*$/m)
  return handle
}

/** Whether one of the processes logs the text, now or within a moment: their output comes through pipes. */
export async function logged(text: string, ...processes: readonly TestProcess[]): Promise<boolean> {
  for (let left = 50; left > 0; left -= 1) {
    if (processes.some((one) => one.output().includes(text))) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}

let next = 0
/** A loopback address of this test process's own: every server of an instance uses the same port numbers. */
export function freshAddress(): string {
  next += 1
  return `127.${100 + (process.pid % 100)}.${1 + (Math.floor(process.pid / 100) % 250)}.${next}`
}
