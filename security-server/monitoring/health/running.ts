// Mean, spread and range of values as they come, without keeping them (Welford), and of several such together (Chan).

export class Running {
  count = 0
  mean = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY
  /** Sum of the squared distances from the mean. */
  #squares = 0

  add(value: number): void {
    this.count++
    const distance = value - this.mean
    this.mean += distance / this.count
    this.#squares += distance * (value - this.mean)
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  merge(other: Running): void {
    if (other.count === 0) return
    const count = this.count + other.count
    const distance = other.mean - this.mean
    this.#squares += other.#squares + (distance * distance * this.count * other.count) / count
    this.mean += (distance * other.count) / count
    this.count = count
    this.min = Math.min(this.min, other.min)
    this.max = Math.max(this.max, other.max)
  }

  /** Of a sample, as the reference computes it; 0 for one value. */
  get deviation(): number {
    return this.count < 2 ? 0 : Math.sqrt(this.#squares / (this.count - 1))
  }
}
