// Time limits on the wire are idle limits: a large body may take an hour, a stalled one may not.
import type { Readable } from 'node:stream'
import { passedOn } from '#host'

export class StalledError extends Error {
  override readonly name = 'StalledError'
}

/**
 * The stream's chunks. Fails with StalledError when none comes for `idleMs`, and with the stream's own error when it is cut.
 * Ending early leaves the stream as it is (a `for await` over it would destroy it, and with it the way to answer).
 */
export async function* chunksOf(source: Readable, idleMs: number): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk: Uint8Array | null = source.read()
    if (chunk !== null) {
      passedOn(chunk.length)
      yield chunk
      continue
    }
    if (source.readableEnded) return
    if (source.errored !== null) throw source.errored
    if (source.destroyed) throw new Error('the connection was cut before the body was complete')
    await moreFrom(source, idleMs)
  }
}

/**
 * The chunks, for one who takes them at its own pace: when it does not come back for the next one within `idleMs`,
 * `onStall` is told, which must end what the taker is doing.
 */
export async function* paced(
  source: AsyncIterable<Uint8Array>,
  idleMs: number,
  onStall: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    const timer = setTimeout(onStall, idleMs)
    try {
      yield chunk
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Waits for data, the end, or trouble. */
function moreFrom(source: Readable, idleMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      clearTimeout(timer)
      source.off('readable', onMore)
      source.off('end', onMore)
      source.off('error', onError)
      source.off('close', onMore)
      if (error === undefined) resolve()
      else reject(error)
    }
    const onMore = () => settle()
    const onError = (error: Error) => settle(error)
    const timer =
      idleMs > 0 ? setTimeout(() => settle(new StalledError(`nothing came for ${idleMs / 1000} s`)), idleMs) : undefined
    source.on('readable', onMore)
    source.on('end', onMore)
    source.on('error', onError)
    source.on('close', onMore)
  })
}
