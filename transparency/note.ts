// Signed notes (C2SP signed-note v1): a text, an empty line, a line for each signature. Nothing of the text counts before `openNote`.
import { decodeBase64, encodeBase64, equalBytes } from '#trust'
import { TransparencyError } from './error.ts'
import { decodeText, isKeyName } from './text.ts'

/** A signature line: which key claims to have signed, and its octets without the key id. */
export interface NoteSignature {
  readonly name: string
  readonly id: number
  readonly signature: Uint8Array
}

export interface Note {
  /** With its last newline, without the empty line after it. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** What judges the signatures of one key; a name and an id that no signature has twice the meaning of. */
export interface NoteVerifier {
  readonly name: string
  readonly id: number
  /** Whether the signature (without the key id) is this key's over the text. */
  verify(text: string, signature: Uint8Array): boolean
}

/** Octets of a note: room for 64 post-quantum signatures; the specification wants at least 16 of nearly 5 kB. */
export const MAXIMUM_NOTE_BYTES = 384 * 1024
export const MAXIMUM_SIGNATURES = 64

const refuse = (why: string) => new TransparencyError('malformed_note', `The note is malformed: ${why}`)

/** Reads a note of a stranger. Throws `malformed_note`. */
export function parseNote(bytes: Uint8Array): Note {
  const whole = decodeText(bytes, MAXIMUM_NOTE_BYTES, 'malformed_note')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that a note must not have
  if (/[\u0000-\u0009\u000b-\u001f]/.test(whole)) throw refuse('it has control characters')
  // The text may have empty lines; the last one of the note ends it.
  const split = whole.lastIndexOf('\n\n')
  if (split < 0) throw refuse('no empty line stands before the signatures')
  return { text: whole.slice(0, split + 1), signatures: parseSignatureLines(whole.slice(split + 2)) }
}

/** Reads signature lines alone, as witnesses answer them; one at least. Throws `malformed_note`. */
export function parseSignatureLines(text: string): NoteSignature[] {
  if (!text.endsWith('\n')) throw refuse('the last signature does not end in a newline')
  const lines = text.slice(0, -1).split('\n', MAXIMUM_SIGNATURES + 1)
  if (lines.length > MAXIMUM_SIGNATURES) throw refuse(`it has more than ${MAXIMUM_SIGNATURES} signatures`)
  return lines.map((line) => {
    const [, name = '', encoded = ''] = /^— ([^ ]+) ([A-Za-z0-9+/=]+)$/u.exec(line) ?? []
    const bytes = decodeBase64(encoded)
    if (!isKeyName(name) || bytes === undefined || bytes.length < 5) throw refuse('a line is no signature')
    return { name, id: Buffer.from(bytes).readUInt32BE(), signature: bytes.subarray(4) }
  })
}

/** Signature lines, each with its newline. Throws `malformed_note` for a name that cannot be that of a key. */
export function formatSignatureLines(signatures: readonly NoteSignature[]): string {
  return signatures
    .map(({ name, id, signature }) => {
      if (!isKeyName(name) || signature.length === 0) throw refuse('a signature has no name or no octets')
      const bytes = Buffer.alloc(4 + signature.length)
      bytes.writeUInt32BE(id)
      bytes.set(signature, 4)
      return `— ${name} ${encodeBase64(bytes)}\n`
    })
    .join('')
}

/** The note's octets; what it gives, {@link parseNote} takes. Throws `malformed_note`. */
export function formatNote({ text, signatures }: Note): Buffer {
  if (!text.endsWith('\n') || !text.isWellFormed()) throw refuse('the text is not whole lines')
  if (signatures.length === 0) throw refuse('nobody signed it')
  const bytes = Buffer.from(`${text}\n${formatSignatureLines(signatures)}`)
  parseNote(bytes)
  return bytes
}

/**
 * Verifies every signature of a key that we know, and gives those; others are not looked at, whatever name they bear. Throws
 * `bad_signature` where one of a known key does not verify (the note was tampered with: the rest is not trusted either), `unsigned` where there is none.
 */
export function openNote(note: Note, verifiers: readonly NoteVerifier[]): readonly NoteSignature[] {
  const known = note.signatures.filter((line) => {
    const verifier = verifiers.find((each) => each.name === line.name && each.id === line.id)
    if (verifier !== undefined && !verifier.verify(note.text, line.signature))
      throw new TransparencyError('bad_signature', `The signature of ${line.name} does not verify`)
    return verifier !== undefined
  })
  if (known.length === 0) throw new TransparencyError('unsigned', 'No key that is known here signed the note')
  return known
}

/** The note with more signatures; those that it has already are not repeated. */
export function withSignatures(note: Note, signatures: readonly NoteSignature[]): Note {
  const fresh = signatures.filter(
    (line) =>
      !note.signatures.some(
        (held) => held.name === line.name && held.id === line.id && equalBytes(held.signature, line.signature),
      ),
  )
  return { text: note.text, signatures: [...note.signatures, ...fresh] }
}
