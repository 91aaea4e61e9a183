// What the person at the terminal sees while a country starts: one line per step, in the order in which the steps end.
import { styleText } from 'node:util'

/** `3 changes`, `1 change`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

export interface Progress {
  /** Seconds since the start. */
  seconds(): string
  /** A step that is done; `detail` says what came of it. */
  done(step: string, detail: string): void
  warn(text: string): void
  /** A heading with room above it. */
  heading(text: string): void
  line(text?: string): void
  /** A command to type. */
  command(text: string): void
}

export function terminalProgress(since: number): Progress {
  const out = process.stdout
  // A closed terminal or pipe ends the demo by other ways; writing into it is then no error of ours.
  out.on('error', () => undefined)
  const paint = (colour: 'green' | 'yellow' | 'bold' | 'dim' | 'cyan', text: string) =>
    styleText(colour, text, { stream: out })
  const line = (text = '') => void out.write(`${text}\n`)
  const seconds = () => `${((Date.now() - since) / 1000).toFixed(1)} s`
  const clock = () => paint('dim', seconds().padStart(7))
  return {
    seconds,
    done: (step, detail) => line(`${clock()}  ${paint('green', '✔')} ${step.padEnd(25)} ${detail}`),
    warn: (text) => line(`${clock()}  ${paint('yellow', '!')} ${text}`),
    heading: (text) => line(`\n${paint('bold', text)}`),
    line,
    command: (text) => line(`  ${paint('cyan', text)}`),
  }
}
