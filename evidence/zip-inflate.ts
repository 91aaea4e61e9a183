// DEFLATE data inside a ZIP file, decompressed as it is read.
import { createInflateRaw } from 'node:zlib'
import { malformedZip, type ZipInput } from './zip-input.ts'

const CHUNK = 64 * 1024

/**
 * Decompresses until the data says that it ends; what was taken from the input beyond that goes back to it.
 *
 * @param length Octets of compressed data where a header states them: then the data must end exactly there.
 */
export async function* inflate(input: ZipInput, length: number | undefined): AsyncGenerator<Uint8Array> {
  const stream = createInflateRaw({ chunkSize: CHUNK })
  let fed = 0
  let last: Buffer = Buffer.alloc(0)
  let sourceError: unknown
  const feed = async () => {
    // zlib leaves octets untouched only when its data has ended before them.
    while (stream.bytesWritten === fed) {
      const budget = length === undefined ? CHUNK : Math.min(CHUNK, length - fed)
      const chunk = budget === 0 ? undefined : await input.some(budget)
      if (chunk === undefined) {
        stream.end()
        return
      }
      fed += chunk.length
      last = chunk
      await new Promise<void>((resolve) => stream.write(chunk, () => resolve()))
    }
  }
  const feeding = feed().catch((error: Error) => {
    sourceError = error
    stream.destroy(error)
  })
  try {
    for await (const output of stream) yield output
    await feeding
  } catch (error) {
    if (sourceError !== undefined) throw sourceError
    throw malformedZip('compressed data is broken or cut off', error)
  } finally {
    stream.destroy()
  }
  const surplus = fed - stream.bytesWritten
  if (length === undefined) input.putBack(last.subarray(last.length - surplus))
  else if (surplus > 0 || fed < length) throw malformedZip('compressed data is not as long as its header says')
}
