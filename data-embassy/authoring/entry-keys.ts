// By which key a row can be found again, when a person's data must be erased: a digest of what names the row.
import type { Change, Row } from '#continuity'
import { digest } from '#trust'

/** Of a row, by relation and the values of its key, whatever their order. */
export function rowKey(relation: string, key: Row): Uint8Array {
  const named = Object.keys(key)
    .sort()
    .map((name) => {
      const value = key[name] ?? null
      return [name, value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value]
    })
  return digest('SHA-256', Buffer.from(JSON.stringify([relation, named])))
}

/** The rows that a change is about: the one that it found, and the one that it left, where its key changed. Of a piece, the row that it belongs to. */
export function keysOf({ operation, relation, key, row }: Change): Uint8Array[] {
  if (key === null || !['insert', 'update', 'delete', 'file'].includes(operation)) return []
  const before = rowKey(relation, key)
  if (row === null || operation === 'file') return [before]
  const after = rowKey(relation, Object.fromEntries(Object.keys(key).map((name) => [name, row[name] ?? null])))
  return Buffer.from(before).equals(after) ? [before] : [before, after]
}
