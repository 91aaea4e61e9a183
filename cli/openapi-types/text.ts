// Names, comments and blocks of TypeScript. The document comes from somebody else: nothing of its text may become code.

export type Json = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A list of objects; everything else in it is left out. */
export function objectsOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

/** A string literal. */
export function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

/** The name of a property: as it is where TypeScript can read it so. */
export function key(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) || /^(?:0|[1-9]\d{0,8})$/.test(name) ? name : quoted(name)
}

const MAX_COMMENT = 300

/** One line of JSDoc, or nothing. */
export function comment(text: unknown): string {
  if (typeof text !== 'string') return ''
  const line = text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .replaceAll('*/', '*\\/')
  if (line === '') return ''
  return `/** ${line.length > MAX_COMMENT ? `${line.slice(0, MAX_COMMENT).toWellFormed().trimEnd()} …` : line} */\n`
}

/** `{ a: string; b?: number }`, a line for each member. */
export function block(members: readonly string[]): string {
  if (members.length === 0) return 'Record<string, never>'
  return `{\n${members.map((member) => member.replace(/^/gm, '  ')).join('\n')}\n}`
}
