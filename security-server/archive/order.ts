// In which order the records of a stretch are archived: X-Road's (wire-message §8.3), by member class, member code, subsystem and
// number, so that a group's records lie together. The same stretch has the same order for ever, which is what a resumed run relies on.
import type { ClientId } from '#protocol'
import { idKey } from '#protocol'
import type { MessageLog } from '../message-log/index.ts'
import { ArchiveError } from './error.ts'

/** Of one stretch: bounds what is held of it to a few hundred KB. */
const MAX_RECORDS = 100_000
const PAGE = 200

/** The records after one number, up to the last that may be archived now. */
export interface Survey {
  readonly after: number
  readonly to: number
  /** When the newest was made. */
  readonly newest: Date
  readonly order: Order
}

export class Order {
  readonly #after: number
  readonly #members: readonly ClientId[]
  /** Of each record, in the order of the log: whose it is, as a place in `members`. */
  readonly #owners: Uint32Array
  /** In the order of archives: places in the log's order. */
  readonly #places: Uint32Array

  constructor(after: number, members: readonly ClientId[], owners: Uint32Array) {
    this.#after = after
    this.#members = members
    this.#owners = owners
    const ranked = members.map((_, index) => index).sort((a, b) => compare(members[a], members[b]))
    const rank = new Uint32Array(members.length)
    ranked.forEach((member, index) => {
      rank[member] = index
    })
    const rankOf = (place: number) => rank[owners[place] ?? 0] ?? 0
    this.#places = Uint32Array.from(owners.keys()).sort((a, b) => rankOf(a) - rankOf(b) || a - b)
  }

  get count(): number {
    return this.#places.length
  }

  /** The record at a place from 0; undefined beyond the last. */
  at(position: number): { readonly seq: number; readonly member: ClientId } | undefined {
    const place = this.#places[position]
    const member = place === undefined ? undefined : this.#members[this.#owners[place] ?? 0]
    return place === undefined || member === undefined ? undefined : { seq: this.#after + 1 + place, member }
  }
}

/**
 * Looks through the records after one number, up to `upTo` or the first that has no time-stamp yet. Undefined where there is none.
 *
 * @param alive Throws when the server stops.
 * @throws {ArchiveError} `records_missing` where a number is not there: an archive must not leave it out.
 */
export async function survey(
  log: MessageLog,
  after: number,
  upTo: number,
  alive: () => void,
): Promise<Survey | undefined> {
  const most = Math.min(MAX_RECORDS, upTo - after)
  const owners = new Uint32Array(Math.max(0, most))
  const members: ClientId[] = []
  const known = new Map<string, number>()
  let count = 0
  let newest = 0
  reading: while (count < most) {
    alive()
    const page = await log.list({ after: after + count, limit: Math.min(PAGE, most - count) })
    for (const { seq, member, at, timestamped } of page) {
      if (seq !== after + count + 1)
        throw new ArchiveError('records_missing', `The log has record ${seq} where record ${after + count + 1} must be`)
      if (!timestamped) break reading
      owners[count] = numberOf(member, members, known)
      count += 1
      newest = Math.max(newest, at.getTime())
    }
    if (page.length === 0) break
  }
  if (count === 0) return undefined
  const order = new Order(after, members, owners.subarray(0, count))
  return { after, to: after + count, newest: new Date(newest), order }
}

function numberOf(member: ClientId, members: ClientId[], known: Map<string, number>): number {
  const key = idKey(member)
  const found = known.get(key)
  if (found !== undefined) return found
  known.set(key, members.length)
  return members.push(member) - 1
}

/** Code by code; a member's own records come behind its subsystems', as PostgreSQL orders them for the reference. */
function compare(a: ClientId | undefined, b: ClientId | undefined): number {
  if (a === undefined || b === undefined) return 0
  return (
    text(a.memberClass, b.memberClass) ||
    text(a.memberCode, b.memberCode) ||
    Number(a.subsystemCode === undefined) - Number(b.subsystemCode === undefined) ||
    text(a.subsystemCode ?? '', b.subsystemCode ?? '') ||
    text(a.instance, b.instance)
  )
}

function text(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
