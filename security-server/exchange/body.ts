// Bodies on their way: hashed and spooled as they pass, small ones whole in one buffer so that a message is one write.
import type { BodyReference, BodySpool, MessageLog } from '../message-log/index.ts'

/** Bodies that end within this many bytes travel in one piece. */
const SMALL = 64 * 1024

/** The beginning of a body: either all of it, or what has come so far and the rest of the stream. */
export interface BodyStart {
  readonly head: readonly Uint8Array[]
  readonly size: number
  /** Undefined when `head` is everything. */
  readonly rest: AsyncIterator<Uint8Array> | undefined
}

/** Reads until the body ends or is no longer small. Undefined when it yields nothing at all (no body part, PR-REST §4). */
export async function startBody(source: AsyncIterable<Uint8Array>): Promise<BodyStart | undefined> {
  const iterator = source[Symbol.asyncIterator]()
  const head: Uint8Array[] = []
  let size = 0
  while (size <= SMALL) {
    const next = await iterator.next()
    if (next.done) return size > 0 ? { head, size, rest: undefined } : undefined
    head.push(next.value)
    size += next.value.length
  }
  return { head, size, rest: iterator }
}

/** A small body whole: spooled and hashed in one step. */
export async function keepSmall(log: MessageLog, chunks: readonly Uint8Array[]): Promise<BodyReference> {
  const spool = log.spool()
  try {
    for (const chunk of chunks) await spool.write(chunk)
    return await spool.finish()
  } catch (error) {
    await spool.discard()
    throw error
  }
}

/** Passes a long body on while it is spooled; the spool holds it whole when the generator ends. */
export async function* passThrough(start: BodyStart, spool: BodySpool): AsyncGenerator<Uint8Array> {
  for (const chunk of start.head) {
    await spool.write(chunk)
    yield chunk
  }
  if (start.rest === undefined) return
  for (let next = await start.rest.next(); !next.done; next = await start.rest.next()) {
    await spool.write(next.value)
    yield next.value
  }
}

/** Spools a body to its end without passing it on. */
export async function spoolWhole(log: MessageLog, source: AsyncIterable<Uint8Array>): Promise<BodyReference> {
  const spool = log.spool()
  try {
    for await (const chunk of source) await spool.write(chunk)
    return await spool.finish()
  } catch (error) {
    await spool.discard()
    throw error
  }
}
