// Where the PIN comes from at the start: a file, an open descriptor, or a person. Never an argument or the environment, which
// others can read.
import { closeSync, openSync, readFileSync, statSync, writeSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { HostError, type Log, reasonOf } from '#host'

export type PinSource = { readonly file: string } | { readonly descriptor: number } | 'prompt'

const MAX_BYTES = 1024

/** The PIN without the line end after it. @throws {HostError} `config_invalid` with what is wrong with the source */
export async function readPin(source: PinSource, log: Log): Promise<Buffer> {
  try {
    if (source === 'prompt') return await prompt()
    if ('descriptor' in source) return withoutLineEnd(readFileSync(source.descriptor))
    if ((statSync(source.file).mode & 0o077) !== 0)
      log.warn('the PIN file can be read by others', { pinFile: source.file })
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
async function prompt(): Promise<Buffer> {
  let descriptor: number
  try {
    descriptor = openSync('/dev/tty', 'r+')
  } catch (cause) {
    throw new Error('there is no terminal to ask on; use pin: {file: …}', { cause })
  }
  const terminal = new ReadStream(descriptor)
  terminal.setRawMode(true)
  writeSync(descriptor, 'PIN of the signer: ')
  const typed: number[] = []
  try {
    for await (const chunk of terminal) {
      for (const byte of chunk as Buffer) {
        if (byte === 0x03) throw new Error('cancelled')
        if (byte === 0x0d || byte === 0x0a || byte === 0x04) return Buffer.from(typed)
        if (byte === 0x7f || byte === 0x08) typed.pop()
        else if (typed.length < MAX_BYTES) typed.push(byte)
      }
    }
    throw new Error('the terminal was closed')
  } finally {
    if (terminal.isTTY && !terminal.destroyed) terminal.setRawMode(false)
    terminal.destroy()
    const screen = openSync('/dev/tty', 'w')
    writeSync(screen, '\n')
    closeSync(screen)
  }
}
