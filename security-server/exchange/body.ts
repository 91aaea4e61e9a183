// Bodies on their way: hashed and spooled as they pass, small ones whole in one buffer so that a message is one write.
import type { BodyReference, Keeping, MessageLog } from '../message-log/index.ts'

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
export async function keepSmall(
  log: MessageLog,
  chunks: readonly Uint8Array[],
  keeping: Keeping,
): Promise<BodyReference> {
  const spool = log.spool(keeping)
  try {
    for (const chunk of chunks) await spool.write(chunk)
    return await spool.finish()
  } catch (error) {
    await spool.discard()
    throw error
  }
}
