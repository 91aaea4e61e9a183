// Where one attachment lies in a body that holds several.
import { LogError } from './error.ts'
import type { BodyReference } from './record.ts'

export interface Slice {
  readonly start: number
  readonly size: number
  /** SHA-512 of these bytes. */
  readonly digest: Uint8Array
}

/** @param number Of the attachment, from 1; a REST body is the first and only one. */
export function sliceOf(body: BodyReference, number: number): Slice {
  const { parts = [body] } = body
  const part = parts[number - 1]
  if (part === undefined) throw new LogError('body_missing', `The message has no attachment ${number}`)
  let start = 0
  for (let before = 0; before < number - 1; before++) start += parts[before]?.size ?? 0
  return { start, size: part.size, digest: part.digest }
}
