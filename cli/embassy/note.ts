// `saadik note sign`: a person reads a text and signs it.
import { sign as signBytes } from 'node:crypto'
import { formatNote, type Note, parseNote, TransparencyError, withSignatures } from '#transparency'
import type { Run } from '../command.ts'
import { CliError } from '../error.ts'
import { readInput, writeOutput } from '../files.ts'
import { readHolderKey } from './holder-key.ts'

export const sign: Run = async (given, out) => {
  const [file = ''] = given.positionals
  const keyFile = given.text('key')
  if (keyFile === undefined) throw new CliError('usage', 'which key? --key FILE')
  const note = readUnsigned(await readInput(file), file)
  out.note(`\n${note.text}`)
  if (note.signatures.length > 0) out.note(`signed so far: ${note.signatures.map(({ name }) => name).join(', ')}\n`)
  const { key, privateKey } = await readHolderKey(keyFile, given.text('pin-file'))
  const line = { name: key.name, id: key.id, signature: signBytes(null, Buffer.from(note.text), privateKey) }
  const signed = withSignatures(note, [line])
  await writeOutput(given.text('output') ?? file, formatNote(signed), out)
  out.note(`signed by ${key.name}`)
  return 0
}

/** A text that nobody has signed yet, or a note. */
function readUnsigned(bytes: Buffer, file: string): Note {
  const text = bytes.toString('utf8')
  if (!text.includes('\n\n')) {
    if (!text.endsWith('\n')) throw new CliError('unreadable', `the last line of ${file} does not end`)
    return { text, signatures: [] }
  }
  try {
    return parseNote(bytes)
  } catch (error) {
    if (error instanceof TransparencyError)
      throw new CliError('unreadable', `${file}: ${error.message}`, { cause: error })
    throw error
  }
}
