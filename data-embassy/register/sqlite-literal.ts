// Values of SQLite as SQL literals, which keep their storage class: 5 is an integer, '5' a text. Bytes travel as bytes, half as long.
import type { Value } from '#continuity'

/** From what SQLite's quote() gave. */
export function fromQuoted(literal: string): Value {
  if (literal === 'NULL') return null
  return /^X'/i.test(literal) ? Buffer.from(literal.slice(2, -1), 'hex') : literal
}

/** What a statement takes for it: null, bytes, text, integer or real. Throws TypeError for what no literal of SQLite is. */
export function toBound(value: Value): null | Uint8Array | string | bigint | number {
  if (value === null || typeof value !== 'string') return value
  if (value.startsWith("'") && value.endsWith("'") && value.length > 1) return value.slice(1, -1).replaceAll("''", "'")
  if (/^-?\d+$/.test(value)) return BigInt(value)
  if (/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value)) return Number(value)
  throw new TypeError('not a literal of SQLite')
}

/** A name as SQL takes it. */
export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A text as SQL takes it. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
