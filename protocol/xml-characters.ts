// Characters of plain XML: ASCII names, the controls that it must not hold, and references (XML 1.0 §4.1) to the five predefined entities
// and to characters by number.

const KNOWN: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  // Java's signature library ends each line of base64 with it.
  ['#13', '\r'],
])
const NUMBER = /^#(?:x[0-9a-fA-F]{1,6}|[0-9]{1,7})$/

/** The text with its references replaced; undefined when one of them is none of these. */
export function resolveReferences(text: string): string | undefined {
  let resolved = ''
  let from = 0
  for (let at = text.indexOf('&'); at >= 0; at = text.indexOf('&', from)) {
    const end = text.indexOf(';', at)
    if (end < 0) return undefined
    const name = text.slice(at + 1, end)
    const character = KNOWN.get(name) ?? byNumber(name)
    if (character === undefined) return undefined
    resolved += text.slice(from, at) + character
    from = end + 1
  }
  return resolved + text.slice(from)
}

function byNumber(name: string): string | undefined {
  if (!NUMBER.test(name)) return undefined
  const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number.parseInt(name.slice(1), 10)
  return isCharacter(code) ? String.fromCodePoint(code) : undefined
}

/** XML 1.0 §2.2, production Char. */
function isCharacter(code: number): boolean {
  return (
    code === 0x09 ||
    code === 0x0a ||
    code === 0x0d ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  )
}

export interface QualifiedName {
  readonly name: string
  readonly prefix: string
  readonly local: string
}

const COLON = 0x3a

/** The qualified name in ASCII that begins there; undefined when none does, or it goes on as none may. */
export function readName(text: string, from: number): QualifiedName | undefined {
  if (!startsName(text.charCodeAt(from))) return undefined
  let colon = -1
  let at = from + 1
  for (; ; at++) {
    const code = text.charCodeAt(at)
    if (isNameCharacter(code)) continue
    if (code !== COLON) break
    if (colon >= 0 || !startsName(text.charCodeAt(at + 1))) return undefined
    colon = at
  }
  const name = text.slice(from, at)
  if (colon < 0) return { name, prefix: '', local: name }
  return { name, prefix: text.slice(from, colon), local: text.slice(colon + 1, at) }
}

/** First character of a name without colon, in ASCII. */
function startsName(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f
}

/** Any other character of such a name. */
function isNameCharacter(code: number): boolean {
  return startsName(code) || (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const UNPLAIN = /[\0-\x08\x0b-\x1f\ufffe\uffff]/

/**
 * Whether there are characters that XML forbids, or normalises: the carriage return. One expression, because every byte of every
 * signature passes here: a quarter of what a loop over them takes.
 */
export function hasUnplain(text: string): boolean {
  return UNPLAIN.test(text)
}
