// `multipart/related; boundary="x"`, and what text of a type is encoded in.
import { AnswerError } from './error.ts'

const MAX_LENGTH = 2000

/** The type in lower case, and its parameters (RFC 9110 §8.3.1). */
export function readMediaType(value: string): { type: string; parameters: ReadonlyMap<string, string> } {
  const parameters = new Map<string, string>()
  // Quotes that never end are looked for from each parameter anew: a type is short, or cut.
  for (const [, name = '', quoted, plain = ''] of value
    .slice(0, MAX_LENGTH)
    .matchAll(/;\s*([\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g))
    if (!parameters.has(name.toLowerCase()))
      parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? plain)
  return { type: value.split(';', 1)[0]?.trim().toLowerCase() ?? '', parameters }
}

/** XML as text: by the charset of its type, else by its byte order mark or declaration, else UTF-8. Throws AnswerError. */
export function decodeXml(bytes: Uint8Array, charset: string | undefined): string {
  const encoding =
    charset ?? marked(bytes) ?? /^<\?xml\s[^>]*?encoding=["']([\w.-]+)["']/.exec(ascii(bytes))?.[1] ?? 'utf-8'
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AnswerError(`The answer is not text in ${encoding}`, { cause })
  }
}

function marked([first, second]: Uint8Array): string | undefined {
  if (first === 0xfe && second === 0xff) return 'utf-16be'
  return first === 0xff && second === 0xfe ? 'utf-16le' : undefined
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes.subarray(0, 200))
}
