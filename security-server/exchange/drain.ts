// After an early refusal the rest of the request is read and thrown away, within bounds: a peer that sends everything
// before it reads (the reference does) would otherwise never see the answer (design: TLS between servers).
import type { IncomingMessage } from 'node:http'

const MAX_BYTES = 10 * 1024 * 1024
const MAX_MS = 30_000

/** Resolves when the request is at its end, has sent too much, or has taken too long. Never throws. */
export function drain(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed || request.complete) {
    request.resume()
    return Promise.resolve()
  }
  return new Promise((resolve) => {
    let seen = 0
    const done = () => {
      clearTimeout(timer)
      request.off('data', count)
      resolve()
    }
    const count = (chunk: Buffer) => {
      seen += chunk.length
      if (seen > MAX_BYTES) done()
    }
    const timer = setTimeout(done, MAX_MS)
    request.on('data', count)
    request.once('end', done)
    request.once('close', done)
    request.once('error', done)
    request.resume()
  })
}
