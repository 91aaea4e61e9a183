// What people see. Colour only on a terminal that wants it; machines get --json, which never changes its shape.
import { type InspectColor, styleText } from 'node:util'
import type { Output } from './command.ts'

export const terminal: Output = {
  line: (text = '') => void process.stdout.write(`${printable(text)}\n`),
  json: (value) => void process.stdout.write(`${JSON.stringify(value, null, 2)}\n`),
  note: (text) => void process.stderr.write(`${printable(text)}\n`),
}

/** Coloured where the terminal wants it (NO_COLOR and pipes do not). */
export function coloured(colour: InspectColor | InspectColor[], text: string): string {
  return styleText(colour, text, { stream: process.stdout })
}

/**
 * Names and texts come out of certificates, configurations and answers by others: control characters in them must not
 * drive the terminal. Our own line ends and the colour codes of `styleText` pass.
 */
export function printable(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced here
      .replace(/\u001b(?!\[\d{1,2}m)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g, '\ufffd')
      // Nor turn the direction in which it is read: a name would look like another.
      .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
  )
}

/** Aligned `label  value` lines; an undefined value leaves its line out. */
export function facts(rows: readonly (readonly [label: string, value: string | undefined])[], indent = '  '): string[] {
  const shown = rows.filter((row): row is readonly [string, string] => row[1] !== undefined)
  const width = Math.max(0, ...shown.map(([label]) => label.length))
  return shown.map(([label, value]) => `${indent}${label.padEnd(width)}  ${value.replace(/[\r\n]+/g, ' ')}`)
}
