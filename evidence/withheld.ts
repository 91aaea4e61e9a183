// What a container says was left out of it: a log that keeps no bodies exports the head that it kept, and what was signed is not here.
// The list stands in an entry that X-Road's reader passes over. It is only a claim, and only to the container's own loss: what is
// withheld must be covered by the signature like everything else, the digests come from there, and the verdict is never better than
// INDETERMINATE.
import { EvidenceError } from './error.ts'

/** Where the list stands in a container. */
export const WITHHELD_ENTRY = 'META-INF/withheld.json'

export interface WithheldPart {
  /** `message.xml`: the entry of that name is a reduced form, not what was signed. `attachment1`, …: there is none. */
  readonly name: string
  /** Octets of the original, where they are known. */
  readonly size?: number
}

const FORMAT = 'saadik withheld parts 1'
/** A message and as many attachments as an exchange takes. */
const MAX_PARTS = 10_001
const NAME = /^(?:message\.xml|attachment[1-9]\d{0,5})$/

/** Throws TypeError for names that no verifier knows. */
export function writeWithheld(parts: readonly WithheldPart[]): Uint8Array {
  const problem = problemOf(parts)
  if (problem !== undefined) throw new TypeError(problem)
  return Buffer.from(
    `${JSON.stringify({ format: FORMAT, parts: parts.map(({ name, size }) => ({ name, ...(size === undefined ? {} : { size }) })) })}\n`,
  )
}

/** Reads the list from a stranger. Throws EvidenceError `asic_malformed_withheld`. */
export function readWithheld(bytes: Uint8Array): readonly WithheldPart[] {
  const document = parse(bytes)
  if (!isRecord(document) || document['format'] !== FORMAT || !onlyKeys(document, 'format', 'parts'))
    throw malformed('it is of another format')
  const parts = document['parts']
  if (!Array.isArray(parts) || !parts.every(isPart)) throw malformed('its parts are not names and sizes')
  const problem = problemOf(parts)
  if (problem !== undefined) throw malformed(problem)
  return parts
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw malformed('it is not JSON', cause)
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function onlyKeys(value: object, ...keys: readonly string[]): boolean {
  return Object.keys(value).every((key) => keys.includes(key))
}

function isPart(value: unknown): value is WithheldPart {
  if (!isRecord(value) || !onlyKeys(value, 'name', 'size') || typeof value['name'] !== 'string') return false
  const { size } = value
  return size === undefined || (typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)
}

function problemOf(parts: readonly WithheldPart[]): string | undefined {
  if (parts.length === 0 || parts.length > MAX_PARTS) return `it names ${parts.length} parts`
  const names = new Set(parts.map(({ name }) => name))
  if (names.size < parts.length) return 'it names a part twice'
  const odd = parts.find(({ name }) => !NAME.test(name))
  return odd && `${JSON.stringify(odd.name.slice(0, 100))} is no part of a message`
}

function malformed(why: string, cause?: unknown): EvidenceError {
  return new EvidenceError('asic_malformed_withheld', `The list of withheld parts is malformed: ${why}`, { cause })
}
