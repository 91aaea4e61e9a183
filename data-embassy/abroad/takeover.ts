// Registers' own epochs abroad (embassy.md, "Modes", TAKEOVER): what is written here goes into a log of its own, which begins with the decree and holds the whole
// register first, so that home can go on from this log alone. It is sealed to the custodians and to home's return key, and stays to be fetched.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type DecreeKeys, Recipients } from '#continuity'
import type { Log } from '#host'
import type { SignerClient } from '#signer'
import { originHash } from '#transparency'
import { Author } from '../authoring/author.ts'
import { EmbassyError } from '../error.ts'
import { Agent } from '../home/agent.ts'
import { JournalSource } from '../register/journal.ts'
import { originOf } from '../wire.ts'
import type { Authority, RecordedDecree } from './authority.ts'

export interface AuthoredLogsOptions {
  readonly directory: string
  readonly instance: string
  readonly signer: SignerClient
  /** The custodians', and home's for the way back. */
  readonly recipients: readonly string[]
  readonly decreeKeys: DecreeKeys
  readonly authority: Authority
  readonly log: Log
}

export class AuthoredLogs {
  readonly #options: AuthoredLogsOptions
  readonly #authors = new Map<string, Author>()

  private constructor(options: AuthoredLogsOptions) {
    this.#options = options
  }

  /** Opens the logs of all take-overs that there were. @throws as `Author.open` */
  static async open(options: AuthoredLogsOptions): Promise<AuthoredLogs> {
    const logs = new AuthoredLogs(options)
    try {
      for (const recorded of options.authority.takeovers()) await logs.#author(recorded)
      return logs
    } catch (error) {
      await logs.close()
      throw error
    }
  }

  /** What is written to `database` from now on is sealed and logged under the epoch that the decree began. Whoever stops the agent keeps the log. */
  async begin(recorded: RecordedDecree, database: string): Promise<Agent> {
    const { decreeKeys, log } = this.#options
    const author = await this.#author(recorded)
    const source = new JournalSource(database)
    const register = recorded.decree.subject
    const agent = new Agent({
      register,
      durability: 'available',
      receipts: 1,
      author,
      source,
      embassies: [],
      decreeKeys,
      log,
    })
    agent.start()
    return agent
  }

  /** A batch of a log that was written here, as it travels; undefined where there is no such entry (yet). Throws `foreign`. */
  batch(origin: string, index: number): Uint8Array | undefined {
    const author = this.#authors.get(origin)
    if (author === undefined) throw new EmbassyError('foreign', `${origin} was not written here`)
    return author.batch(index)?.bytes
  }

  /** Heads of a register's logs that were written here. */
  heads(register: string): { readonly origin: string; readonly size: number; readonly root: Uint8Array }[] {
    return [...this.#authors.values()]
      .filter(({ log }) => log.origin.split('/')[1] === register)
      .map(({ log: { origin, tree } }) => ({ origin, size: tree.size, root: tree.root() }))
  }

  async close(): Promise<void> {
    for (const author of this.#authors.values()) await author.close()
  }

  async #author(recorded: RecordedDecree): Promise<Author> {
    const { directory, instance, signer, recipients } = this.#options
    const { subject, epoch } = recorded.decree
    const origin = originOf(instance, subject, epoch[1])
    const held = this.#authors.get(origin)
    if (held !== undefined) return held
    const folder = join(directory, originHash(origin))
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const author = await Author.open({
      directory: folder,
      instance,
      origin,
      signer,
      recipients: new Recipients(recipients),
    })
    this.#authors.set(origin, author)
    await author.begin(recorded.note)
    return author
  }
}
