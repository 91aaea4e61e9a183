// How many calls of one service are under way, and how many may wait: a service that answers too slowly must not fill this server with messages.

/** Why there is no place. */
export class NoPlaceError extends Error {
  override readonly name = 'NoPlaceError'
}

interface Waiting {
  readonly resolve: () => void
  readonly timer: NodeJS.Timeout | undefined
}

export class Places {
  readonly #places: number
  readonly #maxWaiting: number
  readonly #waiting = new Set<Waiting>()
  #taken = 0

  constructor(places: number, maxWaiting: number) {
    this.#places = places
    this.#maxWaiting = maxWaiting
  }

  /**
   * Resolves when there is a place, in the order in which they were asked for.
   *
   * @param timeoutMs 0 waits for ever.
   * @returns Gives the place back; once is enough.
   * @throws NoPlaceError
   */
  async take(timeoutMs: number): Promise<() => void> {
    if (this.#taken >= this.#places) await this.#wait(timeoutMs)
    else this.#taken += 1
    let given = false
    return () => {
      if (given) return
      given = true
      this.#giveBack()
    }
  }

  #wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.size >= this.#maxWaiting)
        return reject(new NoPlaceError(`${this.#places} calls are under way and ${this.#maxWaiting} wait`))
      const late = () => {
        this.#waiting.delete(waiting)
        reject(new NoPlaceError(`none of ${this.#places} calls under way has ended in ${timeoutMs / 1000} s`))
      }
      const waiting = { resolve, timer: timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined }
      this.#waiting.add(waiting)
    })
  }

  /** The place goes to the one that has waited longest, if any. */
  #giveBack(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken -= 1
      return
    }
    this.#waiting.delete(next)
    clearTimeout(next.timer)
    next.resolve()
  }
}
