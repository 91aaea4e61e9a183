// Bodies in the database: rows of chunks that are there before the record that names them.
import type { BodyFiles, BodyHandle, NewFile } from '../body-files.ts'
import { LogError } from '../error.ts'
import type { Range } from '../sealed-body.ts'
import type { Lanes } from './lanes.ts'

/** Of one size but the last, so that any byte is found without reading those before it. */
const CHUNK_BYTES = 256 * 1024

/** Only the run that is the last one writes: another process may have taken over. */
const IS_LAST = "(SELECT value FROM log_state WHERE key = 'run') = $2::bigint RETURNING 1"
const CREATE = `INSERT INTO log_body SELECT $1::text, $2::bigint WHERE ${IS_LAST}`
const CHUNK = `INSERT INTO log_body_chunk SELECT $1::text, $3::bigint, $4::bytea WHERE ${IS_LAST}`
const READ = `SELECT bytes FROM log_body LEFT JOIN log_body_chunk ON log_body_chunk.file = log_body.file AND number = $2::bigint
  WHERE log_body.file = $1`

export class BodyChunks implements BodyFiles {
  readonly #lanes: Lanes
  readonly #run: number

  /** @param run Of this start; 0 only reads. */
  constructor(lanes: Lanes, run: number) {
    this.#lanes = lanes
    this.#run = run
  }

  async create(): Promise<NewFile> {
    const id = `${crypto.randomUUID().replaceAll('-', '')}-${this.#run}`
    await this.#write('body-create', CREATE, [id])
    return { id, handle: this.#handle(id) }
  }

  /** Its name is a row, as its content is. */
  async settle(): Promise<void> {}

  async remove(id: string): Promise<void> {
    await this.#lanes.rows('body-remove', 'DELETE FROM log_body WHERE file = $1', [id])
  }

  async *read(id: string, range: Range = { start: 0, size: Number.POSITIVE_INFINITY }): AsyncGenerator<Uint8Array> {
    const end = range.start + range.size
    for (let at = range.start; at < end; ) {
      const number = Math.floor(at / CHUNK_BYTES)
      const [row] = await this.#lanes.rows('body-read', READ, [id, number])
      if (row === undefined) throw new LogError('body_missing', `The body ${id} is gone`)
      const start = number * CHUNK_BYTES
      // Fewer bytes than are wanted are seen by whoever asked: a chunk that is gone ends the body.
      const chunk = (row['bytes'] as Uint8Array | null) ?? new Uint8Array()
      const wanted = chunk.subarray(at - start, Math.min(chunk.length, end - start))
      if (wanted.length > 0) yield wanted
      if (chunk.length < CHUNK_BYTES) return
      at = start + CHUNK_BYTES
    }
  }

  #handle(id: string): BodyHandle {
    let buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    let held = 0
    let number = 0
    const put = async () => {
      await this.#write('body-chunk', CHUNK, [id, number, buffer.subarray(0, held)])
      number += 1
      held = 0
    }
    return {
      write: async (bytes, offset, length) => {
        if (held === CHUNK_BYTES) await put()
        const bytesWritten = Math.min(length, CHUNK_BYTES - held)
        buffer.set(bytes.subarray(offset, offset + bytesWritten), held)
        held += bytesWritten
        return { bytesWritten }
      },
      // A chunk is committed, and not waited for: the COMMIT of the record flushes all that was committed before it.
      sync: async () => undefined,
      close: async () => {
        if (held > 0) await put()
        buffer = Buffer.alloc(0)
      },
    }
  }

  async #write(name: string, sql: string, [id, ...values]: readonly unknown[]): Promise<void> {
    const rows = await this.#lanes.rows(name, sql, [id, this.#run, ...values])
    if (rows.length === 0) throw new LogError('store_broken', 'Another process has begun a run of the message log')
  }
}
