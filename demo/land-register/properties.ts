// Properties that do not exist, owned by the people who do not exist either: the persons of the population register.
import { PLACES, STREETS } from '../population-register/names.ts'
import { type Address, population } from '../population-register/population.ts'
import { seeded } from '../seeded.ts'

const PROPERTIES = 6_000
const PURPOSES = ['residential', 'agricultural', 'forest', 'commercial'] as const

export interface Property {
  /** `78401:101:0012`: municipality, district, number. */
  readonly cadastralCode: string
  readonly address: Address
  readonly areaSquareMetres: number
  readonly purpose: (typeof PURPOSES)[number]
}

export interface Ownership {
  readonly personalCode: string
  /** Of the property, as `1/2`. */
  readonly share: string
}

/** Everything that is registered, in a fixed order: the same wherever and whenever this runs. */
export function* properties(
  count: number = PROPERTIES,
): Generator<Property & { readonly owners: readonly Ownership[] }> {
  const random = seeded(70000004)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const persons = [...population()].map(({ personalCode }) => personalCode)

  for (let n = 0; n < count; n++) {
    const place = PLACES[n % PLACES.length] as (typeof PLACES)[number]
    const purpose = pick(PURPOSES)
    const number = Math.floor(n / PLACES.length)
    // One owner as a rule, two or three otherwise; nobody twice.
    const wanted = random() < 0.7 ? 1 : 2 + below(2)
    const owners = new Set<string>()
    while (owners.size < wanted) owners.add(pick(persons))
    yield {
      cadastralCode: `${10_001 + (n % PLACES.length) * 1_700}:${String(101 + Math.floor(number / 100)).padStart(3, '0')}:${String(1 + (number % 100)).padStart(4, '0')}`,
      address: {
        street: `${pick(STREETS)} ${1 + below(80)}`,
        postalCode: `${place.postalPrefix}${String(below(1000)).padStart(3, '0')}`,
        municipality: place.municipality,
        county: place.county,
      },
      areaSquareMetres: (purpose === 'forest' || purpose === 'agricultural' ? 10_000 : 400) + below(3_000) * 10,
      purpose,
      owners: [...owners].map((personalCode) => ({ personalCode, share: `1/${wanted}` })),
    }
  }
}
