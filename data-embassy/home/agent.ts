// The agent of one register: captures, seals, spools, sends, and knows what is receipted by how many (embassy.md, "Acknowledgement").
import { type DecreeKeys, openDecree, type Row } from '#continuity'
import type { Log } from '#host'
import type { Author } from '../authoring/author.ts'
import { EmbassyError } from '../error.ts'
import type { Source } from '../register/source.ts'
import { batches } from './batching.ts'
import { Courier, type CourierOptions, type CourierStatus } from './courier.ts'

export interface AgentOptions {
  readonly register: string
  /** `strict`: a write is acknowledged when `receipts` embassies have it. `available`: when it is in the spool. */
  readonly durability: 'strict' | 'available'
  readonly receipts: number
  readonly author: Author
  readonly source: Source
  readonly embassies: readonly Omit<CourierOptions, 'author' | 'onReceipt' | 'onDecree' | 'log'>[]
  /** Who may end the epoch. */
  readonly decreeKeys: DecreeKeys

  readonly log: Log
}

export interface AgentStatus {
  readonly register: string
  readonly durability: 'strict' | 'available'
  /** Leaves that are sealed and signed. */
  readonly size: number
  readonly position?: string
  readonly embassies: readonly CourierStatus[]
  readonly waiting: { readonly batches: number; readonly bytes: number }
  /** Why nothing is captured. */
  readonly failure?: string
}

interface Pending {
  readonly end: number
  readonly position: string
}

interface Waiter {
  readonly wanted: string
  readonly resolve: (size: number) => void
}

export class Agent {
  readonly #options: AgentOptions
  readonly #couriers: readonly Courier[]
  readonly #stop = new AbortController()
  /** Places where the register was whole and that the source was not told are safe, oldest first. */
  #pending: Pending[] = []
  #waiters: Waiter[] = []
  #safe: Pending | undefined
  #failure: string | undefined
  #over: string | undefined
  #running: Promise<void> | undefined

  constructor(options: AgentOptions) {
    this.#options = options
    const { author, embassies, log } = options
    const everybody = embassies.map(({ name }) => name)
    this.#couriers = embassies.map((embassy) => {
      const onReceipt = (size: number, note: Uint8Array) => {
        author.spool.receipted(embassy.name, size, note, new Date(), everybody)
        this.#settle()
      }
      const onDecree = (note: Uint8Array) => this.#ended(note)
      return new Courier(
        { ...embassy, author, onReceipt, onDecree, log },
        author.spool.receipt(embassy.name)?.size ?? 0,
      )
    })
    const tail = author.spool.tail()
    // What was spooled before this start and not yet confirmed: its end stands for all of it.
    if (tail?.complete && author.position !== undefined)
      this.#pending.push({ end: tail.end, position: author.position })
  }

  start(): void {
    for (const courier of this.#couriers) courier.start()
    this.#running ??= this.#capture()
    this.#settle()
  }

  /**
   * Resolves when everything that is committed in the register now is as durable as its class says, with the leaves of its log that hold it.
   *
   * @throws {EmbassyError} `not_receipted` when that does not happen in time: the write may survive, and must not be acknowledged
   */
  async settled(timeoutMs: number): Promise<number> {
    if (this.#over !== undefined) throw new EmbassyError('epoch_over', this.#over)
    const size = await this.#receipted(timeoutMs)
    // Asked once more: the decree may have come meanwhile.
    if (this.#over !== undefined) throw new EmbassyError('epoch_over', this.#over)
    if (size !== undefined) return size
    const { register, receipts } = this.#options
    throw new EmbassyError(
      'not_receipted',
      `${register}: fewer than ${receipts} embassies have receipted it within ${timeoutMs / 1000} s`,
    )
  }

  /** Leaves that hold everything that is committed now, when they are durable; undefined when they are not in time. */
  async #receipted(timeoutMs: number): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    const timer = setTimeout(() => resolve(undefined), timeoutMs)
    let waiter: Waiter | undefined
    try {
      // A register that cannot be read at the moment does not say where it ends.
      const wanted = await Promise.race([this.#options.source.head(), promise])
      if (typeof wanted !== 'string') return undefined
      waiter = { wanted, resolve }
      this.#waiters.push(waiter)
      this.#settle()
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiters = this.#waiters.filter((each) => each !== waiter)
    }
  }

  get durability(): 'strict' | 'available' {
    return this.#options.durability
  }

  /** Says which decree ended the epoch, once an embassy has told and proved it; from then on nothing is acknowledged here. */
  get over(): string | undefined {
    return this.#over
  }

  /** Has a row erased at home and abroad; gives the entries that are. Who asks knows that every embassy did it when it has receipted as much. */
  async erase(relation: string, key: Row, basis: string): Promise<readonly number[]> {
    const erased = await this.#options.author.erase(relation, key, basis)
    for (const courier of this.#couriers) courier.wake()
    return erased
  }

  status(): AgentStatus {
    const { register, durability, author } = this.#options
    const position = author.position
    return {
      register,
      durability,
      size: author.size,
      ...(position === undefined ? {} : { position }),
      embassies: this.#couriers.map((courier) => courier.status()),
      waiting: author.spool.backlog(),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    }
  }

  /** The author stays open: whoever opened it closes it. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await Promise.all(this.#couriers.map((courier) => courier.stop()))
    await this.#options.source.close()
  }

  async #capture(): Promise<void> {
    const { source, author, log, register } = this.#options
    try {
      for await (const batch of batches(source.changes(author.position, this.#stop.signal))) {
        await author.write(batch)
        const last = batch.at(-1)
        if (last?.complete) this.#pending.push({ end: author.size, position: last.change.position })
        for (const courier of this.#couriers) courier.wake()
        this.#settle()
      }
    } catch (error) {
      // Loud, and nothing is confirmed any more: a strict register stops acknowledging.
      this.#failure = (error as Error).message
      log.error('the register is not captured any more', { register, error })
    }
  }

  /**
   * An embassy says that a decree ended our epoch. It is believed if enough holders signed it; it need not be in force any more, because it was when it was
   * recorded. Throws ContinuityError for anything else.
   */
  #ended(note: Uint8Array): void {
    const { author, decreeKeys, register, log } = this.#options
    const { decree } = openDecree(note, decreeKeys)
    const epoch = Number(author.log.origin.split('/').at(-1))
    if (decree.subject !== register || decree.epoch[1] <= epoch)
      throw new EmbassyError('wrong_decree', `The decree is about ${decree.subject}, epoch ${decree.epoch[1]}`)
    if (this.#over === undefined) log.error('a decree ended the epoch', { register, epoch, decree })
    this.#over = `Epoch ${epoch} of ${register} was ended by a decree; epoch ${decree.epoch[1]} is in force`
  }

  /** How much is as durable as the class of the register says. */
  #durable(): number {
    const { durability, receipts, author } = this.#options
    if (durability === 'available') return author.size
    const sizes = this.#couriers.map((courier) => courier.status().size).sort((a, b) => b - a)
    return sizes[receipts - 1] ?? 0
  }

  #settle(): void {
    const durable = this.#durable()
    const reached = this.#pending.findLast(({ end }) => end <= durable)
    if (reached !== undefined) {
      this.#pending = this.#pending.filter(({ end }) => end > durable)
      this.#safe = reached
      const { source, log } = this.#options
      source
        .confirm(reached.position)
        .catch((error: Error) => log.warn('the register was not told what is safe', { error }))
    }
    const safe = this.#safe
    if (safe === undefined) return
    for (const { wanted, resolve } of this.#waiters)
      if (this.#options.source.holds(safe.position, wanted)) resolve(safe.end)
  }
}
