// A listening Unix socket that only this user can reach and that only one process can have.
import { chmodSync, rmSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { HostError } from './error.ts'
import { takeLock } from './lock.ts'
import { makeSocketFolder } from './runtime-folder.ts'

/**
 * Listens on `socket` (mode 0600 in a folder of mode 0700). The lock beside it decides who may: with the lock in hand, a socket
 * file that is still there was left by a process that was killed. It is probed all the same before it is removed, in case the
 * lock file was deleted under a running process.
 *
 * @returns closes the listener, removes the socket, gives back the lock; connections are the caller's to end
 * @throws {HostError} `already_running`, `path_too_long`, `folder_unsafe`
 */
export async function listenUnix(server: Server, socket: string, holder: string): Promise<() => Promise<void>> {
  makeSocketFolder(socket)
  const lock = takeLock(`${socket}.lock`, holder)
  try {
    if (await answers(socket)) throw new HostError('already_running', `${holder} runs already (socket ${socket})`)
    rmSync(socket, { force: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(socket, () => {
        server.removeListener('error', reject)
        resolve()
      })
    })
    chmodSync(socket, 0o600)
  } catch (error) {
    lock.release()
    throw error
  }
  return async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()))
    lock.release()
  }
}

/** Whether a process listens there. Anything but a clear no is a yes. */
function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code !== 'ENOENT' && error.code !== 'ECONNREFUSED'),
    )
  })
}
