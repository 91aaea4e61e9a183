// A statement as a file, for parties that cannot reach each other: what the servers would have told each other, one way.
//
//   saadik reconciliation statement v1 LF
//   {"run": …} LF                     who says it of what, under which checkpoint, and how many messages there are
//   pages                             each behind its length (u32, big-endian): the values, ascending, then the leaves (frames.ts)
//   0                                 a length: the end
//
// It shows digests, ids and times of messages to whoever reads it, and no content; the values say something only with the key file.
import { type ClientId, decodeClientId, decodeServerId, idKey, ProtocolError, type ServerId } from '#protocol'
import { decodeBase64, encodeBase64 } from '#trust'
import { StatementError } from './error.ts'
import { VALUE_BYTES } from './exchange-value.ts'
import { MAX_PAGE_BYTES } from './frames.ts'
import { MAX_MARGIN_MS, type Terms } from './terms.ts'
import type { ListHead } from './value-list.ts'

export interface StatementHead {
  readonly terms: Terms
  /** Which of the two parties says it. */
  readonly party: ClientId
  /** Of which server's log. */
  readonly server: ServerId
  /** Milliseconds since 1970, by its own clock. */
  readonly madeAt: number
  /** The note, with its signatures. */
  readonly checkpoint: Uint8Array
  readonly list: ListHead
  /** The log begins here; 0 where it has everything. Milliseconds since 1970. */
  readonly heldFrom: number
  /** All servers that speak for the party. */
  readonly servers: readonly ServerId[]
}

export type StatementPart =
  | { readonly kind: 'head'; readonly head: StatementHead }
  | { readonly kind: 'values'; readonly page: Uint8Array }
  | { readonly kind: 'leaves'; readonly page: Uint8Array }

const FIRST_LINE = 'saadik reconciliation statement v1'
const MAX_HEAD_BYTES = 256 * 1024
const MAX_SERVERS = 1000

/** @param values Pages of whole values, ascending. @param leaves Pages of whole frames. */
export async function* writeStatement(
  head: StatementHead,
  values: Iterable<Uint8Array>,
  leaves: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield Buffer.from(`${FIRST_LINE}\n${JSON.stringify(written(head))}\n`)
  for (const page of values) yield* framed(page)
  for await (const page of leaves) yield* framed(page)
  yield length(0)
}

/** Reads a stranger's statement: the head comes first. Throws StatementError `malformed_statement`, and what the source throws. */
export async function* readStatement(source: AsyncIterable<Uint8Array>): AsyncGenerator<StatementPart> {
  const reader = new ByteReader(source)
  if ((await reader.line(FIRST_LINE.length)) !== FIRST_LINE) throw malformed('it does not begin as one')
  const head = readHead(await reader.line(MAX_HEAD_BYTES))
  yield { kind: 'head', head }
  let missing = head.list.count * VALUE_BYTES
  for (;;) {
    const size = Buffer.from(await reader.take(4)).readUInt32BE()
    if (size > MAX_PAGE_BYTES) throw malformed(`a page of ${size} octets is too long`)
    const isValues = missing > 0
    if (size === 0) {
      if (isValues) throw malformed('it ends before its last value')
      return await reader.end()
    }
    if (isValues && size > missing) throw malformed('there are more values than it says')
    if (isValues) missing -= size
    yield { kind: isValues ? 'values' : 'leaves', page: await reader.take(size) }
  }
}

function* framed(page: Uint8Array): Generator<Uint8Array> {
  if (page.length === 0) return
  yield length(page.length)
  yield page
}

