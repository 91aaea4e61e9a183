// Which records are of uses, remembered since they were logged: so that the log is not read again for what was only just written to it. What is not
// remembered (of an earlier run, or too much, or logged by an append that failed) is read from the log.
import type { ClientId, ServiceId } from '#protocol'
import type { TrackedFacts } from '../message-log/index.ts'

/** What a record says of a use; when it was, its evidence says. */
export interface NotedUse {
  readonly seq: number
  readonly client: ClientId
  readonly service: ServiceId
  readonly tracked: TrackedFacts
}

/** A use on its way into the log. Exactly one of them is called. */
export interface Noting {
  /** It is durable. */
  done(use: NotedUse): void
  /** Whether it is there is not known. */
  failed(): void
}

/** Persons in what is remembered. */
const MAX_PERSONS = 100_000

export class Noted {
  readonly #uses = new Map<number, NotedUse>()
  /** Of each use that is on its way: its record comes behind this one. */
  readonly #underWay = new Set<{ readonly after: number }>()
  #persons = 0
  /** What the log has up to here is not remembered. */
  #rememberedFrom: number
  #failures = 0

  /** @param records In the log now. */
  constructor(records: number) {
    this.#rememberedFrom = records
  }

  /** Records up to this one must be read from the log; of those behind it every use is remembered. */
  get rememberedFrom(): number {
    return this.#rememberedFrom
  }

  /** Before the use is handed to the log. @param records In the log now. */
  begin(records: number): Noting {
    const mine = { after: records }
    const failures = this.#failures
    this.#underWay.add(mine)
    return {
      done: (use) => {
        this.#underWay.delete(mine)
        // A failed append that left a record did so before one that was begun later could succeed.
        if (this.#rememberedFrom === Number.POSITIVE_INFINITY && failures === this.#failures)
          this.#forgetUpTo(use.seq - 1)
        this.#remember(use)
      },
      failed: () => {
        this.#underWay.delete(mine)
        this.#failures += 1
        this.#rememberedFrom = Number.POSITIVE_INFINITY
      },
    }
  }

  /** No use up to this record is still on its way. @param records In the log now. */
  settledUpTo(records: number): number {
    let settled = records
    for (const { after } of this.#underWay) settled = Math.min(settled, after)
    return settled
  }

  /** Those behind a record up to another one, in their order. */
  between(after: number, upTo: number): readonly NotedUse[] {
    return [...this.#uses.values()].filter(({ seq }) => seq > after && seq <= upTo).sort((a, b) => a.seq - b.seq)
  }

  /** They are in the tracker's store. */
  taken(upTo: number): void {
    for (const use of this.#uses.values()) if (use.seq <= upTo) this.#forget(use)
  }

  #remember(use: NotedUse): void {
    if (use.seq <= this.#rememberedFrom) return
    this.#uses.set(use.seq, use)
    this.#persons += use.tracked.persons.length
    if (this.#persons > MAX_PERSONS) this.#forgetUpTo(use.seq)
  }

  #forgetUpTo(seq: number): void {
    this.#rememberedFrom = seq
    this.taken(seq)
  }

  #forget(use: NotedUse): void {
    this.#uses.delete(use.seq)
    this.#persons -= use.tracked.persons.length
  }
}
