// "Did you mean": the nearest word by edit distance, when it is near enough to be what was meant.
import { CliError } from './error.ts'

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (beforeLast[j - 2] ?? 0) + 1)
      row.push(least)
    }
    beforeLast = last
    last = row
  }
  return last[b.length] ?? 0
}

/** The known word that was most likely meant, or undefined when nothing is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const given = word.slice(0, 64).toLowerCase()
  let best: string | undefined
  let least = Math.max(2, Math.floor(given.length / 3)) + 1
  for (const candidate of known) {
    const steps = candidate.startsWith(given) && given.length >= 2 ? 1 : distance(given, candidate.toLowerCase())
    if (steps < least) {
      least = steps
      best = candidate
    }
  }
  return best
}

/** A word of a list, or a refusal that names the list. @throws {CliError} `usage` */
export function oneOf<T extends string>(option: string, value: string | undefined, known: readonly T[]): T {
  const found = known.find((each) => each === value)
  if (found) return found
  const guess = value === undefined ? undefined : nearest(value, known)
  throw new CliError('usage', `${option} is one of ${known.join(', ')}${guess ? `, did you mean '${guess}'?` : ''}`)
}
