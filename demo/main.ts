// `demo up|status|reset`: a country on one machine, and the two questions about it. Started by `saadik demo …`.
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CONTAINER_STEPS, containerStep } from './containers.ts'
import { DemoError } from './error.ts'
import { readAbout, runtimeFolders } from './files.ts'
import { DEFAULT_BASE, layoutOf } from './layout.ts'
import { terminalProgress } from './progress.ts'
import { askSupervisor, describe, statusLines } from './status.ts'
import { up } from './up.ts'

async function status(directory: string, json: boolean): Promise<number> {
  const layout = readAbout(directory) ?? layoutOf(directory, DEFAULT_BASE)
  const answer = (await askSupervisor(directory)) ?? describe(layout, 'stopped', () => undefined)
  console.log(json ? JSON.stringify(answer, null, 2) : statusLines(answer).join('\n'))
  return answer.state === 'ready' ? 0 : 1
}

async function reset(directory: string, json: boolean): Promise<number> {
  if (await askSupervisor(directory))
    throw new DemoError('running', `the demo in ${directory} runs; stop it first (Ctrl-C where it was started)`)
  const layout = layoutOf(directory, DEFAULT_BASE)
  const there = existsSync(layout.files.about)
  // Only a folder that says of itself that it is a demo is removed.
  if (!there && existsSync(directory))
    throw new DemoError(
      'other_state',
      `${directory} is not the state of a demo (it has no demo.json); nothing was removed`,
    )
  if (there) {
    for (const folder of [...runtimeFolders(layout), directory]) await rm(folder, { recursive: true, force: true })
  }
  console.log(
    json
      ? JSON.stringify({ directory, removed: there })
      : there
        ? `removed ${directory}`
        : `there is nothing at ${directory}`,
  )
  return 0
}

/** Gives the exit code, or undefined when the process stays. */
async function main(): Promise<number | undefined> {
  const { values, positionals } = parseArgs({
    options: {
      dir: { type: 'string' },
      base: { type: 'string' },
      secrets: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
    allowPositionals: true,
  })
  const directory = resolve(values.dir ?? '.saadik')
  const { base, secrets } = values
  if (base !== undefined && !/^(\d{1,3}\.){2}\d{1,3}$/.test(base))
    throw new DemoError('usage', '--base takes three numbers, as 127.0.1')
  const [action] = positionals
  const step = CONTAINER_STEPS.find((each) => each === action)
  if (step) {
    await containerStep(step, { directory, base, secrets }, terminalProgress(Date.now()))
    return 0
  }
  switch (action) {
    case 'up':
      await up(directory, base)
      return undefined
    case 'status':
      return status(directory, values.json)
    case 'reset':
      return reset(directory, values.json)
    default:
      throw new DemoError('usage', 'usage: demo up|status|reset [--dir DIR] [--base A.B.C] [--json]')
  }
}

try {
  const code = await main()
  if (code !== undefined) process.exit(code)
} catch (error) {
  // What is not ours to explain is a mistake in the program: then where it happened helps more than what it says.
  console.error(
    `saadik demo: ${error instanceof DemoError ? error.message : error instanceof Error ? error.stack : error}`,
  )
  process.exit(1)
}
