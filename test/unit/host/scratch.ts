// A folder for one test, and a program for one test: both are gone at its end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'

const root = resolve(import.meta.dirname, '..', '..', '..')

export function scratch(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'saadik-unit-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export interface Program {
  readonly child: ChildProcess
  readonly pid: number
  stdout(): string
  stderr(): string
  /** Resolves when stdout has the text; rejects when the program ends first. */
  printed(text: string): Promise<void>
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>
  kill(signal?: NodeJS.Signals): Promise<number | string>
}

/** A module with this source, outside the house: `#host` and `#root/…` in it are the house's. */
export function sourceFile(t: TestContext, source: string): string {
  const file = join(scratch(t), 'program.ts')
  const house = pathToFileURL(root).href
  writeFileSync(file, source.replaceAll("'#host'", `'${house}/host/index.ts'`).replaceAll("'#root/", `'${house}/`))
  return file
}

/** Runs a module whose source is given. */
export function program(
  t: TestContext,
  source: string,
  options: { args?: string[]; env?: NodeJS.ProcessEnv } = {},
): Program {
  return run(t, [sourceFile(t, source), ...(options.args ?? [])], options.env)
}

/** Runs Node with these arguments. */
export function run(t: TestContext, args: string[], env: NodeJS.ProcessEnv = {}): Program {
  const child = spawn(process.execPath, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, NODE_NO_WARNINGS: '', ...env },
    cwd: root,
  })
  let stdout = ''
  let stderr = ''
  const looks = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const look of looks) look()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  child.stdin.on('error', () => undefined)
  const ended = once(child, 'close').then(([code, signal]) => {
    for (const look of looks) look()
    return (code ?? signal) as number | string
  })
  t.after(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    printed: (text) =>
      new Promise((resolvePrinted, reject) => {
        const look = () => {
          if (stdout.includes(text)) resolvePrinted()
          else if (child.exitCode !== null || child.signalCode !== null)
            reject(new Error(`ended before it printed ${text}:\n${stdout}${stderr}`))
          else return
          looks.delete(look)
        }
        looks.add(look)
        look()
      }),
    kill(signal = 'SIGKILL') {
      child.kill(signal)
      return ended
    },
  }
}
