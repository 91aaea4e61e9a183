// An archive of the message log as it goes out (wire-message §8.3): containers in the order of their records, then the hash chain over
// them. The same records give the same bytes.
import { type Hasher, hasher } from '#trust'
import { type ArchiveEnd, type ArchiveHash, LINKING_INFO, nextDigest, writeLinkingInfo } from './archive-linking.ts'
import { writeZip, type ZipEntry } from './zip-writer.ts'

export interface ArchiveContainer {
  readonly name: string
  /** When its record was made. */
  readonly at: Date
  readonly body: AsyncIterable<Uint8Array>
}

/** Containers up to this are held whole, so that they can be stored as they are: most are a few KB. */
const HELD_BYTES = 256 * 1024

/** An archive that is being written. Its facts are whole when `bytes` has ended. */
export class ArchiveWriter {
  readonly #hash: ArchiveHash
  readonly #previous: ArchiveEnd | undefined
  readonly #lines: { digest: string; name: string }[] = []
  #digest: string
  #size = 0
  #from: Date | undefined
  #to: Date | undefined

  /** @param previous Where the archive before it in its group ended; absent for the first. */
  constructor(hash: ArchiveHash, previous: ArchiveEnd | undefined) {
    this.#hash = hash
    this.#previous = previous
    this.#digest = previous?.digest ?? ''
  }

  /** The last digest of the chain so far, '' before the first. */
  get digest(): string {
    return this.#digest
  }

  get count(): number {
    return this.#lines.length
  }

  /** Octets of all containers so far: what the reference measures for its rotation. */
  get size(): number {
    return this.#size
  }

  /** When the oldest and the newest record were made. */
  get period(): { readonly from: Date; readonly to: Date } | undefined {
    return this.#from && this.#to && { from: this.#from, to: this.#to }
  }

  /** Uncompressed: containers are compressed inside. A container is asked for when the one before it is out. */
  bytes(containers: AsyncIterable<ArchiveContainer>): AsyncGenerator<Uint8Array> {
    return writeZip(this.#entries(containers))
  }

  async *#entries(containers: AsyncIterable<ArchiveContainer>): AsyncGenerator<ZipEntry> {
    for await (const { name, at, body } of containers) {
      const state = hasher(this.#hash)
      const { held, rest } = await begin(this.#counted(body, state))
      yield { name, modifiedAt: at, compress: false, body: rest === undefined ? held : () => continued(held, rest) }
      this.#add(name, at, state.digest())
    }
    const { hash, previous } = { hash: this.#hash, previous: this.#previous }
    const info = { hash, containers: this.#lines, ...(previous && { previous }) }
    yield {
      name: LINKING_INFO,
      modifiedAt: this.#to ?? new Date(0),
      compress: false,
      body: writeLinkingInfo(info),
    }
  }

  async *#counted(body: AsyncIterable<Uint8Array>, state: Hasher): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      state.update(chunk)
      this.#size += chunk.length
      yield chunk
    }
  }

  #add(name: string, at: Date, container: Uint8Array): void {
    this.#digest = nextDigest(this.#hash, this.#digest, container)
    this.#lines.push({ digest: this.#digest, name })
    if (this.#from === undefined || at < this.#from) this.#from = at
    if (this.#to === undefined || at > this.#to) this.#to = at
  }
}

/** The beginning of a body, and what follows it when that is not all. */
async function begin(body: AsyncGenerator<Uint8Array>): Promise<{ held: Buffer; rest?: AsyncGenerator<Uint8Array> }> {
  const pieces: Uint8Array[] = []
  let size = 0
  while (size <= HELD_BYTES) {
    const next = await body.next()
    if (next.done) return { held: Buffer.concat(pieces) }
    pieces.push(next.value)
    size += next.value.length
  }
  return { held: Buffer.concat(pieces), rest: body }
}

async function* continued(held: Buffer, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield held
  yield* rest
}
