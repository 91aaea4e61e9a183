// A body on disk that nobody can read there: authenticated encryption in chunks, so that it streams in and out and any part of it can be
// read alone (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
//
//   "SaBd"  version (u32)  id of the key (8 bytes)  salt (32 random bytes)
//   chunks of 64 KiB of the body, the last one shorter, each with the 16 bytes of its tag behind it
//
// Each file has a key of its own: HKDF-SHA-256 of the master key with the salt. A chunk is AES-256-GCM under it; the nonce is the number of
// the chunk and whether it is the last one, so that none can be moved, left out at the end or come from another file. The head is
// authenticated with every chunk.
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { LogError } from './error.ts'
import { KEY_ID_BYTES, type MasterKey } from './master-key.ts'

export const CHUNK_BYTES = 64 * 1024
const TAG_BYTES = 16
const MAGIC = 0x53614264
const VERSION = 1
const SALT_AT = 8 + KEY_ID_BYTES
export const SEALED_HEAD = SALT_AT + 32
const SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
const INFO = 'saadik message log body 1'
const CIPHER = 'aes-256-gcm'

/** Takes a body piece by piece and gives what is to be written of it. */
export class BodySealer {
  /** Of the master key. */
  readonly keyId: string
  readonly #head: Buffer
  readonly #key: Buffer
  readonly #plain = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  #held = 0
  #number = 0

  constructor(master: MasterKey) {
    const head = Buffer.alloc(SEALED_HEAD)
    head.writeUInt32BE(MAGIC, 0)
    head.writeUInt32BE(VERSION, 4)
    head.set(master.idBytes, 8)
    randomFillSync(head, SALT_AT)
    this.keyId = master.id
    this.#head = head
    this.#key = master.derive(head.subarray(SALT_AT), INFO)
  }

  /** Chunks that are full and not the last. */
  *seal(bytes: Uint8Array): Generator<Buffer> {
    for (let done = 0; done < bytes.length; ) {
      if (this.#held === CHUNK_BYTES) yield this.#chunk(false)
      const taken = Math.min(CHUNK_BYTES - this.#held, bytes.length - done)
      this.#plain.set(bytes.subarray(done, done + taken), this.#held)
      this.#held += taken
      done += taken
    }
  }

  /** The last chunk. */
  end(): Buffer {
    return this.#chunk(true)
  }

  #chunk(last: boolean): Buffer {
    const cipher = createCipheriv(CIPHER, this.#key, nonceOf(this.#number, last)).setAAD(this.#head)
    const sealed = cipher.update(this.#plain.subarray(0, this.#held))
    cipher.final()
    const head = this.#number === 0 ? [this.#head] : []
    const parts = [...head, sealed, cipher.getAuthTag()]
    this.#number += 1
    this.#held = 0
    return Buffer.concat(parts)
  }
}

/** A part of a body. */
export interface Range {
  readonly start: number
  readonly size: number
}

/** Reads a file: a range of it, or all. */
export type ReadFile = (range?: Range) => AsyncIterable<Uint8Array>

/** Where the chunks lie that hold a part of a body, in its file. */
function sealedRange({ start, size }: Range): Range {
  const first = Math.floor(start / CHUNK_BYTES)
  const end = Math.ceil((start + size) / CHUNK_BYTES)
  return { start: SEALED_HEAD + first * SEALED_CHUNK, size: (end - first) * SEALED_CHUNK }
}

/**
 * A part of a body, from the chunks that hold it; all of it from the whole file, so that whatever follows is seen.
 *
 * @param part `total`: size of the whole body.
 * @throws LogError `body_damaged` for whatever is not as it was written. Errors of the source pass through.
 */
export async function* openSealed(
  master: MasterKey,
  read: ReadFile,
  { start, size, total }: Range & { readonly total: number },
): AsyncGenerator<Buffer> {
  if (size === 0 && total > 0) return
  const whole = size === total
  const bytes = whole ? read() : chain(read({ start: 0, size: SEALED_HEAD }), read(sealedRange({ start, size })))
  const last = Math.max(0, Math.ceil(total / CHUNK_BYTES) - 1)
  let number = Math.floor(start / CHUNK_BYTES)
  let file: { readonly head: Buffer; readonly key: Buffer } | undefined
  for await (const piece of cut(bytes)) {
    if (file === undefined) {
      file = opened(master, piece)
      continue
    }
    if (number > last) throw damaged('something follows its last chunk')
    const plain = openChunk(file.key, file.head, piece, nonceOf(number, number === last))
    const at = number * CHUNK_BYTES
    const wanted = plain.subarray(Math.max(0, start - at), Math.max(0, start + size - at))
    number += 1
    if (wanted.length > 0) yield wanted
  }
}

function opened(master: MasterKey, head: Buffer): { readonly head: Buffer; readonly key: Buffer } {
  if (head.length !== SEALED_HEAD || head.readUInt32BE(0) !== MAGIC || head.readUInt32BE(4) !== VERSION)
    throw damaged('it does not begin as a sealed body does')
  return { head, key: master.derive(head.subarray(SALT_AT), INFO) }
}

function openChunk(key: Buffer, head: Buffer, sealed: Buffer, nonce: Buffer): Buffer {
  if (sealed.length < TAG_BYTES) throw damaged('its last chunk has no tag')
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(head).setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  const plain = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES))
  try {
    decipher.final()
  } catch (cause) {
    throw damaged('a chunk of it was changed or moved', cause)
  }
  return plain
}

async function* chain(...sources: readonly AsyncIterable<Uint8Array>[]): AsyncGenerator<Uint8Array> {
  for (const source of sources) yield* source
}

/** The head, whole chunks, and the last one however long it is. Each is gone with the next. */
async function* cut(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const head = Buffer.alloc(SEALED_HEAD)
  const chunk = Buffer.allocUnsafeSlow(SEALED_CHUNK)
  let into = head
  let held = 0
  for await (const bytes of source)
    for (let done = 0; done < bytes.length; ) {
      if (held === into.length) {
        yield into
        into = chunk
        held = 0
      }
      const taken = Math.min(into.length - held, bytes.length - done)
      into.set(bytes.subarray(done, done + taken), held)
      held += taken
      done += taken
    }
  yield into.subarray(0, held)
}

function damaged(why: string, cause?: unknown): LogError {
  return new LogError('body_damaged', `A body is not the one that was logged: ${why}`, { cause })
}

function nonceOf(number: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(number, 7)
  nonce[11] = last ? 1 : 0
  return nonce
}
