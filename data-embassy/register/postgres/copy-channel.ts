// What a server sends as CopyData, one piece after another, no faster than it is taken: rows of COPY, frames of replication.
import type { Socket } from 'node:net'
import type { Connection, Submittable } from 'pg'

/** What waits here before the socket is not read any more; one piece may be longer. */
const HIGH_BYTES = 1024 * 1024
const LOW_BYTES = 256 * 1024

/** What the driver's types leave out of its connection. */
export type CopyConnection = Connection & {
  readonly stream: Socket
  sendCopyFromChunk(chunk: Uint8Array): void
  endCopyFrom(): void
}

export class CopyChannel implements Submittable {
  readonly #sql: string
  readonly #waiting: Buffer[] = []
  #bytes = 0
  #connection: CopyConnection | undefined
  #ended = false
  #error: Error | undefined
  #wake: (() => void) | undefined

  /** @param sql A statement that answers with CopyOut or CopyBoth. */
  constructor(sql: string) {
    this.#sql = sql
  }

  /** Whether {@link take} has something at once. */
  get ready(): boolean {
    return this.#waiting.length > 0 || this.#ended
  }

  /** The next piece; undefined at the end. Only where {@link ready}; rejects where the server or the way to it failed. */
  take(): Buffer | undefined {
    const piece = this.#waiting.shift()
    if (piece === undefined) {
      if (this.#error !== undefined) throw this.#error
      return undefined
    }
    this.#bytes -= piece.length
    if (this.#bytes < LOW_BYTES && this.#connection?.stream.isPaused()) this.#connection.stream.resume()
    return piece
  }

  /** Resolves when there is something to take, when somebody else has called {@link wake}, or after so long. */
  async wait(withinMs?: number): Promise<void> {
    if (this.ready) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs)
    await promise
    clearTimeout(timer)
    this.#wake = undefined
  }

  wake(): void {
    this.#wake?.()
  }

  /** One piece to the server, in the midst of CopyBoth. */
  send(bytes: Uint8Array): void {
    if (!this.#ended) this.#connection?.sendCopyFromChunk(bytes)
  }

  // What the driver calls.

  submit(connection: Connection): void {
    this.#connection = connection as CopyConnection
    connection.query(this.#sql)
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    // The driver's buffer is used again for what comes next.
    this.#waiting.push(Buffer.from(chunk))
    this.#bytes += chunk.length
    if (this.#bytes > HIGH_BYTES) this.#connection?.stream.pause()
    this.wake()
  }

  handleError(error: Error): void {
    this.#error ??= error
    this.#end()
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#end()
  }

  #end(): void {
    this.#ended = true
    this.wake()
  }
}
