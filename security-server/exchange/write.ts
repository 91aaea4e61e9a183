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
  if (to.writableLength === 0) return
  const stop = cutChatter(to, idleMs)
  to.once('finish', stop)
  to.once('close', stop)
}

/** The socket's own clock counts every byte that leaves, so that a slow reader is not taken for one that has stopped. */
function drained(to: ServerResponse, idleMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const stop = cutChatter(to, idleMs)
    const settle = () => {
      stop()
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

/**
 * That clock counts what comes in too: whoever reads nothing could keep it going with empty lines, which HTTP allows between requests. Who
 * sends while its answer waits must take at least one piece of what was written in the time.
 */
function cutChatter(to: ServerResponse, idleMs: number): () => void {
  // Also while it waits behind another answer and has no socket itself.
  const { socket } = to.req
  if (idleMs === 0) return () => {}
  let heard = socket.bytesRead
  let waiting = socket.writableLength
  const timer = setInterval(() => {
    if (socket.bytesRead > heard && socket.writableLength >= waiting) to.destroy()
    heard = socket.bytesRead
    waiting = socket.writableLength
  }, idleMs)
  return () => clearInterval(timer)
}
