// Where the PIN comes from at the start: a file, an open descriptor, or a person. Never an argument or the environment, which
// others can read.
import { openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { HostError, type Log, reasonOf } from '#host'

export type PinSource = { readonly file: string } | { readonly descriptor: number } | 'prompt'

const MAX_BYTES = 1024

/**
 * The PIN without the line end after it. A person who chooses a first one is asked twice.
 *
 * @throws {HostError} `config_invalid` with what is wrong with the source
 */
export async function readPin(source: PinSource, first: boolean, log: Log): Promise<Buffer> {
  try {
    if (source === 'prompt') return await prompt(first)
    if ('descriptor' in source) return withoutLineEnd(readFileSync(source.descriptor))
    if ((statSync(source.file).mode & 0o077) !== 0) {
      log.warn('the PIN file can be read by others', { pinFile: source.file })
    }
    return withoutLineEnd(readFileSync(source.file))
  } catch (cause) {
    throw new HostError('config_invalid', `the PIN cannot be read: ${reasonOf(cause)}`, { cause })
  }
}

function withoutLineEnd(bytes: Buffer): Buffer {
  if (bytes.length > MAX_BYTES) throw new RangeError(`${bytes.length} bytes are no PIN`)
  let end = bytes.length
  if (bytes[end - 1] === 0x0a) end -= 1
  if (end < bytes.length && bytes[end - 1] === 0x0d) end -= 1
  return bytes.subarray(0, end)
}

/** Asks on the terminal itself, whatever stdin and stdout are, without showing what is typed. */
async function prompt(first: boolean): Promise<Buffer> {
  let descriptor: number
  try {
    descriptor = openSync('/dev/tty', 'r+')
  } catch (cause) {
    throw new Error('there is no terminal to ask on; use pin: {file: …}', { cause })
  }
  const terminal = new ReadStream(descriptor)
  const bytes = typedBytes(terminal)
  terminal.setRawMode(true)
  try {
    const pin = await line(bytes, descriptor, first ? 'New PIN of the signer: ' : 'PIN of the signer: ')
    if (first && !pin.equals(await line(bytes, descriptor, 'The same again: '))) throw new Error('the two PINs differ')
    return pin
  } finally {
    terminal.setRawMode(false)
    terminal.destroy()
  }
}

async function* typedBytes(terminal: ReadStream): AsyncGenerator<number> {
  for await (const chunk of terminal) yield* chunk as Buffer
}

const KEY = { interrupt: 0x03, end: 0x04, lineFeed: 0x0a, enter: 0x0d, backspace: 0x08, delete: 0x7f } as const

async function line(bytes: AsyncGenerator<number>, screen: number, question: string): Promise<Buffer> {
  writeSync(screen, question)
  const typed: number[] = []
  for (;;) {
    const { value: byte = KEY.interrupt } = await bytes.next()
    if (byte === KEY.interrupt) throw new Error('cancelled')
    if (byte === KEY.enter || byte === KEY.lineFeed || byte === KEY.end) break
    if (byte === KEY.backspace || byte === KEY.delete) typed.pop()
    else if (typed.length < MAX_BYTES) typed.push(byte)
  }
  writeSync(screen, '\r\n')
  return Buffer.from(typed)
}
