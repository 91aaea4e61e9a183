// PINs for the commands: from a file or a descriptor, from the standard input, or asked for without showing them. Never from an argument:
// `ps` would show it.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CliError } from './error.ts'

export interface PinQuestion {
  /** A path, `/dev/fd/3` for a descriptor, `-` for the standard input; undefined asks on the terminal, or reads where there is none. */
  readonly file: string | undefined
  readonly question: string
  /** Whoever chooses a PIN types it a second time. */
  readonly twice?: boolean
}

/** The answers, in order. From the standard input each takes a line. @throws {CliError} `usage` */
export async function readPins(questions: readonly PinQuestion[]): Promise<string[]> {
  let lines: string[] | undefined
  const pins: string[] = []
  for (const { file, question, twice = false } of questions) {
    if (file !== undefined && file !== '-') pins.push(readFileSync(descriptorOf(file) ?? file, 'utf8').trim())
    else if (file === '-' || !process.stdin.isTTY) {
      lines ??= await standardInput()
      pins.push(lines.shift()?.trim() ?? '')
    } else {
      const pin = await ask(question)
      if (twice && pin !== (await ask('The same again: '))) throw new CliError('usage', 'the two PINs differ')
      pins.push(pin)
    }
  }
  return pins
}

/** Read as what it is: Linux does not open `/dev/fd/3` where that is a socket, as it is between two programs of Node. */
function descriptorOf(file: string): number | undefined {
  const number = /^\/dev\/fd\/(\d{1,6})$/.exec(file)?.[1]
  return number === undefined ? undefined : Number(number)
}

async function standardInput(): Promise<string[]> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8').trim().split('\n')
}

async function ask(question: string): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  // First, because it turns the echo off: what is typed at once must not be shown either.
  const asking = createInterface({ input: process.stdin, output: silent, terminal: true })
  process.stderr.write(question)
  try {
    return await asking.question('')
  } finally {
    asking.close()
    process.stderr.write('\n')
  }
}
