// Which process a command speaks to: by its configuration file (--config), or by its name in a demo nearby (--server).
// Only the keys that lead to its sockets are read; the process itself judges the rest of its file.
import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { type ControlClient, controlClient, HostError, runtimeSocket } from '#host'
import { connectSigner, type SignerClient } from '#signer'
import type { Arguments } from './command.ts'
import { CliError } from './error.ts'
import { readDocument } from './files.ts'
import { nearbyDemo } from './nearby.ts'
import { nearest } from './suggest.ts'

export type Kind = 'security-server' | 'central-server' | 'ca'

export interface Target {
  /** For messages: `interior of the demo in /…`. */
  readonly shown: string
  readonly kind: Kind
  readonly directory: string
  readonly signer: { readonly socket: string; readonly tokenFile: string }
}

/** `kinds` are those that the command can speak to; `standing` is taken when no server is named in a demo. */
export function targetOf(given: Arguments, kinds: readonly Kind[], standing?: string): Target {
  const file = given.text('config')
  if (file !== undefined) {
    const target = readTarget(resolve(file), file)
    if (!kinds.includes(target.kind))
      throw new CliError(
        'usage',
        `${file} configures a ${shown(target.kind)}; this command is for ${kinds.map(shown).join(' or ')}`,
      )
    return target
  }
  const demo = nearbyDemo(given.text('dir'))
  if (!demo)
    throw new CliError(
      'not_found',
      'there is no demo nearby (.saadik): name the server by --config FILE, or the demo by --dir DIR',
    )
  const known = Object.entries(demo.processes).filter(([, path]) => kinds.includes(kindOf(path)))
  const names = known.map(([name]) => name)
  const name = given.text('server') ?? standing
  if (name === undefined) throw new CliError('usage', `which server? --server ${names.join(' or --server ')}`)
  const path = known.find(([each]) => each === name)?.[1]
  if (path === undefined) {
    const guess = nearest(name, names)
    throw new CliError(
      'not_found',
      `the demo in ${demo.directory} has no server '${name}' for this command${guess ? `, did you mean '${guess}'?` : ''}; it has ${names.join(', ')}`,
    )
  }
  return readTarget(join(demo.directory, path), `${name} of the demo in ${demo.directory}`)
}

function readTarget(file: string, shownAs: string): Target {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  const value = readDocument(text, file) as
    | { readonly directory?: unknown; readonly signer?: { readonly socket?: unknown; readonly tokenFile?: unknown } }
    | undefined
  const path = (from: unknown, what: string): string => {
    if (typeof from !== 'string')
      throw new CliError('unreadable', `${file} has no ${what}; is it the configuration of a server?`)
    return resolve(dirname(file), from)
  }
  return {
    shown: shownAs,
    kind: kindOf(file),
    directory: path(value?.directory, 'directory'),
    signer: {
      socket: path(value?.signer?.socket, 'signer.socket'),
      tokenFile: path(value?.signer?.tokenFile, 'signer.tokenFile'),
    },
  }
}

/** By the file's name, as all our documents name them. */
function kindOf(path: string): Kind {
  return /central/.test(path.slice(path.lastIndexOf('/') + 1))
    ? 'central-server'
    : /(^|\/)(ca|ocsp|tsa)[^/]*$/.test(path)
      ? 'ca'
      : 'security-server'
}

function shown(kind: Kind): string {
  return kind === 'ca' ? 'CA' : kind.replace('-', ' ')
}

/** The control socket; a server that does not run is said to be that, not a socket error. */
export function controlOf(target: Target): ControlClient {
  const socket = runtimeSocket(target.directory, target.kind === 'ca' ? 'ca' : 'control')
  const client = controlClient(socket)
  return {
    get: <T>(path: string) => client.get<T>(path).catch(unreachable(target)),
    post: <T>(path: string, body?: unknown) => client.post<T>(path, body).catch(unreachable(target)),
  }
}

function unreachable(target: Target): (error: unknown) => never {
  return (error) => {
    if (error instanceof HostError && error.code === 'unreachable')
      throw new CliError('unreachable', `${target.shown} does not run`, { cause: error })
    throw error
  }
}

/** Lends the signer of a target and closes the connection afterwards. */
export async function withSigner<T>(target: Target, use: (signer: SignerClient) => Promise<T>): Promise<T> {
  let signer: SignerClient
  try {
    signer = await connectSigner({ ...target.signer, reconnect: false })
  } catch (cause) {
    throw new CliError('unreachable', `the signer of ${target.shown} cannot be reached: ${(cause as Error).message}`, {
      cause,
    })
  }
  try {
    return await use(signer)
  } finally {
    signer.close()
  }
}
