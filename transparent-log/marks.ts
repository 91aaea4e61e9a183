// Which entries are marked: few among many. Unmarked ones are counted by themselves, so that the tenth of them is found at once.

export class Marks {
  /** Ascending. */
  readonly #indexes: number[]

  constructor(indexes: readonly number[] = []) {
    this.#indexes = [...indexes]
  }

  get count(): number {
    return this.#indexes.length
  }

  add(index: number): void {
    this.#indexes.push(index)
  }

  /** How many marked entries stand before this one. */
  before(index: number): number {
    let [low, high] = [0, this.#indexes.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#indexes[middle] as number) < index) low = middle + 1
      else high = middle
    }
    return low
  }

  has(index: number): boolean {
    return this.#indexes[this.before(index)] === index
  }

  /** Where an unmarked entry stands, by its number among the unmarked, from 0. */
  indexOf(ordinal: number): number {
    // The first mark with as many unmarked entries before it: mark − marks before it.
    let [low, high] = [0, this.#indexes.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#indexes[middle] as number) - middle <= ordinal) low = middle + 1
      else high = middle
    }
    return ordinal + low
  }
}
