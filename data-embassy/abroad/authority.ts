// The authority log of an embassy: every decree that it recorded, in the order in which it did, witnessed. The first decree of an epoch counts; one that
// contradicts it is kept and published as evidence, and changes nothing (embassy.md, "Decrees").
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Decree, type DecreeKeys, openDecree, parseDecree } from '#continuity'
import { turnstile, writeFileDurable } from '#host'
import type { SignerClient } from '#signer'
import { originHash, parseNote } from '#transparency'
import { SignedLog } from '#transparent-log'
import { digest } from '#trust'
import { EmbassyError } from '../error.ts'

/** Entries that are read at once at a start. */
const PAGE = 256

export interface AuthorityOptions {
  /** Of this log alone. */
  readonly directory: string
  readonly instance: string
  /** The subsystem that decrees name: `DEMO/GOV/70000003/embassy`. */
  readonly embassy: string
  readonly signer: SignerClient
  readonly keys: DecreeKeys
}

export interface RecordedDecree {
  readonly decree: Decree
  /** The signed note. */
  readonly note: Uint8Array
  /** Its leaf in the authority log. */
  readonly index: number
}

export class Authority {
  readonly log: SignedLog
  readonly #options: AuthorityOptions
  readonly #turn = turnstile()
  readonly #takeovers: RecordedDecree[] = []
  /** The newest of each register, and of the centre. */
  readonly #recorded = new Map<string, RecordedDecree>()

  private constructor(options: AuthorityOptions, log: SignedLog) {
    this.#options = options
    this.log = log
  }

  /** @throws {EmbassyError} `store_damaged` where a decree that was recorded is not there; as `SignedLog.open` */
  static async open(options: AuthorityOptions): Promise<Authority> {
    const { directory, instance, embassy, signer } = options
    await mkdir(join(directory, 'conflicts'), { recursive: true, mode: 0o700 })
    const origin = authorityOrigin(instance, embassy)
    const log = await SignedLog.open({ directory, origin, signer })
    const authority = new Authority(options, log)
    try {
      if (log.missing > 0)
        throw new EmbassyError('store_damaged', `${log.missing} decrees that were recorded are not in ${origin}`)
      await authority.#read()
      await log.publish()
      return authority
    } catch (error) {
      await log.close()
      throw error
    }
  }

  /** The decree that is in force for a register or the centre; undefined before the first. */
  recorded(subject: string): RecordedDecree | undefined {
    return this.#recorded.get(subject)
  }

  /** Every decree by which this embassy took a register over, oldest first. */
  takeovers(): readonly RecordedDecree[] {
    return this.#takeovers
  }

  /**
   * Records a decree. Durable and signed when it resolves; from then on no entry of the epoch that it ends is receipted here. The same decree again is
   * recorded already.
   *
   * @throws {ContinuityError} as `openDecree`; {EmbassyError} `wrong_decree` for one of another instance or embassy, or that does not continue what is
   *   recorded; `conflicting_decree` for a second one of its epoch, which is kept as evidence
   */
  record(bytes: Uint8Array, now: Date): Promise<RecordedDecree> {
    return this.#turn(async () => {
      const { decree } = openDecree(bytes, this.#options.keys, now)
      const last = this.recorded(decree.subject)
      if (last !== undefined && sameDecree(last.note, bytes)) return last
      this.#mine(decree)
      await this.#continues(decree, last?.decree, bytes)
      // A crash before the signature leaves a leaf that counts for nothing and is cut; one after it leaves the decree recorded.
      const index = await this.log.tree.append([bytes])
      await this.log.publish()
      const recorded = { decree, note: bytes, index }
      this.#remember(recorded)
      return recorded
    })
  }

  async close(): Promise<void> {
    await this.#turn(async () => {})
    await this.log.close()
  }

  #mine({ instance, embassy }: Decree): void {
    if (instance !== this.#options.instance || embassy !== this.#options.embassy)
      throw new EmbassyError('wrong_decree', `The decree is for ${embassy} of ${instance}`)
  }

  async #continues(decree: Decree, last: Decree | undefined, bytes: Uint8Array): Promise<void> {
    const mode = last?.to ?? 'SEALED'
    const [from, to] = decree.epoch
    if (last !== undefined && to <= last.epoch[1]) {
      const name = `${originHash(decree.subject).slice(0, 16)}-${to}-${Buffer.from(digest('SHA-256', bytes)).toString('hex').slice(0, 16)}`
      await writeFileDurable(join(this.#options.directory, 'conflicts', name), bytes, 0o600)
      throw new EmbassyError(
        'conflicting_decree',
        `Epoch ${to} of ${decree.subject} was decreed already; this decree is kept as evidence`,
      )
    }
    if (last !== undefined && from !== last.epoch[1])
      throw new EmbassyError('wrong_decree', `Epoch ${last.epoch[1]} of ${decree.subject} is in force, not ${from}`)
    if (decree.from !== mode) throw new EmbassyError('wrong_decree', `${decree.subject} is ${mode}, not ${decree.from}`)
  }

  #remember(recorded: RecordedDecree): void {
    this.#recorded.set(recorded.decree.subject, recorded)
    if (recorded.decree.to === 'TAKEOVER') this.#takeovers.push(recorded)
  }

  async #read(): Promise<void> {
    const { tree } = this.log
    for (let first = 0; first < tree.size; first += PAGE)
      for (const [at, note] of (await tree.entries(first, PAGE)).entries()) {
        // It was opened when it was recorded, and its tree is the one that was signed then.
        const decree = parseDecree(parseNote(note).text)
        this.#remember({ decree, note, index: first + at })
      }
  }
}

/** The origin of an embassy's authority log: `DEMO/authority/GOV/70000003/embassy`. */
export function authorityOrigin(instance: string, embassy: string): string {
  return `${instance}/authority/${embassy.split('/').slice(1).join('/')}`
}

/** The same text: whoever signed more of it made no other decree. */
export function sameDecree(one: Uint8Array, other: Uint8Array): boolean {
  return parseNote(one).text === parseNote(other).text
}
