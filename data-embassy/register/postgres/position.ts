// Places in the write-ahead log: everything that was committed before it, and the first `changes` of the transaction whose commit stands there.
import { EmbassyError } from '../../error.ts'

export interface Position {
  readonly lsn: bigint
  /** None at a place where the register was whole. */
  readonly changes: number
  /** Whoever stops within the first picture begins it again: its positions end so. */
  readonly picture: boolean
}

const FORM = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})\/(\d{1,15})(\+?)$/

/** Throws `source_lost` for what is no position of a PostgreSQL. */
export function readPosition(text: string): Position {
  const [, high, low, changes, within] = FORM.exec(text) ?? []
  if (high === undefined || low === undefined)
    throw new EmbassyError('source_lost', `${text} is no place in PostgreSQL's log`)
  return { lsn: lsnOf(high, low), changes: Number(changes), picture: within === '+' }
}

export function writePosition({ lsn, changes, picture }: Position): string {
  return `${writeLsn(lsn)}/${changes}${picture ? '+' : ''}`
}

/** `16/B374D848`, as PostgreSQL writes it. Throws RangeError. */
export function readLsn(text: string): bigint {
  const [, high, low] = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text) ?? []
  if (high === undefined || low === undefined) throw new RangeError(`${text} is no LSN`)
  return lsnOf(high, low)
}

export function writeLsn(lsn: bigint): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffff_ffffn).toString(16).toUpperCase()}`
}

/** Negative where the first lies before the second. */
export function compare(one: Position, other: Position): number {
  if (one.lsn !== other.lsn) return one.lsn < other.lsn ? -1 : 1
  return one.changes - other.changes
}

function lsnOf(high: string, low: string): bigint {
  return (BigInt(`0x${high}`) << 32n) | BigInt(`0x${low}`)
}
