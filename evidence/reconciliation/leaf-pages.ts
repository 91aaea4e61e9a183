// A side's log as it shows it: leaves of the run open, what lies between them hidden. In pages that are made as they are asked for.
import { coveringNodes, type HashReader } from '#transparency'
import { FULL_PAGE_BYTES, type KnownFrame, type ShownFrame, writeFrame } from './frames.ts'

export interface OpenLeaf {
  /** In the tree, from 0. */
  readonly index: number
  readonly frame: KnownFrame | ShownFrame
}

/** @param leaves Ascending. @param size Of the checkpoint's tree. @param read Hashes of that tree. */
export async function* leafPages(
  leaves: AsyncIterable<OpenLeaf>,
  size: number,
  read: HashReader,
): AsyncGenerator<Uint8Array> {
  let page: Uint8Array[] = []
  let length = 0
  const add = (bytes: Uint8Array) => {
    page.push(bytes)
    length += bytes.length
  }
  const hide = async (start: number, end: number) => {
    if (start >= end) return
    add(writeFrame({ kind: 'hidden', leaves: end - start, hashes: await read(coveringNodes({ start, end })) }))
  }
  let next = 0
  for await (const { index, frame } of leaves) {
    await hide(next, index)
    add(writeFrame(frame))
    next = index + 1
    if (length < FULL_PAGE_BYTES) continue
    yield Buffer.concat(page)
    page = []
    length = 0
  }
  await hide(next, size)
  if (length > 0) yield Buffer.concat(page)
}
