// Files that a command reads and writes.
import { readFile, writeFile } from 'node:fs/promises'
import { readYaml } from '#host'
import type { Output } from './command.ts'
import { CliError } from './error.ts'

const MAX_INPUT = 16 * 1024 * 1024

/** A small input file; a message for people when it is not there. */
export async function readInput(file: string): Promise<Buffer> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
  if (bytes.length > MAX_INPUT) throw new CliError('unreadable', `${file} is larger than ${MAX_INPUT} bytes`)
  return bytes
}

/** What a YAML or JSON text says. @param name Of its file, for the message when it says nothing. */
export function readDocument(text: string, name: string): unknown {
  const reading = readYaml(text)
  if ('faults' in reading)
    throw new CliError(
      'unreadable',
      `${name} cannot be read as YAML or JSON: ${reading.faults.slice(0, 10).join('; ')}`,
    )
  return reading.value
}

/** To the file named by --output, or to the standard output. Says where it went. */
export async function writeOutput(file: string | undefined, bytes: Uint8Array | string, out: Output): Promise<void> {
  if (file === undefined || file === '-') {
    process.stdout.write(bytes)
    return
  }
  await writeFile(file, bytes)
  out.note(`written to ${file}`)
}
