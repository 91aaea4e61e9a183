// What lies in a container, whoever made it: names in their order, the small files of META-INF, digests of all. A container may be larger
// than memory, so what else is needed is read from it again.
import { type DigestName, equalBytes, hasher } from '#trust'
import { EvidenceError } from '../error.ts'
import { readZip, type ZipLimits } from '../zip-reader.ts'
import { RECORD_ENTRY, RECORD_MANIFEST_ENTRY } from './entry-names.ts'
import { LongTermError } from './error.ts'

/** Gives the octets of one file anew each time. */
export type Source = () => AsyncIterable<Uint8Array>

/** Digest of each file that an evidence record is over. */
export type FileDigests = ReadonlyMap<string, Uint8Array>

export class Contents {
  /** Files, without folders, in their order. */
  readonly names: readonly string[]
  readonly #open: Source
  readonly #meta: ReadonlyMap<string, Uint8Array>
  readonly #limits: ZipLimits | undefined
  readonly #digests = new Map<DigestName, FileDigests>()

  private constructor(
    open: Source,
    limits: ZipLimits | undefined,
    names: readonly string[],
    meta: ReadonlyMap<string, Uint8Array>,
  ) {
    this.#open = open
    this.#limits = limits
    this.names = names
    this.#meta = meta
  }

  /** Throws EvidenceError `asic_malformed_zip`. */
  static async read(open: Source, limits?: ZipLimits): Promise<Contents> {
    const names: string[] = []
    const meta = new Map<string, Uint8Array>()
    let left = MAX_META
    for await (const { name, body } of readZip(open(), limits)) {
      if (name.endsWith('/')) continue
      names.push(name)
      if (!name.startsWith('META-INF/')) continue
      const chunks: Uint8Array[] = []
      for await (const chunk of body) {
        left -= chunk.length
        if (left < 0) throw new EvidenceError('asic_malformed_zip', `META-INF has more than ${MAX_META} octets`)
        chunks.push(chunk)
      }
      meta.set(name, Buffer.concat(chunks))
    }
    return new Contents(open, limits, names, meta)
  }

  /** A file of META-INF; undefined where there is none of that name. */
  meta(name: string): Uint8Array | undefined {
    return this.#meta.get(name)
  }

  /** A file's octets. Throws EvidenceError `asic_malformed_zip` where it is not there. */
  async *body(name: string): AsyncGenerator<Uint8Array> {
    for await (const entry of readZip(this.#open(), this.#limits)) {
      if (entry.name !== name) continue
      yield* entry.body
      return
    }
    throw new EvidenceError('asic_malformed_zip', `The container has no ${name}`)
  }

  /** Of all that a record is over; one reading for each algorithm. */
  async digests(algorithm: DigestName): Promise<FileDigests> {
    const known = this.#digests.get(algorithm)
    if (known !== undefined) return known
    const found = new Map<string, Uint8Array>()
    for await (const { name, body } of readZip(this.#open(), this.#limits)) {
      if (!isCovered(name)) continue
      const state = hasher(algorithm)
      for await (const chunk of body) state.update(chunk)
      found.set(name, state.digest())
    }
    this.#digests.set(algorithm, found)
    return found
  }
}

const MAX_META = 8 << 20
/** The media type says what the file is before anything in it is believed; the record and its manifest cannot be over themselves. */
const NOT_COVERED: ReadonlySet<string> = new Set(['mimetype', RECORD_ENTRY, RECORD_MANIFEST_ENTRY])

/**
 * The octets as they stream by, which must be those that were hashed before: somebody may have changed the file meanwhile.
 *
 * @throws LongTermError `wrong_imprint` at their end
 */
export async function* unchanged(
  name: string,
  body: AsyncIterable<Uint8Array>,
  algorithm: DigestName,
  expected: Uint8Array | undefined,
): AsyncGenerator<Uint8Array> {
  const state = hasher(algorithm)
  for await (const chunk of body) {
    state.update(chunk)
    yield chunk
  }
  if (expected === undefined || !equalBytes(state.digest(), expected)) throw changed(name)
}

export function changed(name: string): LongTermError {
  return new LongTermError('wrong_imprint', `${name} changed while the container was read`)
}

/** Whether an evidence record is over the entry. */
export function isCovered(name: string): boolean {
  return !NOT_COVERED.has(name) && !name.endsWith('/')
}
