// One witness of our log, seen from the log: what it is asked and what it may answer (C2SP tlog-witness). It is believed in one thing only:
// that its signature is its own.
import { type Clock, type HttpAnswer, httpGet, httpPost } from '#host'
import {
  cosignatureTime,
  formatAddCheckpoint,
  type NoteSignature,
  noteVerifier,
  openNote,
  originHash,
  parseNote,
  parseSignatureLines,
  parseSize,
  TransparencyError,
  type VerifierKey,
} from '#transparency'
import { equalBytes } from '#trust'
import { type SignedCheckpoint, signedCheckpoint } from './signed-checkpoint.ts'
import type { SignedLog } from './signed-log.ts'

/** For one submission, however many questions it takes. */
const PATIENCE_MS = 4_000
const MAX_ANSWER_BYTES = 64 * 1024
/** A witness whose clock differs from ours by more says nothing that we can use of the time. */
const CLOCK_SECONDS = 300

export interface PeerConfiguration {
  /** Where `add-checkpoint` is; without a slash at the end. */
  readonly url: string
  readonly key: VerifierKey
}

export type Submission =
  | { readonly line: NoteSignature }
  | { readonly reason: string }
  /** The witness has a checkpoint that our own key signed and that our tree does not contain. */
  | { readonly contradiction: SignedCheckpoint; readonly reason: string }

export class WitnessPeer {
  readonly url: string
  readonly key: VerifierKey
  readonly #log: SignedLog
  readonly #clock: Clock
  /** Of the tree that it cosigned last, as far as we know. */
  #size = 0

  constructor({ url, key }: PeerConfiguration, log: SignedLog, clock: Clock) {
    this.url = url
    this.key = key
    this.#log = log
    this.#clock = clock
  }

  get size(): number {
    return this.#size
  }

  /** Asks for a cosignature. Never rejects for what the witness does or does not. */
  async submit(checkpoint: SignedCheckpoint): Promise<Submission> {
    const until = performance.now() + PATIENCE_MS
    try {
      for (let asked = 0; asked < 3; asked += 1) {
        const answer = await this.#ask(checkpoint, Math.min(this.#size, checkpoint.size), until)
        if (answer.status === 200) return this.#accept(checkpoint, answer.body)
        if (answer.status === 422)
          return await this.#compare('it says that the tree does not continue the one before', until)
        if (answer.status !== 409) return { reason: `HTTP status ${answer.status}` }
        this.#size = parseSize(answer.body)
        if (this.#size > checkpoint.size)
          return await this.#compare(`it has seen a tree of ${this.#size} leaves`, until)
      }
      return { reason: 'it never agrees with itself on the size of the tree' }
    } catch (error) {
      return { reason: (error as Error).message }
    }
  }

  /** Whether what the witness keeps of our log is part of our tree. A witness that says nothing of it contradicts nothing. */
  async compare(): Promise<Submission | undefined> {
    try {
      const compared = await this.#compare('', performance.now() + PATIENCE_MS)
      return 'contradiction' in compared ? compared : undefined
    } catch {
      return undefined
    }
  }

  async #ask({ note, size }: SignedCheckpoint, oldSize: number, until: number): Promise<HttpAnswer> {
    const proof = await this.#log.tree.consistencyProof(oldSize, size)
    return httpPost(`${this.url}/add-checkpoint`, formatAddCheckpoint({ oldSize, proof, note }), {
      contentType: 'text/plain; charset=utf-8',
      timeoutMs: left(until),
      maxBytes: MAX_ANSWER_BYTES,
    })
  }

  /** Throws TransparencyError for whatever is not this witness's signature on this checkpoint. */
  #accept(checkpoint: SignedCheckpoint, body: Uint8Array): Submission {
    const signatures = parseSignatureLines(Buffer.from(body).toString('utf8'))
    const [line] = openNote({ text: checkpoint.note.text, signatures }, [noteVerifier(this.key)])
    if (line === undefined) throw new TransparencyError('unsigned', 'it did not sign')
    const ahead = cosignatureTime(this.key, line) - this.#clock.now().getTime() / 1000
    if (Math.abs(ahead) > CLOCK_SECONDS)
      return { reason: `its clock differs from ours by ${Math.round(ahead)} s; its cosignature is not used` }
    this.#size = checkpoint.size
    return { line }
  }

  async #compare(reason: string, until: number): Promise<Submission> {
    const { origin, tree, keys } = this.#log
    const { status, body } = await httpGet(`${this.url}/${originHash(origin)}/checkpoint`, {
      timeoutMs: left(until),
      maxBytes: MAX_ANSWER_BYTES,
    })
    if (status !== 200) return { reason }
    const note = parseNote(body)
    // Only what our own key signed can be held against us.
    openNote(note, keys.verifierKeys.map(noteVerifier))
    const seen = signedCheckpoint(note)
    if (seen.origin !== origin) return { reason }
    if (seen.size > tree.size)
      return { contradiction: seen, reason: `it has our checkpoint of ${seen.size} leaves; we have ${tree.size}` }
    if (!equalBytes(await tree.rootAt(seen.size), seen.root))
      return { contradiction: seen, reason: `it has our checkpoint of another tree of ${seen.size} leaves` }
    this.#size = seen.size
    return { reason }
  }
}

/** Milliseconds; a call needs a whole one. */
function left(until: number): number {
  return Math.max(1, Math.ceil(until - performance.now()))
}
