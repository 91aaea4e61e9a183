// Takes a recorded HTTP/1.1 message apart, in the test and by no code of ours that is under test.
import assert from 'node:assert/strict'

export interface HttpMessage {
  readonly startLine: string
  /** name, value, name, value: as Node's rawHeaders. */
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export function readHttp(bytes: Buffer): HttpMessage {
  const end = bytes.indexOf('\r\n\r\n')
  assert.ok(end > 0)
  const [startLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const rawHeaders = lines.flatMap((line) => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  const body = bytes.subarray(end + 4)
  return { startLine, rawHeaders, body: headerOf(rawHeaders, 'transfer-encoding') === 'chunked' ? dechunk(body) : body }
}

export function headerOf(rawHeaders: readonly string[], lower: string): string | undefined {
  const index = rawHeaders.findIndex((value, at) => at % 2 === 0 && value.toLowerCase() === lower)
  return index < 0 ? undefined : rawHeaders[index + 1]
}

/** RFC 9112 §7.1 */
function dechunk(bytes: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const line = bytes.indexOf('\r\n', at)
    assert.ok(line > at)
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    if (size === 0) return Buffer.concat(chunks)
    chunks.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}

/** A body that arrives in pieces of the given size. */
export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