function length(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A head as JSON writes it; identifiers as `idKey` does, octets in base64. */
interface Written {
  readonly run: string
  readonly parties: readonly string[]
  readonly from: number
  readonly to: number
  readonly margin: number
  readonly party: string
  readonly server: string
  readonly madeAt: number
  readonly checkpoint: string
  readonly count: number
  readonly root: string
  readonly heldFrom: number
  readonly servers: readonly string[]
}

function written({ terms, party, server, madeAt, checkpoint, list, heldFrom, servers }: StatementHead): Written {
  const { run, parties, from, to, margin } = terms
  return {
    ...{ run, from, to, margin, madeAt, heldFrom, count: list.count },
    parties: parties.map(idKey),
    party: idKey(party),
    server: idKey(server),
    checkpoint: encodeBase64(checkpoint),
    root: encodeBase64(list.root),
    servers: servers.map(idKey),
  }
}

function readHead(line: string): StatementHead {
  let value: Written
  try {
    value = JSON.parse(line) as Written
  } catch (cause) {
    throw malformed('its head is no JSON', cause)
  }
  if (typeof value !== 'object' || value === null) throw malformed('its head is no object')
  const text = (field: unknown, most = MAX_HEAD_BYTES): string => {
    if (typeof field !== 'string' || field.length > most) throw malformed('a field of its head is no text')
    return field
  }
  const number = (field: unknown): number => {
    if (!Number.isSafeInteger(field) || (field as number) < 0) throw malformed('a field of its head is no number')
    return field as number
  }
  const octets = (field: unknown): Uint8Array => {
    const bytes = decodeBase64(text(field))
    if (bytes === undefined) throw malformed('a field of its head is no base64')
    return bytes
  }
  const names = (field: unknown, most: number): readonly string[] => {
    if (!Array.isArray(field) || field.length > most) throw malformed('a field of its head is no list')
    return field.map((one) => text(one))
  }
  try {
    const [one, two, ...more] = names(value.parties, 2).map(decodeClientId)
    if (one === undefined || two === undefined || more.length > 0) throw malformed('it names no two parties')
    const terms: Terms = {
      run: text(value.run, 100),
      parties: [one, two],
      from: number(value.from),
      to: number(value.to),
      margin: number(value.margin),
    }
    if (terms.to <= terms.from || terms.margin > MAX_MARGIN_MS || /[^\x21-\x7e]/.test(terms.run))
      throw malformed('what it is about cannot be')
    const party = decodeClientId(text(value.party))
    if (!terms.parties.some((known) => idKey(known) === idKey(party))) throw malformed('it is of neither party')
    return {
      terms,
      party,
      server: decodeServerId(text(value.server)),
      madeAt: number(value.madeAt),
      checkpoint: octets(value.checkpoint),
      list: { count: number(value.count), root: octets(value.root) },
      heldFrom: number(value.heldFrom),
      servers: names(value.servers, MAX_SERVERS).map(decodeServerId),
    }
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw malformed(cause.message, cause)
  }
}

/** Takes a stream apart by lines and lengths. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>
  #held: Buffer = Buffer.alloc(0)

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** Without its line end. @param most Octets of it. */
  async line(most: number): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(0x0a)
      if (end > most || (end < 0 && this.#held.length > most)) throw malformed('a line of it is too long')
      if (end >= 0) {
        const line = this.#held.toString('utf8', 0, end)
        this.#held = this.#held.subarray(end + 1)
        return line
      }
      if (!(await this.#more())) throw malformed('it ends early')
    }
  }

  async take(size: number): Promise<Buffer> {
    const pieces: Buffer[] = []
    let missing = size
    while (missing > 0) {
      if (this.#held.length === 0 && !(await this.#more())) throw malformed('it ends early')
      const piece = this.#held.subarray(0, missing)
      this.#held = this.#held.subarray(piece.length)
      pieces.push(piece)
      missing -= piece.length
    }
    return Buffer.concat(pieces)
  }

  async end(): Promise<void> {
    while (this.#held.length === 0 && (await this.#more()));
    if (this.#held.length > 0) throw malformed('something follows its end')
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next()
    if (next.done) return false
    this.#held = this.#held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#held, next.value])
    return true
  }
}

function malformed(why: string, cause?: unknown): StatementError {
  return new StatementError('malformed_statement', `This is no statement: ${why}`, { cause })
}
