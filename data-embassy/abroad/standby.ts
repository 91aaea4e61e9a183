// One register's service abroad (embassy.md, "Modes"). It follows two things: which decree is in force, and whether the custodians have opened. Only with both is
// there anything to serve; when either ends, the program ends, its file is removed, and the gate says SEALED again.
import { mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mode } from '#continuity'
import { closeHttp, type Log, listen, turnstile } from '#host'
import { decodeBase64 } from '#trust'
import { EmbassyError } from '../error.ts'
import { type GatePolicy, gateServer, type Refusal } from '../gate.ts'
import type { Agent } from '../home/agent.ts'
import { type Restored, restoreSqlite } from '../restore/restore-sqlite.ts'
import type { Authority, RecordedDecree } from './authority.ts'
import type { Mirrors } from './mirrors.ts'
import type { OpeningRoom } from './opening-room.ts'
import { type Program, startProgram } from './program.ts'

/** Linux: a file system in memory. */
const TMPFS = 0x01021994
/** Answers under way when a register is sealed again. */
const CLOSE_MS = 2_000
/** Until a write is in the log; the first waits for the picture of the register that the log begins with. */
const SETTLED_MS = 60_000

export interface StandbyOptions {
  readonly register: string
  readonly instance: string
  readonly command: readonly string[]
  readonly listen: { readonly host: string; readonly port: number }
  readonly readPaths: readonly string[]
  readonly work: string
  readonly mirrors: Mirrors
  readonly authority: Authority
  readonly room: OpeningRoom
  /** Begins the register's own epoch over what was restored. */
  readonly takeOver: (decree: RecordedDecree, database: string) => Promise<Agent>
  readonly log: Log
}

export interface StandbyStatus {
  readonly register: string
  readonly mode: Mode
  readonly serving: boolean
  readonly asOf?: string
  readonly restored?: { readonly changes: number; readonly erased: number; readonly seconds: number }
  readonly failure?: string
}

interface Serving {
  readonly recorded: RecordedDecree
  readonly agent: Agent | undefined
  readonly program: Program
  readonly restored: Restored
  readonly seconds: number
}

export class Standby {
  readonly #options: StandbyOptions
  readonly #turn = turnstile()
  #serving: Serving | undefined
  #failure: string | undefined
  #close: (() => Promise<void>) | undefined

  constructor(options: StandbyOptions) {
    this.#options = options
  }

