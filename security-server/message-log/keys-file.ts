// Where the keys of the log come from: a file, or a variable of the environment, with a line for each key.
//
//   # what begins with a number sign means nothing
//   2026-03-01T12:00:00Z pX3…= 32 bytes in base64, made by `openssl rand -base64 32` or by `saadik log keys new`
//
// The last line is the key of new records. A key has no name but the id that follows from it (master-key.ts).
import { readFile, stat } from 'node:fs/promises'
import { environment, ifThere, reasonOf, writeFileDurable } from '#host'
import { LogError } from './error.ts'
import { KEY_BYTES, MasterKey } from './master-key.ts'

export interface LogKey {
  readonly id: string
  readonly createdAt: Date
  readonly secret: Uint8Array
}

/** One of the two. */
export interface KeysSource {
  readonly keysFile?: string | undefined
  readonly keysVariable?: string | undefined
}

const MAX_TEXT = 64 * 1024
const LINE = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z) ([A-Za-z0-9+/]{43}=)$/
const PREAMBLE = `# Keys of the message log. Keep a copy elsewhere: what was logged under a key cannot be read without it.
# A line for each: when it was made, 32 random bytes in base64. The last one is for new records.
`

/** Throws LogError `keys_unreadable`, telling lines and never what stands in them. */
export function parseKeys(text: string, where: string): LogKey[] {
  if (text.length > MAX_TEXT) throw unreadable(where, 'it is too long')
  const keys: LogKey[] = []
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, time = '', secret = ''] = LINE.exec(line.trim()) ?? []
    const createdAt = new Date(time)
    const bytes = Buffer.from(secret, 'base64')
    if (Number.isNaN(createdAt.getTime()) || bytes.length !== KEY_BYTES)
      throw unreadable(where, `line ${index + 1} is not a time and 32 bytes in base64`)
    const { id } = new MasterKey(bytes)
    if (keys.some((key) => key.id === id)) throw unreadable(where, `line ${index + 1} repeats a key`)
    keys.push({ id, createdAt, secret: bytes })
  }
  if (keys.length === 0) throw unreadable(where, 'it has no key')
  return keys
}

/** The keys of a source; undefined where its file is not there. Throws LogError `keys_unreadable`, also for a file that others can read. */
export async function readKeys({ keysFile, keysVariable }: KeysSource): Promise<LogKey[] | undefined> {
  if (keysFile === undefined) {
    const text = environment(keysVariable ?? '')
    if (text === undefined) throw unreadable(`the environment variable ${keysVariable}`, 'it is not set')
    return parseKeys(text, `the environment variable ${keysVariable}`)
  }
  const found = await ifThere(stat(keysFile)).catch((cause) => {
    throw unreadable(keysFile, reasonOf(cause), cause)
  })
  if (found === undefined) return undefined
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    throw unreadable(keysFile, `others than its owner may use it (mode ${(found.mode & 0o777).toString(8)}); chmod 600`)
  const text = await readFile(keysFile, 'utf8').catch((cause) => {
    throw unreadable(keysFile, reasonOf(cause), cause)
  })
  return parseKeys(text, keysFile)
}

/** Replaces the file; the key is durable before anything is encrypted with it. Throws LogError `keys_unwritable`. */
export async function writeKeys(keysFile: string, keys: readonly LogKey[]): Promise<void> {
  const lines = keys.map(
    ({ createdAt, secret }) => `${createdAt.toISOString()} ${Buffer.from(secret).toString('base64')}\n`,
  )
  try {
    await writeFileDurable(keysFile, PREAMBLE + lines.join(''), 0o600)
  } catch (cause) {
    throw new LogError('keys_unwritable', `The keys of the message log cannot be written: ${reasonOf(cause)}`, {
      cause,
    })
  }
}

function unreadable(where: string, why: string, cause?: unknown): LogError {
  return new LogError('keys_unreadable', `The keys of the message log in ${where} cannot be read: ${why}`, { cause })
}
