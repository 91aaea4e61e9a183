// What is counted over all files.
import type { ContainerReport, FileReport, LogProof, Verdict } from '#verification'

export interface Totals {
  readonly files: number
  readonly containers: number
  /** Of containers, and of files that none could be read from. */
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** Of containers, by what is known of their place in a log. */
  readonly proofs: Readonly<Record<LogProof['state'] | 'none', number>>
  /** Containers that somebody else judged too, by whom; and those where he said something else. */
  readonly opinions: Readonly<Record<string, number>>
  readonly disagreements: number
  /** Archives, bundles and downloads that hold containers and are not whole. */
  readonly brokenFiles: number
  /** In folders, and no evidence. */
  readonly passedOver: number
}

type Counts<K extends string> = Record<K, number>

/** Numbers only: it does not grow with what is counted. */
export class Counter {
  #files = 0
  #containers = 0
  #disagreements = 0
  #brokenFiles = 0
  readonly #verdicts: Counts<Verdict> = { valid: 0, invalid: 0, indeterminate: 0, unreadable: 0 }
  readonly #proofs: Counts<LogProof['state'] | 'none'> = {
    witnessed: 0,
    included: 0,
    'not witnessed': 0,
    failed: 0,
    'not judged': 0,
    none: 0,
  }
  readonly #opinions = new Map<string, number>()

  get containers(): number {
    return this.#containers
  }

  get files(): number {
    return this.#files
  }

  /** Containers and files that did not pass. */
  get notValid(): number {
    const { invalid, indeterminate, unreadable } = this.#verdicts
    return invalid + indeterminate + unreadable + this.#brokenFiles
  }

  container({ verdict, proof, opinions = [], checks }: ContainerReport): void {
    this.#containers += 1
    this.#verdicts[verdict] += 1
    this.#proofs[proof?.state ?? 'none'] += 1
    for (const { by, says } of opinions)
      if (says !== 'nothing') this.#opinions.set(by, (this.#opinions.get(by) ?? 0) + 1)
    if (checks.some(({ code }) => code === 'second_opinion_differs')) this.#disagreements += 1
  }

  file({ kind, containers, checks }: FileReport): void {
    this.#files += 1
    const broken = checks.some(({ ok }) => !ok)
    if (containers === 0 && broken) this.#verdicts.unreadable += 1
    else if (broken && kind !== 'container') this.#brokenFiles += 1
  }

  totals(passedOver: number): Totals {
    return {
      files: this.#files,
      containers: this.#containers,
      verdicts: { ...this.#verdicts },
      proofs: { ...this.#proofs },
      opinions: Object.fromEntries(this.#opinions),
      disagreements: this.#disagreements,
      brokenFiles: this.#brokenFiles,
      passedOver,
    }
  }
}
