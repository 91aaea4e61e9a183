// A demo as a person starts it, for tests: through bin/saadik.js, in a folder of its own, at addresses that are free.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

const root = resolve(import.meta.dirname, '../..')
const checkout = join(root, 'bin', 'saadik.js')
const READY_WITHIN = 90_000

export interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `saadik …`, to its end. */
export function saadik(args: readonly string[], cwd: string = root): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [checkout, ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return { status, stdout, stderr }
}

export interface RunningDemo {
  readonly launcher: ChildProcess
  output(): string
  /** What a terminal does on Ctrl-C or when it is closed: a signal to the whole group. */
  fromTerminal(signal: 'SIGINT' | 'SIGHUP'): void
  /** Exit code of the launcher. */
  ended(): Promise<number | null>
}

/** Starts it and waits for the line that ends the start; throws with the output when it ends before. */
export async function startDemo(
  directory: string,
  base: string,
  command: readonly [string, ...string[]] = [process.execPath, checkout, 'demo', 'up'],
): Promise<RunningDemo> {
  const [program, ...words] = command
  const child = spawn(program, [...words, '--dir', directory, '--base', base], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, as a shell gives to a command in the foreground: the terminal signals the whole group.
    detached: true,
  })
  let output = ''
  const ready = new Promise<void>((done, failed) => {
    const late = setTimeout(() => failed(new Error(`not ready in time:\n${output}`)), READY_WITHIN)
    const hear = (chunk: Buffer) => {
      output += chunk.toString('utf8')
      if (!/^Ready after /m.test(output)) return
      clearTimeout(late)
      done()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('exit', (code) => {
      clearTimeout(late)
      failed(new Error(`ended with ${code}:\n${output}`))
    })
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  await ready
  return {
    launcher: child,
    output: () => output,
    fromTerminal: (signal) => process.kill(-(child.pid as number), signal),
    ended: () => exited,
  }
}

/** Process ids whose command line names the folder: everything that belongs to the demo in it. */
export function processesOf(directory: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        return command.includes(directory) ? [{ pid: Number(name), command }] : []
      } catch {
        return []
      }
    })
}

/** Waits until nothing of the demo runs; false when something still does in the end. */
export async function allEnded(directory: string): Promise<boolean> {
  for (let attempt = 0; attempt < 300; attempt++) {
    if (processesOf(directory).length === 0) return true
    await pause(100)
  }
  return false
}

/** The first three numbers of loopback addresses that nobody listens on. */
export async function freeBase(): Promise<string> {
  for (;;) {
    const number = () => 1 + Math.floor(Math.random() * 253)
    const base = `127.${number()}.${number()}`
    const free = await Promise.all(
      [`${base}.10:8090`, `${base}.11:8080`, `${base}.12:5500`, `${base}.21:9001`, `${base}.22:9001`].map(canListen),
    )
    if (free.every(Boolean)) return base
  }
}

async function canListen(address: string): Promise<boolean> {
  const [host, port] = address.split(':')
  const probe = createServer()
  return new Promise((done) => {
    probe.once('error', () => done(false))
    probe.listen(Number(port), host, () => probe.close(() => done(true)))
  })
}

/** A folder for a demo, and what is left of it when a test ends: nothing, not even processes. */
export function demoFolder(): { directory: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'saadik-demo-'))
  const directory = join(folder, 'state')
  return {
    directory,
    remove: () => {
      for (const { pid } of processesOf(directory)) {
        try {
          process.kill(pid, 'SIGKILL')
        } catch {
          // It ended meanwhile.
        }
      }
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
