// Writing at the pace of the one who reads.
import type { Writable } from 'node:stream'

/** Writes and waits until more may come. False when the other end has gone: there is nobody to write to. */
export function writeChunk(to: Writable, chunk: Uint8Array): boolean | Promise<boolean> {
  if (to.destroyed) return false
  return to.write(chunk) || drained(to)
}

function drained(to: Writable): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = () => {
      to.off('drain', settle)
      to.off('close', settle)
      resolve(!to.destroyed)
    }
    to.on('drain', settle)
    to.on('close', settle)
  })
}
