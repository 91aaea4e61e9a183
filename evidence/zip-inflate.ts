// DEFLATE data inside a ZIP file, decompressed as it is read: at once where all of it is at hand and small, as a stream otherwise.
import { createInflateRaw, inflateRawSync } from 'node:zlib'
import { EvidenceError } from './error.ts'
import { malformedZip, type ZipInput } from './zip-input.ts'

const CHUNK = 64 * 1024
/** Most entries fit one of these. */
const PIECE = 8 * 1024
/** Decompressed; what is larger is streamed, so that a bomb costs no more than this before its ratio is looked at. */
const MAX_AT_ONCE = 1024 * 1024

/**
 * Decompresses until the data says that it ends; what was taken from the input beyond that goes back to it.
 *
 * @param length Octets of compressed data where a header states them: then the data must end exactly there.
 */
export async function* inflate(input: ZipInput, length: number | undefined): AsyncGenerator<Uint8Array> {
  const whole = await inflateAtOnce(input, length)
  if (whole === undefined) yield* inflateStream(input, length)
  else if (whole.length > 0) yield whole
}

/**
 * Most entries of a container are some KB: setting up a stream costs ten times what it does. Undefined, with the input as it was,
 * when the data is not all at hand, or grows too large.
 */
async function inflateAtOnce(input: ZipInput, length: number | undefined): Promise<Uint8Array | undefined> {
  if (length !== undefined && length > CHUNK) return undefined
  const data = length === undefined ? await input.some(CHUNK) : await input.take(length)
  if (data === undefined) return undefined
  try {
    const { buffer, engine } = inflateRawSync(data, {
      info: true,
      chunkSize: PIECE,
      maxOutputLength: MAX_AT_ONCE,
    }) as unknown as {
      readonly buffer: Uint8Array
      readonly engine: { readonly bytesWritten: number }
    }
    const surplus = data.length - engine.bytesWritten
    if (length !== undefined && surplus > 0) throw wrongLength()
    input.putBack(data.subarray(data.length - surplus))
    return buffer
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'Z_BUF_ERROR' && code !== 'ERR_BUFFER_TOO_LARGE') throw broken(error)
    if (code === 'Z_BUF_ERROR' && length !== undefined) throw broken(error)
    input.putBack(data)
    return undefined
  }
}

async function* inflateStream(input: ZipInput, length: number | undefined): AsyncGenerator<Uint8Array> {
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
    throw broken(error)
  } finally {
    stream.destroy()
  }
  const surplus = fed - stream.bytesWritten
  if (length === undefined) input.putBack(last.subarray(last.length - surplus))
  else if (surplus > 0 || fed < length) throw wrongLength()
}

function broken(cause: unknown): Error {
  return cause instanceof EvidenceError ? cause : malformedZip('compressed data is broken or cut off', cause)
}

function wrongLength(): EvidenceError {
  return malformedZip('compressed data is not as long as its header says')
}
