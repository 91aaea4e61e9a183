// Where the Unix sockets of a process lie: outside the data directory, because a socket's path may not be longer than 107 bytes.
import { createHash } from 'node:crypto'
import { type BigIntStats, chmodSync, lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { HostError } from './error.ts'

/** sockaddr_un.sun_path of Linux without its NUL; macOS has 103. */
const MAX_SOCKET_PATH = process.platform === 'darwin' ? 103 : 107

/**
 * `<runtime>/saadik-<uid>/<hash of the directory>/<name>.sock`: the same for everyone of this user who names the same data
 * directory. <runtime> is `SAADIK_RUNTIME_DIRECTORY` or the system's folder for temporary files; XDG_RUNTIME_DIR is left aside,
 * because a service and its operator's shell would disagree about it.
 *
 * @throws {HostError} `path_too_long`; `folder_unsafe` when somebody else made our folder before us
 */
export function runtimeSocket(directory: string, name: string): string {
  const base = join(process.env['SAADIK_RUNTIME_DIRECTORY'] ?? tmpdir(), `saadik-${userInfo().uid}`)
  const hash = createHash('sha256').update(resolve(directory)).digest('hex').slice(0, 16)
  const socket = checkSocketPath(join(base, hash, `${name}.sock`))
  // The folder for temporary files is everybody's: clients must not speak to whoever took our name there first.
  const found = lstatSync(base, { bigint: true, throwIfNoEntry: false })
  if (found !== undefined) checkOwner(base, found)
  return socket
}

/** Makes the folder of a socket of ours, for this user alone, or refuses the one that is there. */
export function makeSocketFolder(socket: string): void {
  checkSocketPath(socket)
  const folder = dirname(socket)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder, { bigint: true })
  checkOwner(folder, found)
  // Made under a loose umask or by an older version; it is ours, so it can be closed.
  if ((found.mode & 0o077n) !== 0n) chmodSync(folder, 0o700)
}

function checkOwner(folder: string, found: BigIntStats): void {
  const uid = process.getuid?.()
  if (found.isDirectory() && (uid === undefined || found.uid === BigInt(uid))) return
  throw new HostError(
    'folder_unsafe',
    `${folder} is not a folder of this user; remove it or set SAADIK_RUNTIME_DIRECTORY`,
  )
}

function checkSocketPath(socket: string): string {
  const bytes = Buffer.byteLength(socket)
  if (bytes <= MAX_SOCKET_PATH) return socket
  throw new HostError(
    'path_too_long',
    `${socket}: ${bytes} bytes, a Unix socket's path may have ${MAX_SOCKET_PATH}; set SAADIK_RUNTIME_DIRECTORY to a shorter folder`,
  )
}
