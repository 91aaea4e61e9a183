// Rows handed to a server by COPY, all at once: they were gathered before.
import type { Connection, Submittable } from 'pg'
import type { CopyConnection } from './copy-channel.ts'

const CHUNK_BYTES = 256 * 1024

export class CopyIn implements Submittable {
  readonly #sql: string
  readonly #rows: Buffer
  readonly #done = Promise.withResolvers<void>()

  /** @param rows In COPY's text format. */
  constructor(sql: string, rows: Buffer) {
    this.#sql = sql
    this.#rows = rows
    this.#done.promise.catch(() => {})
  }

  /** Rejects with what the server says. */
  get done(): Promise<void> {
    return this.#done.promise
  }

  submit(connection: Connection): void {
    connection.query(this.#sql)
  }

  handleCopyInResponse(connection: CopyConnection): void {
    for (let at = 0; at < this.#rows.length; at += CHUNK_BYTES)
      connection.sendCopyFromChunk(this.#rows.subarray(at, at + CHUNK_BYTES))
    connection.endCopyFrom()
  }

  handleError(error: Error): void {
    this.#done.reject(error)
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#done.resolve()
  }
}
