// The bytes on the signer's socket (interfaces: Signer): frames of a u32 big-endian length and that many bytes of JSON.
//
//   client → signer   {"id": 0, "op": "hello", "version": 1, "token": "…"}   first, once
//                     {"id": n, "op": "sign", …}                             any number, without waiting
//   signer → client   {"id": n, "ok": …} or {"id": n, "error": {"code": "…", "message": "…"}}   in any order
//
// Bytes inside are base64. Who breaks the framing is cut off: after one wrong length nothing later can be believed.
import type { Socket } from 'node:net'
import { SignerError } from './error.ts'

export const PROTOCOL_VERSION = 1
/** Of the JSON; enough for ~750 KB to be signed. */
export const MAX_FRAME = 1024 * 1024
const HEAD = 4

export type Request = { readonly id: number; readonly op: string } & Readonly<Record<string, unknown>>
export type Answer =
  | { readonly id: number; readonly ok: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } }

/** Takes the chunks of a stream and hands on each frame's text. Throws SignerError `bad_request` for a wrong length. */
export function frameReader(onFrame: (json: string) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let gathered = 0
  // How much must be there before it is worth looking again: a large frame is put together once, not at every chunk.
  let needed = HEAD

  return (chunk) => {
    chunks.push(chunk)
    gathered += chunk.length
    if (gathered < needed) return
    const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks, gathered)
    let offset = 0
    needed = HEAD
    while (bytes.length - offset >= HEAD) {
      const length = bytes.readUInt32BE(offset)
      if (length === 0 || length > MAX_FRAME)
        throw new SignerError('bad_request', `a frame of ${length} bytes; 1 to ${MAX_FRAME} are allowed`)
      needed = HEAD + length
      if (bytes.length - offset < needed) break
      onFrame(bytes.toString('utf8', offset + HEAD, offset + needed))
      offset += needed
      needed = HEAD
    }
    gathered = bytes.length - offset
    chunks = gathered === 0 ? [] : [bytes.subarray(offset)]
  }
}

/** Writes frames; what is sent within one turn of the event loop leaves in one system call. */
export function frameWriter(socket: Socket): (json: string) => void {
  let corked = false
  const uncork = () => {
    corked = false
    socket.uncork()
  }
  return (json) => {
    const length = Buffer.byteLength(json)
    if (length > MAX_FRAME) throw new SignerError('bad_request', `a frame of ${length} bytes; ${MAX_FRAME} are allowed`)
    if (!corked) {
      corked = true
      socket.cork()
      setImmediate(uncork)
    }
    const frame = Buffer.allocUnsafe(HEAD + length)
    frame.writeUInt32BE(length, 0)
    frame.write(json, HEAD)
    socket.write(frame)
  }
}
