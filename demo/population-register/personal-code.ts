// Estonian personal identification codes (isikukood), standard EVS 585:2007: GYYMMDDSSSC.
// G is century and sex, SSS tells apart people born on one day, C is a checksum in two stages.

const FIRST_WEIGHTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1] as const
const SECOND_WEIGHTS = [3, 4, 5, 6, 7, 8, 9, 1, 2, 3] as const

export type Sex = 'female' | 'male'

export interface PersonalCodeFacts {
  readonly sex: Sex
  /** ISO date, `YYYY-MM-DD`. */
  readonly dateOfBirth: string
}

/** The checksum digit over the first ten digits. A remainder of 10 asks for the second weights; 10 again gives 0. */
export function checksum(firstTen: string): number {
  const remainder = (weights: readonly number[]) =>
    weights.reduce((sum, weight, index) => sum + weight * Number(firstTen[index]), 0) % 11
  const first = remainder(FIRST_WEIGHTS)
  if (first < 10) return first
  const second = remainder(SECOND_WEIGHTS)
  return second < 10 ? second : 0
}

/** Builds a code; `serial` is 0–999 and unique for its date of birth and sex. */
export function makePersonalCode(facts: PersonalCodeFacts, serial: number): string {
  const year = Number(facts.dateOfBirth.slice(0, 4))
  if (year < 1800 || year > 2199) throw new RangeError(`no century digit for the year ${year}`)
  const century = Math.floor((year - 1800) / 100) * 2 + (facts.sex === 'male' ? 1 : 2)
  const firstTen = `${century}${facts.dateOfBirth.slice(2).replaceAll('-', '')}${String(serial).padStart(3, '0')}`
  return `${firstTen}${checksum(firstTen)}`
}

/** Reads a code; undefined when its form, its date or its checksum is wrong. */
export function parsePersonalCode(code: string): PersonalCodeFacts | undefined {
  if (!/^[1-8]\d{10}$/.test(code) || checksum(code.slice(0, 10)) !== Number(code[10])) return undefined
  const century = 1800 + Math.floor((Number(code[0]) - 1) / 2) * 100
  const dateOfBirth = `${century + Number(code.slice(1, 3))}-${code.slice(3, 5)}-${code.slice(5, 7)}`
  const date = new Date(`${dateOfBirth}T00:00:00Z`)
  // A date that JavaScript moves to another day (31 February) is no date of birth.
  if (Number.isNaN(date.getTime()) || date.toISOString().slice(0, 10) !== dateOfBirth) return undefined
  return { sex: Number(code[0]) % 2 === 1 ? 'male' : 'female', dateOfBirth }
}
