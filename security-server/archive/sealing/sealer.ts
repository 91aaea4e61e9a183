// Encryption of archives to whom they belong: bytes in, bytes out, nothing held. Who may open a file follows from whose records are in it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { reasonOf } from '#host'
import { type ClientId, shortId } from '#protocol'
import { ArchiveError } from '../error.ts'
import type { EncryptionSettings } from '../settings.ts'
import { readMemberKeys } from './member-keys.ts'
import type { SealFailure, SealRequest } from './request.ts'

export interface Sealer {
  /** What the names of its files end with: '', `.age` or `.gpg`. */
  readonly ending: string
  /**
   * Whether everything that may be needed is there: the keys of all recipients, of all members, the signing key.
   *
   * @throws {ArchiveError} `key_unusable`, `member_keys_invalid`
   */
  check(signal: AbortSignal): Promise<void>
  /** @param owner Whose records they are; absent where they are everybody's. */
  seal(owner: ClientId | undefined, bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
}

/** The process may say this much about why it failed. */
const MAX_SAID = 64 * 1024

export function openSealer(settings: EncryptionSettings | undefined): Sealer {
  if (settings === undefined) return { ending: '', check: async () => undefined, seal: (_, bytes) => bytes }
  return {
    ending: settings.method === 'age' ? '.age' : '.gpg',
    async check(signal) {
      const recipients = [settings.recipients, ...(await memberKeys(settings)).values()]
      for await (const _ of run({ ...requestOf(settings), recipients, check: true }, nothing(), signal));
    },
    async *seal(owner, bytes) {
      const recipients = [await recipientsOf(settings, owner)]
      yield* run({ ...requestOf(settings), recipients, check: false }, bytes)
    },
  }
}

async function recipientsOf(settings: EncryptionSettings, owner: ClientId | undefined): Promise<readonly string[]> {
  if (owner === undefined) return settings.recipients
  const { subsystemCode: _, ...member } = owner
  return (await memberKeys(settings)).get(shortId(member)) ?? settings.recipients
}

/** Read for each file: it may change while the server runs. */
async function memberKeys({ memberKeys: file }: EncryptionSettings): Promise<ReadonlyMap<string, readonly string[]>> {
  if (file === undefined) return new Map()
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new ArchiveError('member_keys_invalid', `${file} cannot be read: ${reasonOf(cause)}`, { cause })
  }
  return readMemberKeys(text, file)
}

function requestOf(settings: EncryptionSettings): Omit<SealRequest, 'recipients' | 'check'> & EncryptionSettings {
  const { memberKeys: _, ...request } = settings
  return request
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Bytes through the process. They have all been given only when it has ended well: who stops before has no file. */
async function* run(
  request: SealRequest,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const entry = new URL(
    `./seal-process${import.meta.filename.slice(import.meta.filename.lastIndexOf('.'))}`,
    import.meta.url,
  )
  const child = spawn(process.execPath, [fileURLToPath(entry), JSON.stringify(request)], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Nothing of this process's surroundings: it may hold credentials of a store.
    env: {},
    ...(signal && { signal }),
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-MAX_SAID)
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  // What it says, and how it ends, is told below; whoever stops reading ends it.
  ended.catch(() => undefined)
  let sourceError: unknown
  const fed = pipeline(
    bytes,
    async function* (source) {
      try {
        yield* source
      } catch (error) {
        sourceError = error
        throw error
      }
    },
    child.stdin,
  ).catch(() => undefined)
  try {
    for await (const chunk of child.stdout) yield chunk
    await fed
    if (sourceError !== undefined) throw sourceError
    const [status] = await ended
    if (status !== 0) throw failureOf(said, status)
  } finally {
    child.kill('SIGKILL')
    await fed
  }
}

function failureOf(said: string, status: number | null): ArchiveError {
  try {
    const { code, message } = JSON.parse(said.trimEnd().split('\n').at(-1) ?? '') as SealFailure
    return new ArchiveError(code, message)
  } catch {
    return new ArchiveError('sealing_failed', `encryption ended with ${status ?? 'a signal'}: ${said.trim()}`)
  }
}
