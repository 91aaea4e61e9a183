// Writing at the pace of the one who reads, as long as that one does read.
import type { ServerResponse } from 'node:http'

/**
 * Writes and waits until more may come.
 *
 * @param idleMs The connection is cut when nothing of what waits leaves for so long; 0 waits for ever.
 * @returns False when the other end has gone or was cut: there is nobody to write to.
 */
export function writeChunk(to: ServerResponse, chunk: Uint8Array, idleMs = 0): boolean | Promise<boolean> {
  if (to.destroyed) return false
  return to.write(chunk) || drained(to, idleMs)
}

/** Ends the response; what is not taken within `idleMs` is cut off. Afterwards Node's keep-alive time holds again. */
export function endWith(to: ServerResponse, bytes: Uint8Array | undefined, idleMs: number): void {
  to.setTimeout(idleMs)
  to.end(bytes)
}

/** The socket's own clock counts every byte that leaves, so that a slow reader is not taken for one that has stopped. */
function drained(to: ServerResponse, idleMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = () => {
      to.off('drain', settle)
      to.off('close', settle)
      if (idleMs > 0) to.setTimeout(0)
      resolve(!to.destroyed)
    }
    to.on('drain', settle)
    to.on('close', settle)
    if (idleMs > 0) to.setTimeout(idleMs)
  })
}
