// Octets read one after another, and never beyond their end.
import { EmbassyError } from '../../error.ts'

export class Bytes {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u8(): number {
    return this.take(1)[0] ?? 0
  }

  u16(): number {
    return this.take(2).readUInt16BE()
  }

  u32(): number {
    return this.take(4).readUInt32BE()
  }

  i32(): number {
    return this.take(4).readInt32BE()
  }

  u64(): bigint {
    return this.take(8).readBigUInt64BE()
  }

  i64(): bigint {
    return this.take(8).readBigInt64BE()
  }

  /** Up to a zero octet. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at)
    if (end < 0) throw malformed('a text does not end')
    const text = this.#bytes.toString('utf8', this.#at, end)
    this.#at = end + 1
    return text
  }

  take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw malformed('it ends early')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.#at)
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed('it goes on behind its end')
  }
}

export function malformed(why: string): EmbassyError {
  return new EmbassyError('source_lost', `A replication message of PostgreSQL is malformed: ${why}`)
}
