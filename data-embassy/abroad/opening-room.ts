// Where custodians put their shares together. They are held in memory only, for a short time, and every step is told to whoever keeps the book.
import { checkShare, type Manifest, openingKey, type Share } from '#continuity'
import type { Clock } from '#host'

/** Shares that do not become enough are forgotten. */
const HELD_MS = 30 * 60_000

export interface RoomStatus {
  readonly version: number
  readonly threshold: number
  /** Whose shares are here. */
  readonly custodians: readonly string[]
  readonly open: boolean
}

export class OpeningRoom {
  readonly #manifest: Manifest
  readonly #clock: Clock
  #shares = new Map<string, Share>()
  #identity: string | undefined
  #since = 0

  constructor(manifest: Manifest, clock: Clock) {
    this.#manifest = manifest
    this.#clock = clock
  }

  /** Undefined while too few shares are here. */
  get identity(): string | undefined {
    return this.#identity
  }

  status(): RoomStatus {
    this.#forgetOld()
    const { version, threshold } = this.#manifest
    return { version, threshold, custodians: [...this.#shares.keys()], open: this.#identity !== undefined }
  }

  /**
   * Takes a share; with the last that is needed the key is there.
   *
   * @throws {ContinuityError} `wrong_share` naming whose it is: it is not kept, the others are; `wrong_key` where all are right and still make another key
   */
  async contribute(share: Share): Promise<RoomStatus> {
    this.#forgetOld()
    if (this.#shares.size === 0) this.#since = this.#clock.now().getTime()
    const brought = new Map(this.#shares).set(share.custodian, share)
    if (brought.size >= this.#manifest.threshold)
      this.#identity = await openingKey(this.#manifest, [...brought.values()])
    else checkShare(this.#manifest, share)
    this.#shares = brought
    return this.status()
  }

  /** Forgets key and shares. A string of JavaScript cannot be wiped: its memory is free when this returns and gone when the process ends. */
  close(): void {
    for (const { share } of this.#shares.values()) share.fill(0)
    this.#shares = new Map()
    this.#identity = undefined
  }

  #forgetOld(): void {
    if (this.#identity === undefined && this.#clock.now().getTime() - this.#since > HELD_MS) this.close()
  }
}
