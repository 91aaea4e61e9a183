// A run with one server of the other party, as either side of it goes through it:
//
//   lists bound      each has told the root of its list before it sees a value of the other's
//   values           page by page; compared when both are whole
//   leaves           page by page, under the checkpoints from before the run
//   findings         each by itself, out of the same
import {
  type Exchanges,
  isFromOther,
  type ListHead,
  MATCHED,
  matchLists,
  type OwnRecord,
  type Party,
  ProofReader,
  runKey,
  type ShownRecord,
  type SideCheckpoint,
  type SideReport,
  type Terms,
  type Turn,
  VALUE_BYTES,
  type ValueList,
  ValueReader,
  whyNotSigned,
} from '#evidence'
import { type ServerId, shortId, type TrustMaterial } from '#protocol'
import { ReconciliationError } from './error.ts'
import { isMatched, type OwnSide } from './own-side.ts'

/** Values on a page: 2 MiB. */
export const PAGE_VALUES = 65_536

export function pagesOf(count: number): number {
  return Math.ceil(count / PAGE_VALUES)
}

export interface SessionParts {
  readonly terms: Terms
  /** Of both sides' nonces. */
  readonly secret: Uint8Array
  readonly own: OwnSide
  readonly here: Party
  readonly there: Party
  readonly server: ServerId
  readonly checkpoint: SideCheckpoint
  readonly most: number
  readonly exchanges: Exchanges
  readonly trust: TrustMaterial
  readonly turn: Turn
  /** Told of a message that the other side claims without this side's signature. */
  readonly onUnfounded: (record: ShownRecord['record'], why: string) => void
}

export class Session {
  readonly #parts: SessionParts
  readonly #key: Uint8Array
  readonly #own: ValueList
  #reader: ValueReader | undefined
  #theirs: ValueList | undefined
  #proof: ProofReader | undefined
  #unproven = 0
  /** Messages that both have. */
  agreed = 0

  private constructor(parts: SessionParts, key: Uint8Array, own: ValueList) {
    this.#parts = parts
    this.#key = key
    this.#own = own
  }

  static async begin(parts: SessionParts): Promise<Session> {
    const key = runKey(parts.secret, parts.terms)
    return new Session(parts, key, await parts.own.list(key, parts.turn))
  }

  get list(): ListHead {
    return this.#own
  }

  get pages(): number {
    return pagesOf(this.#own.count)
  }

  /** The other side binds itself. Throws StatementError `too_many`. */
  bind(list: ListHead): void {
    this.#reader = new ValueReader(list, this.#parts.most)
  }

  /** A page of the own values; empty behind the last. */
  values(page: number): Uint8Array {
    const first = page * PAGE_VALUES
    return this.#own.slice(first, Math.max(0, Math.min(PAGE_VALUES, this.#own.count - first)))
  }

  /** Throws StatementError. */
  async takeValues(page: Uint8Array): Promise<void> {
    if (page.length > PAGE_VALUES * VALUE_BYTES || this.#reader === undefined)
      throw new ReconciliationError('wrong_step', 'No values are due now')
    await this.#reader.take(page, this.#parts.turn)
  }

  /** Both lists are whole. Throws StatementError `wrong_values`. */
  async compare(): Promise<void> {
    const { terms, there, exchanges, own, turn } = this.#parts
    if (this.#reader === undefined) throw new ReconciliationError('wrong_step', 'There is no list to be compared with')
    const listed = this.#reader.end()
    this.agreed = await matchLists(this.#own, listed, turn)
    this.#theirs = listed
    this.#proof = new ProofReader({
      ...{ terms, key: this.#key, party: there, listed },
      own: async (value): Promise<OwnRecord | undefined> => {
        const at = this.#own.find(value)
        return at === undefined ? undefined : await own.messages.read(this.#own.place(at))
      },
      onlyHere: (shown) => exchanges.alone('there', { record: shown.record, signatureValid: this.#judged(shown) }),
    })
  }

  /** The own leaves, page by page. */
  leaves(): AsyncGenerator<Uint8Array> {
    const { own, turn } = this.#parts
    return own.pages(this.#own, this.#key, this.#theirs, turn)
  }

  /** Throws StatementError. */
  async takeLeaves(page: Uint8Array): Promise<void> {
    if (this.#proof === undefined) throw new ReconciliationError('wrong_step', 'No leaves are due now')
    await this.#proof.take(page, this.#parts.turn)
  }

  /** All leaves have come. Throws StatementError `wrong_proof`. */
  end(): void {
    this.#unproven = this.#proof?.end(this.#parts.checkpoint) ?? 0
  }

  /** Whether the other side has it too; of one that was added as `number` to the work file. */
  has(value: Uint8Array, number: number): boolean {
    return isMatched(this.#own, value, number)
  }

  /** The numbers of the messages that both have. */
  *matched(): Generator<number> {
    for (let at = 0; at < this.#own.count; at += 1) if (this.#own.is(at, MATCHED)) yield this.#own.place(at)
  }

  sideHere(server: ServerId, checkpoint: SideReport['checkpoint']): SideReport {
    return {
      party: shortId(this.#parts.here),
      server: shortId(server),
      messages: this.#own.count,
      list: hex(this.#own.root),
      unproven: 0,
      checkpoint,
    }
  }

  sideThere(): SideReport {
    const { there, server, checkpoint } = this.#parts
    return {
      party: shortId(there),
      server: shortId(server),
      messages: this.#theirs?.count ?? 0,
      list: hex(this.#theirs?.root ?? new Uint8Array(0)),
      unproven: this.#unproven,
      checkpoint: checkpoint.report,
    }
  }

  #judged(shown: ShownRecord): boolean | undefined {
    const { here, trust, onUnfounded } = this.#parts
    if (!isFromOther(shown)) return undefined
    const why = whyNotSigned(shown, here, trust)
    if (why !== undefined) onUnfounded(shown.record, why)
    return why === undefined
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
