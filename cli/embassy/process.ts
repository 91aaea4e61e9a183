// Agent or embassy: the process that a configuration file belongs to, over its control socket.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type ControlClient, controlClient, HostError, runtimeSocket } from '#host'
import type { Arguments } from '../command.ts'
import { CliError } from '../error.ts'
import { readDocument } from '../files.ts'

export interface EmbassyProcess {
  readonly kind: 'agent' | 'embassy'
  readonly control: ControlClient
}

/** Only what leads to the socket is read; the process itself judges the rest of its file. Throws CliError. */
export function processOf(given: Arguments): EmbassyProcess {
  const file = given.text('config')
  if (file === undefined) throw new CliError('usage', 'which process? --config FILE')
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  const value = readDocument(text, file) as
    | { readonly directory?: unknown; readonly embassy?: unknown; readonly embassies?: unknown }
    | undefined
  if (typeof value?.directory !== 'string' || (value.embassy === undefined) === (value.embassies === undefined))
    throw new CliError('unreadable', `${file} configures neither an agent nor an embassy`)
  const client = controlClient(runtimeSocket(resolve(dirname(file), value.directory), 'control'))
  return {
    kind: value.embassy === undefined ? 'agent' : 'embassy',
    control: {
      get: <T>(path: string) => client.get<T>(path).catch(unreachable(file)),
      post: <T>(path: string, body?: unknown) => client.post<T>(path, body).catch(unreachable(file)),
    },
  }
}

/** Throws CliError where the file is an agent's. */
export function embassyOf(given: Arguments): ControlClient {
  const { kind, control } = processOf(given)
  if (kind === 'agent') throw new CliError('usage', 'this command is for an embassy, not for an agent')
  return control
}

function unreachable(file: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof HostError && error.code === 'unreachable')
      throw new CliError('unreachable', `the process of ${file} does not run`, { cause: error })
    throw error
  }
}
