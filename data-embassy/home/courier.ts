// Carries one register's batches to one embassy, as signed X-Road messages through the institution's own security server. Whatever happens on the way it goes
// on from what the embassy says that it holds: nobody has to lend a hand.
import { setTimeout as sleep } from 'node:timers/promises'
import type { RestService } from '#client'
import type { Log } from '#host'
import type { VerifierKey } from '#transparency'
import type { Author } from '../authoring/author.ts'
import { EmbassyError } from '../error.ts'
import { mirrorPath, OCTETS } from '../wire.ts'
import { ReceiptReader } from './receipt.ts'

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000
/** For one batch, from its first octet to the receipt. */
const PATIENCE_MS = 120_000
const MAXIMUM_ANSWER = 64 * 1024

export interface CourierOptions {
  /** Name of the embassy in the configuration. */
  readonly name: string
  readonly service: RestService
  readonly mirrorKey: VerifierKey
  readonly author: Author
  /** Told of each receipt. */
  readonly onReceipt: (size: number, note: Uint8Array) => void
  /** Told of the decree with which an embassy says that the epoch is over. Throws where it is none. */
  readonly onDecree: (note: Uint8Array) => void
  readonly log: Log
}

export interface CourierStatus {
  readonly embassy: string
  /** Leaves that it has receipted. */
  readonly size: number
  readonly receiptedAt?: string
  readonly lastError?: string
}

export class Courier {
  readonly #options: CourierOptions
  readonly #reader: ReceiptReader
  readonly #stop = new AbortController()
  #size: number
  #receiptedAt: Date | undefined
  #lastError: string | undefined
  #wake: () => void = () => {}
  #running: Promise<void> | undefined

  /** @param size What was receipted before this start. */
  constructor(options: CourierOptions, size: number) {
    this.#options = options
    this.#reader = new ReceiptReader(options.author.log, options.mirrorKey)
    this.#size = size
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** There is something new. */
  wake(): void {
    this.#wake()
  }

  status(): CourierStatus {
    return {
      embassy: this.#options.name,
      size: this.#size,
      ...(this.#receiptedAt === undefined ? {} : { receiptedAt: this.#receiptedAt.toISOString() }),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#wake()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; ) {
      try {
        if (await this.#deliver()) pause = FIRST_PAUSE_MS
        this.#told(undefined)
        await this.#news()
      } catch (error) {
        this.#told((error as Error).message)
        await sleep(pause, undefined, { signal }).catch(() => {})
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS)
      }
    }
  }

  /** Everything that there is. Gives whether something was receipted. */
  async #deliver(): Promise<boolean> {
    const { author } = this.#options
    const before = this.#size
    while (this.#size < author.size && !this.#stop.signal.aborted) {
      const batch = author.batch(this.#size)
      if (batch === undefined)
        throw new EmbassyError(
          'gap',
          `${this.#options.name} lacks entry ${this.#size}, which is not in the spool any more`,
        )
      await this.#post(batch.bytes)
    }
    return this.#size > before
  }

  async #post(bytes: Uint8Array): Promise<void> {
    const { service, author } = this.#options
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(PATIENCE_MS)])
    const headers = { 'content-type': OCTETS }
    const answer = await service.fetch(`${mirrorPath(author.log.origin)}/batches`, {
      method: 'POST',
      headers,
      body: bytes,
      signal,
    })
    const body = await bounded(answer)
    if (answer.status === 200) return this.#receipted(body)
    if (answer.status === 410) {
      this.#options.onDecree(body)
      throw new EmbassyError('epoch_over', 'a decree ended the epoch')
    }
    if (answer.status !== 409)
      throw new EmbassyError('unreachable', `HTTP status ${answer.status}: ${body.toString('utf8').slice(0, 500)}`)
    // It holds something else than we thought: older or newer. Its receipt says what.
    if (body.length === 0) this.#size = 0
    else await this.#receipted(body)
  }

  async #receipted(body: Uint8Array): Promise<void> {
    const { size, note } = await this.#reader.read(body)
    this.#size = size
    this.#receiptedAt = new Date()
    this.#options.onReceipt(size, note)
  }

  /** Resolves when somebody wakes us. */
  async #news(): Promise<void> {
    if (this.#size < this.#options.author.size || this.#stop.signal.aborted) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  #told(error: string | undefined): void {
    if (error !== undefined && this.#lastError === undefined)
      this.#options.log.warn('an embassy does not receipt', { embassy: this.#options.name, reason: error })
    if (error === undefined && this.#lastError !== undefined)
      this.#options.log.info('an embassy receipts again', { embassy: this.#options.name })
    this.#lastError = error
  }
}

async function bounded(answer: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > MAXIMUM_ANSWER)
      throw new EmbassyError('wrong_receipt', `The answer is longer than ${MAXIMUM_ANSWER} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
