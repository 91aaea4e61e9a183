// A witness of other people's logs (C2SP tlog-witness): it cosigns a checkpoint when the log has only grown since the last one. What it
// cosigned last is the signer's memory; here is who is watched, and the newest checkpoint of each for those who ask.
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, type Log, sweepTemporary, turnstile, writeFileDurable } from '#host'
import { type SignerClient, SignerError } from '#signer'
import {
  type AddCheckpointVerdict,
  formatNote,
  formatSignatureLines,
  formatSize,
  judgeAddCheckpoint,
  type Note,
  type NoteVerifier,
  noteVerifier,
  openNote,
  originHash,
  parseAddCheckpoint,
  parseNote,
  SIZE_TYPE,
  TransparencyError,
  type VerifierKey,
  withSignatures,
} from '#transparency'
import { decodeBase64 } from '#trust'
import { NoteKeys } from './note-keys.ts'
import { rateLimit } from './rate-limit.ts'
import type { Answer } from './site.ts'

/** Checkpoints of one log that are cosigned in a second, and how many at once after a pause: each waits for the signer's disk. */
const RATE = { perSecond: 5, atOnce: 20 }
/** Requests of one log that wait for their turn. */
const WAITING = 16
/** Monitors see a checkpoint at once, the disk within this: what the signer remembers counts. */
const SAVE_MS = 10_000
/** Trees that a log should not have signed, kept as evidence; of one log. */
const FORKS_KEPT = 16

export interface WitnessOptions {
  /** Of this witness alone. Trusted with nothing: what was cosigned is the signer's memory. */
  readonly directory: string
  /** Name of the key, which is made where there is none. */
  readonly name: string
  readonly signer: SignerClient
  /** Keys of the logs that are watched; the name of a key is the origin of its log, which may have several. */
  readonly logs: readonly VerifierKey[]
  readonly clock: Clock
  readonly log: Log
}

export interface WatchedStatus {
  readonly origin: string
  /** Leaves of the newest tree that was cosigned; 0 where none was. */
  readonly size: number
  /** Requests that were refused with 422: the log may have two histories. */
  readonly refused: number
}

interface Watched {
  readonly origin: string
  readonly verifiers: NoteVerifier[]
  readonly takeTurns: ReturnType<typeof turnstile>
  readonly mayCosign: () => boolean
  waiting: number
  refused: number
  latest: Note | undefined
  forks: number
}

export class Witness {
  readonly #options: WitnessOptions
  readonly #keys: NoteKeys
  readonly #logs: ReadonlyMap<string, Watched>
  readonly #unsaved = new Set<Watched>()
  #timer: NodeJS.Timeout | undefined

  private constructor(options: WitnessOptions, keys: NoteKeys, logs: ReadonlyMap<string, Watched>) {
    this.#options = options
    this.#keys = keys
    this.#logs = logs
  }

  /** @throws {SignerError} as `NoteKeys.open` */
  static async open(options: WitnessOptions): Promise<Witness> {
    const { directory, name, signer } = options
    await mkdir(join(directory, 'forks'), { recursive: true, mode: 0o700 })
    await sweepTemporary(directory)
    const keys = await NoteKeys.newest(signer, 'witness', name)
    const logs = new Map<string, Watched>()
    const forks = await readdir(join(directory, 'forks'))
    for (const key of options.logs) {
      const watched = logs.get(key.name) ?? watch(key.name, options.clock)
      watched.verifiers.push(noteVerifier(key))
      logs.set(key.name, watched)
    }
    for (const watched of logs.values()) {
      watched.forks = forks.filter((file) => file.startsWith(originHash(watched.origin))).length
      watched.latest = await readLatest(join(directory, originHash(watched.origin)), watched, keys.verifierKeys)
    }
    return new Witness(options, keys, logs)
  }

  /** For logs and auditors who believe this witness. */
  get verifierKey(): VerifierKey {
    return this.#keys.verifierKeys[0] as VerifierKey
  }

