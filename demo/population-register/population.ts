// A population that is the same on every machine: a seeded generator, no clock, no network. Everyone in it is made up.
import { seeded } from '../seeded.ts'
import { FEMALE_NAMES, MALE_NAMES, PLACES, STREETS, SURNAMES } from './names.ts'
import { makePersonalCode, type Sex } from './personal-code.ts'

const POPULATION = 12_000
const FIRST_YEAR = 1930
const LAST_YEAR = 2024

export interface Address {
  readonly street: string
  readonly postalCode: string
  readonly municipality: string
  readonly county: string
}

export interface Person {
  readonly personalCode: string
  readonly givenName: string
  readonly surname: string
  readonly sex: Sex
  /** ISO date. */
  readonly dateOfBirth: string
  readonly address: Address
}

/** Everyone, in a fixed order: person n is the same person wherever and whenever this runs. */
export function* population(count: number = POPULATION): Generator<Person> {
  const random = seeded(70000001)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const serials = new Map<string, number>()
  const first = Date.UTC(FIRST_YEAR, 0, 1)
  const days = (Date.UTC(LAST_YEAR + 1, 0, 1) - first) / 86_400_000

  for (let n = 0; n < count; n++) {
    const sex: Sex = random() < 0.5 ? 'female' : 'male'
    const dateOfBirth = new Date(first + below(days) * 86_400_000).toISOString().slice(0, 10)
    const day = `${sex} ${dateOfBirth}`
    const serial = serials.get(day) ?? 0
    serials.set(day, serial + 1)
    const place = pick(PLACES)
    yield {
      personalCode: makePersonalCode({ sex, dateOfBirth }, serial + 10),
      givenName: pick(sex === 'female' ? FEMALE_NAMES : MALE_NAMES),
      surname: pick(SURNAMES),
      sex,
      dateOfBirth,
      address: {
        street: `${pick(STREETS)} ${1 + below(80)}${random() < 0.4 ? `-${1 + below(60)}` : ''}`,
        postalCode: `${place.postalPrefix}${String(below(1000)).padStart(3, '0')}`,
        municipality: place.municipality,
        county: place.county,
      },
    }
  }
}