  /** Begins to answer: SEALED, until decree and custodians say otherwise. */
  async start(): Promise<void> {
    const { listen: at, readPaths, log } = this.#options
    // What an earlier life left behind is nobody's any more.
    await this.#wipe()
    const gate = gateServer({ upstream: () => this.#serving?.program.url, readPaths, policy: this.#policy(), log })
    await listen(gate, at.host, at.port)
    this.#close = () => closeHttp(gate, CLOSE_MS)
  }

  get mode(): Mode {
    return this.#recorded?.decree.to ?? 'SEALED'
  }

  status(): StandbyStatus {
    const { register } = this.#options
    const serving = this.#serving
    return {
      register,
      mode: this.mode,
      serving: serving !== undefined,
      ...(serving?.restored.asOf === undefined ? {} : { asOf: serving.restored.asOf.toISOString() }),
      ...(serving === undefined
        ? {}
        : {
            restored: {
              changes: serving.restored.changes,
              erased: serving.restored.erased.length,
              seconds: serving.seconds,
            },
          }),
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    }
  }

  /** To be called when a decree was recorded or the room was opened or closed; resolves when it is as they say. */
  follow(): Promise<void> {
    return this.#turn(async () => {
      const recorded = this.#recorded
      const identity = this.#options.room.identity
      const opens = ['READ_ONLY', 'TAKEOVER'].includes(this.mode)
      const wanted = recorded !== undefined && opens && identity !== undefined
      if (this.#serving !== undefined && (!wanted || this.#serving.recorded !== recorded)) await this.#seal()
      if (!wanted || this.#serving !== undefined) return
      try {
        this.#serving = await this.#open(recorded, identity)
        this.#failure = undefined
      } catch (error) {
        this.#failure = (error as Error).message
        this.#options.log.error('a register could not be opened', { register: this.#options.register, error })
        await this.#wipe()
      }
    })
  }

  async stop(): Promise<void> {
    await this.#turn(() => this.#seal())
    await this.#close?.()
  }

  get #recorded(): RecordedDecree | undefined {
    return this.#options.authority.recorded(this.#options.register)
  }

  async #open(recorded: RecordedDecree, identity: string): Promise<Serving> {
    const { mirrors, instance, command, work, register, log } = this.#options
    const { decree } = recorded
    const { predecessor } = decree
    const mirror = mirrors.all.find(({ origin }) => origin === predecessor?.origin)
    if (predecessor === undefined || mirror === undefined)
      throw new EmbassyError('wrong_decree', `${register} has no such predecessor here`)
    await requireMemory(work)
    const begun = performance.now()
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    const database = join(this.#folder, 'register.db')
    const at = { size: predecessor.size, root: decodeBase64(predecessor.root) ?? new Uint8Array() }
    const restored = await restoreSqlite({ mirror, instance, identity, at }, database)
    const agent = decree.to === 'TAKEOVER' ? await this.#options.takeOver(recorded, database) : undefined
    const program = await startProgram(command, database, log).catch(async (error) => {
      await agent?.stop()
      throw error
    })
    const seconds = (performance.now() - begun) / 1000
    log.warn('a register is open', {
      register,
      mode: decree.to,
      epoch: decree.epoch[1],
      changes: restored.changes,
      seconds,
    })
    return { recorded, agent, program, restored, seconds }
  }

  async #seal(): Promise<void> {
    const serving = this.#serving
    this.#serving = undefined
    await serving?.program.stop()
    // What it has written is captured to the last before its file is removed.
    await serving?.agent
      ?.settled(SETTLED_MS)
      .catch((error: Error) => this.#options.log.error('the last writes could not be sealed', { error }))
    await serving?.agent?.stop()
    await this.#wipe()
    if (serving !== undefined)
      this.#options.log.warn('a register is sealed again', { register: this.#options.register })
  }

  get #folder(): string {
    return join(this.#options.work, this.#options.register)
  }

  #wipe(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }

  #policy(): GatePolicy {
    return {
      refusal: (write) => this.#refusal(write),
      settled: () => this.#settled(),
      headers: () => ({
        'X-Saadik-Mode': this.mode,
        'X-Saadik-Epoch': String(this.#recorded?.decree.epoch[1] ?? 1),
        ...(this.#serving?.restored.asOf === undefined
          ? {}
          : { 'X-Saadik-As-Of': this.#serving.restored.asOf.toISOString() }),
      }),
    }
  }

  /** A write abroad is acknowledged when it is sealed and signed in the log of its epoch. */
  async #settled(): Promise<Refusal | undefined> {
    try {
      await this.#serving?.agent?.settled(SETTLED_MS)
      return undefined
    } catch (error) {
      return { status: 503, code: 'not_receipted', message: (error as Error).message }
    }
  }

  #refusal(write: boolean): Refusal | undefined {
    const { register } = this.#options
    if (this.mode === 'SEALED' || this.mode === 'RELAY')
      return { status: 503, code: 'sealed', message: `${register} is sealed here: no decree has opened it` }
    if (this.#serving === undefined || this.#serving.recorded !== this.#recorded)
      return {
        status: 503,
        code: 'opening',
        message: `${register} is not open yet: ${this.#failure ?? 'custodians have not opened it'}`,
      }
    if (write && this.mode === 'READ_ONLY')
      return { status: 503, code: 'read_only', message: `${register} answers from abroad, and takes no writes` }
    return undefined
  }
}

/** Opened registers lie in memory: on a disk they would outlive the decree. Throws `store_failed`. */
async function requireMemory(work: string): Promise<void> {
  await mkdir(work, { recursive: true, mode: 0o700 })
  if (process.platform === 'linux' && (await statfs(work)).type !== TMPFS)
    throw new EmbassyError('store_failed', `${work} is not in memory (tmpfs): nothing is opened there`)
}
