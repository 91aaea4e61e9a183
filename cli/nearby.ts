// The demo nearby: most commands can leave out where their server is when a `.saadik` folder says it.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { CliError } from './error.ts'

/** What demo.json says; written by the demo room, read here. */
interface About {
  readonly instance: string
  /** Process name → configuration file, relative to the folder. */
  readonly processes: Readonly<Record<string, string>>
}

export interface NearbyDemo extends About {
  readonly directory: string
}

/** `--dir`, or the nearest `.saadik` here or above; undefined when there is none. */
export function nearbyDemo(dir: string | undefined): NearbyDemo | undefined {
  if (dir !== undefined) {
    const demo = read(resolve(dir))
    if (!demo) throw new CliError('not_found', `${dir} is not the state of a demo (it has no demo.json)`)
    return demo
  }
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const demo = read(join(folder, '.saadik'))
    if (demo || folder === dirname(folder)) return demo
  }
}

function read(directory: string): NearbyDemo | undefined {
  const file = join(directory, 'demo.json')
  if (!existsSync(file)) return undefined
  try {
    const about = JSON.parse(readFileSync(file, 'utf8')) as About
    return { instance: about.instance, processes: about.processes, directory }
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be read`, { cause })
  }
}
