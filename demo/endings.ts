// All the ways in which the supervisor is asked to end: Ctrl-C, SIGTERM, a closed terminal, the end of the program that
// started it. (kill -9 is not among them: then its children notice that their standard input ended.)
import { Socket } from 'node:net'

/** A second signal after this pause means: now. One Ctrl-C may arrive twice, from the terminal and handed on by a parent. */
const IMPATIENT_AFTER_MS = 1000

/** Calls `stop` once, with a reason for people, and exits with the signal's code when it is done; `kill` when asked again. */
export function onEnding(stop: (reason: string) => Promise<void>, kill: () => void): void {
  let since: number | undefined
  const end = (reason: string, code: number) => {
    if (since === undefined) {
      since = Date.now()
      stop(reason).then(
        () => process.exit(code),
        () => process.exit(1),
      )
    } else if (Date.now() - since > IMPATIENT_AFTER_MS) {
      kill()
      process.exit(code)
    }
  }
  process.on('SIGINT', () => end('Ctrl-C', 130))
  process.on('SIGTERM', () => end('SIGTERM', 143))
  process.on('SIGHUP', () => end('the terminal was closed', 129))

  const parent = process.env['SAADIK_PARENT_FD']
  if (parent === undefined) return
  const pipe = new Socket({ fd: Number(parent), readable: true, writable: false })
  pipe.on('error', () => undefined)
  pipe.on('close', () => end('the program that started the demo ended', 1))
  pipe.resume()
}