  status(): readonly WatchedStatus[] {
    return [...this.#logs.values()].map(({ origin, refused }) => ({
      origin,
      size: this.#keys.heads(origin)[0]?.size ?? 0,
      refused,
    }))
  }

  /** The newest checkpoint of a log with the log's signature and ours, by `originHash`; undefined before the first. */
  latest(hash: string): Uint8Array | undefined {
    const watched = [...this.#logs.values()].find(({ origin }) => originHash(origin) === hash)
    return watched?.latest && formatNote(watched.latest)
  }

  /** `POST add-checkpoint`: the whole of its body in, the answer out. */
  async addCheckpoint(body: Uint8Array): Promise<Answer> {
    let request: ReturnType<typeof parseAddCheckpoint>
    try {
      request = parseAddCheckpoint(body)
    } catch (error) {
      if (error instanceof TransparencyError) return plain(400, error.message)
      throw error
    }
    const origin = request.note.text.split('\n', 1)[0] ?? ''
    const watched = this.#logs.get(origin)
    if (watched === undefined) return plain(404, 'this log is not watched here')
    if (watched.waiting >= WAITING) return plain(429, 'too many requests of this log at once')
    watched.waiting += 1
    try {
      // What is judged must be what is replaced.
      return await watched.takeTurns(() => this.#judge(watched, request))
    } finally {
      watched.waiting -= 1
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#save()
  }

  async #judge(watched: Watched, request: ReturnType<typeof parseAddCheckpoint>): Promise<Answer> {
    const [head] = this.#keys.heads(watched.origin)
    const latest = head && { size: head.size, root: decodeBase64(head.root) ?? new Uint8Array() }
    const verdict = judgeAddCheckpoint(request, () => ({ verifiers: watched.verifiers, latest }))
    switch (verdict.status) {
      case 200:
        return this.#cosign(watched, request, verdict)
      case 409:
        return { ...plain(409, ''), type: SIZE_TYPE, body: Buffer.from(formatSize(verdict.size)) }
      case 422:
        await this.#suspect(watched, request.note, verdict.reason)
        return plain(422, verdict.reason)
      default:
        return plain(verdict.status, verdict.reason)
    }
  }

  async #cosign(
    watched: Watched,
    { proof }: ReturnType<typeof parseAddCheckpoint>,
    { text, signatures }: Extract<AddCheckpointVerdict, { status: 200 }>,
  ): Promise<Answer> {
    if (!watched.mayCosign()) return plain(429, 'too many checkpoints of this log')
    try {
      const lines = await this.#keys.sign(text, async () => proof)
      watched.latest = withSignatures({ text, signatures }, lines)
      this.#unsaved.add(watched)
      this.#timer ??= setTimeout(() => void this.#save(), SAVE_MS)
      return plain(200, formatSignatureLines(lines))
    } catch (error) {
      if (!(error instanceof SignerError)) throw error
      this.#options.log.error('a checkpoint could not be cosigned', { origin: watched.origin, reason: error.message })
      return plain(503, 'this witness cannot sign now')
    }
  }

  /** The log signed what does not fit what it signed before, or its proof is wrong: the first is evidence for everybody. */
  async #suspect(watched: Watched, note: Note, reason: string): Promise<void> {
    watched.refused += 1
    const { log, directory } = this.#options
    const { origin } = watched
    log.warn('a checkpoint does not continue what this log signed before', { origin, reason })
    if (reason !== 'fork' || watched.forks >= FORKS_KEPT) return
    watched.forks += 1
    const file = join(directory, 'forks', `${originHash(origin)}-${watched.forks}`)
    await writeFileDurable(file, formatNote(note)).catch((error: Error) =>
      log.error('the evidence of a fork could not be written', { file, reason: error.message }),
    )
  }

  async #save(): Promise<void> {
    this.#timer = undefined
    const { directory, log } = this.#options
    for (const watched of this.#unsaved) {
      if (watched.latest === undefined) continue
      this.#unsaved.delete(watched)
      await writeFileDurable(join(directory, originHash(watched.origin)), formatNote(watched.latest)).catch(
        (error: Error) => log.error('a cosigned checkpoint could not be kept for monitors', { reason: error.message }),
      )
    }
  }
}

function watch(origin: string, clock: Clock): Watched {
  return {
    origin,
    verifiers: [],
    takeTurns: turnstile(),
    mayCosign: rateLimit(RATE, clock),
    waiting: 0,
    refused: 0,
    latest: undefined,
    forks: 0,
  }
}

/** What monitors were told last; a file that is not what we wrote is left aside, and the next checkpoint takes its place. */
async function readLatest(
  file: string,
  { verifiers }: Watched,
  own: readonly VerifierKey[],
): Promise<Note | undefined> {
  try {
    const note = parseNote(await readFile(file))
    openNote(note, verifiers)
    openNote(note, own.map(noteVerifier))
    return note
  } catch {
    return undefined
  }
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: Buffer.from(text.endsWith('\n') ? text : `${text}\n`) }
}
