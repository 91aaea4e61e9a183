// COPY's text format: columns between tabs, a line for each row, what is no plain text behind a backslash.
import { malformed } from './bytes.ts'

const UNESCAPED: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }
const ESCAPED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** The row that a server sent as one piece. */
export function readCopyRow(piece: Buffer, columns: number): (string | null)[] {
  const text = piece.toString('utf8')
  if (!text.endsWith('\n')) throw malformed('a row of COPY does not end')
  const line = text.slice(0, -1)
  if (columns === 0 && line === '') return []
  const fields = line.split('\t')
  if (fields.length !== columns) throw malformed(`a row of COPY has ${fields.length} columns, not ${columns}`)
  return fields.map((field) => {
    if (field === '\\N') return null
    return field.includes('\\') ? field.replace(/\\(.)/gs, (_, letter: string) => UNESCAPED[letter] ?? letter) : field
  })
}

export function copyField(value: string | null): string {
  if (value === null) return '\\N'
  return /[\\\b\f\n\r\t\v]/.test(value)
    ? value.replace(/[\\\b\f\n\r\t\v]/g, (letter) => ESCAPED[letter] ?? letter)
    : value
}
