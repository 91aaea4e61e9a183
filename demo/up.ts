// `demo up`: checks that it can be done, starts the country, sends the first message, stays until it is asked to end.
import { setTimeout as pause } from 'node:timers/promises'
import { createLog, HostError, runtimeSocket, serveControl } from '#host'
import { checkAddresses } from './addresses.ts'
import { country } from './country.ts'
import { onEnding } from './endings.ts'
import { DemoError } from './error.ts'
import { isVacant, readAbout, writeFiles } from './files.ts'
import { firstMessage } from './first-message.ts'
import { DEFAULT_BASE, type Layout, layoutOf } from './layout.ts'
import { next } from './next.ts'
import { askHealth } from './opening.ts'
import { terminalProgress } from './progress.ts'
import { type DemoState, type DemoStatus, describe } from './status.ts'

/** As long as a process of the house takes to stop in order, at most (host). */
const PREDECESSOR_ENDS_WITHIN_MS = 8000

/** Resolves when the country is ready; it then runs until the process is asked to end. */
export async function up(directory: string, base: string | undefined): Promise<void> {
  const progress = terminalProgress(Date.now())
  const known = readAbout(directory)
  if (known && base !== undefined && base !== known.base) {
    throw new DemoError(
      'other_state',
      `the demo in ${directory} lives at ${known.base}.x; start it without --base, or another one with --dir`,
    )
  }
  if (!known && !isVacant(directory)) {
    throw new DemoError(
      'other_state',
      `${directory} has other things in it; give the demo a folder of its own: --dir DIR`,
    )
  }
  const layout = known ?? layoutOf(directory, base ?? DEFAULT_BASE)

  let state: DemoState = 'starting'
  const land = country(layout, progress)
  const control = await openControl(directory, async () => {
    const told = describe(layout, state, (name) => land.child(name)?.pid)
    return state === 'ready' && !(await everythingRuns(told, land.children)) ? { ...told, state: 'degraded' } : told
  })
  const close = async () => {
    state = 'stopped'
    await land.stop()
    await control.close()
  }
  onEnding(async (reason) => {
    progress.line(`\n${reason}: stopping ${land.children.length} processes`)
    await close()
  }, land.kill)

  try {
    await addressesFree(layout, known !== undefined)
    await writeFiles(layout)
    progress.line(`Saadik demo in ${directory}; Ctrl-C stops it\n`)
    await land.start()
    await firstMessage(layout, progress)
  } catch (error) {
    // Being stopped makes the start fail; then the ending has the word.
    if ((state as DemoState) === 'stopped') return new Promise(() => undefined)
    await close()
    throw error
  }
  state = 'ready'
  next(layout, progress)
}

/**
 * The socket is the lock as well: whoever listens on it is the supervisor of this folder.
 * Throws DemoError `running` when another one is.
 */
async function openControl(directory: string, status: () => Promise<DemoStatus>) {
  try {
    return await serveControl({
      socket: runtimeSocket(directory, 'demo'),
      routes: (app) => app.get('/status', async (_request, response) => void response.json(await status())),
      log: createLog({ process: 'demo', level: 'error' }),
    })
  } catch (cause) {
    if (!(cause instanceof HostError && cause.code === 'already_running')) throw cause
    throw new DemoError(
      'running',
      `the demo in ${directory} runs already; see: saadik demo status. Another one needs its own --dir and --base.`,
      { cause },
    )
  }
}

/** After a supervisor was killed its processes may still be ending: for state that was there before, busy ports are given time. */
async function addressesFree(layout: Layout, usedBefore: boolean): Promise<void> {
  for (const until = Date.now() + (usedBefore ? PREDECESSOR_ENDS_WITHIN_MS : 0); ; await pause(200)) {
    try {
      return await checkAddresses(layout)
    } catch (error) {
      if (Date.now() >= until || !(error instanceof DemoError && error.code === 'port_in_use')) throw error
    }
  }
}

async function everythingRuns(status: DemoStatus, children: readonly { readonly state: string }[]): Promise<boolean> {
  if (children.some(({ state }) => state !== 'running')) return false
  const answers = await Promise.all(status.securityServers.map(({ health }) => askHealth(health)))
  return answers.every(({ healthy }) => healthy)
}
