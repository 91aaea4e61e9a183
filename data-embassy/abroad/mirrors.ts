// All registers that an embassy keeps, a mirror for each epoch of each.
import { join } from 'node:path'
import { parseBatch, type ReadBatch } from '#continuity'
import type { SignerClient } from '#signer'
import { originHash, type VerifierKey } from '#transparency'
import { NoteKeys } from '#transparent-log'
import { EmbassyError } from '../error.ts'
import { originOf } from '../wire.ts'
import { type Authority, type RecordedDecree, sameDecree } from './authority.ts'
import { Mirror } from './mirror.ts'

export interface KeptRegister {
  readonly name: string
  /** The information system that may send: `DEMO/GOV/70000001/courier`. */
  readonly client: string
  /** Who authors each epoch. */
  readonly epochs: readonly { readonly epoch: number; readonly logKeys: readonly VerifierKey[] }[]
}

export interface MirrorsOptions {
  readonly directory: string
  readonly instance: string
  /** Name of the mirror's key, which is made where there is none. */
  readonly keyName: string
  readonly signer: SignerClient
  readonly registers: readonly KeptRegister[]
  /** Says which epochs are over: of those nothing is receipted any more. This is the fence, whether home sees the decree or not. */
  readonly authority: Authority
}

interface Held {
  readonly register: KeptRegister
  readonly epoch: number
  readonly mirror: Mirror
}

export class Mirrors {
  readonly keys: NoteKeys
  readonly #held: ReadonlyMap<string, Held>
  readonly #authority: Authority

  private constructor(keys: NoteKeys, held: ReadonlyMap<string, Held>, authority: Authority) {
    this.keys = keys
    this.#held = held
    this.#authority = authority
  }

  /** @throws {EmbassyError} `store_damaged` where anything that was receipted is not there: then nothing is taken for any register */
  static async open({ directory, instance, keyName, signer, registers, authority }: MirrorsOptions): Promise<Mirrors> {
    const keys = await NoteKeys.newest(signer, 'mirror', keyName)
    const held = new Map<string, Held>()
    try {
      for (const register of registers)
        for (const { epoch, logKeys } of register.epochs) {
          const origin = originOf(instance, register.name, epoch)
          const mirror = await Mirror.open({ directory: join(directory, originHash(origin)), origin, logKeys, keys })
          held.set(origin, { register, epoch, mirror })
        }
      return new Mirrors(keys, held, authority)
    } catch (error) {
      for (const { mirror } of held.values()) await mirror.close()
      throw error
    }
  }

  /** Every mirror, by origin. */
  get all(): readonly Mirror[] {
    return [...this.#held.values()].map(({ mirror }) => mirror)
  }

  /** Heads of a register's logs, one for each epoch. */
  heads(register: string): { readonly origin: string; readonly size: number; readonly root: Uint8Array }[] {
    return [...this.#held.values()]
      .filter((held) => held.register.name === register)
      .map(({ mirror: { origin, tree } }) => ({ origin, size: tree.size, root: tree.root() }))
  }

  /** Whether a client speaks for a register. Throws `foreign`. */
  admit(register: string, client: string): void {
    const kept = [...this.#held.values()].find((held) => held.register.name === register)
    if (kept === undefined || kept.register.client !== client)
      throw new EmbassyError('foreign', `${client} does not speak for ${register}`)
  }

  /** The mirror of an origin, for a client that may send to it. Throws `foreign`. */
  for(origin: string, client: string): Mirror {
    const held = this.#held.get(origin)
    if (held === undefined) throw new EmbassyError('foreign', `${origin} is not kept here`)
    if (held.register.client !== client) throw new EmbassyError('foreign', `${client} does not send for ${origin}`)
    return held.mirror
  }

  /** Takes a batch as it came. @throws {EmbassyError} as `Mirror.take`; {ContinuityError} for what is none */
  async take(origin: string, client: string, bytes: Uint8Array): Promise<Uint8Array> {
    const mirror = this.for(origin, client)
    const batch = parseBatch(bytes)
    this.#fence(origin)
    this.#begun(origin, batch)
    const receipt = await mirror.take(batch)
    // Recorded while the batch was on its way: it is kept, and nobody is told that it counts.
    this.#fence(origin)
    return receipt
  }

  /** The decree that ended an epoch; undefined while it lasts. */
  ended(origin: string): RecordedDecree | undefined {
    const held = this.#held.get(origin)
    const recorded = held && this.#authority.recorded(held.register.name)
    return recorded !== undefined && held !== undefined && recorded.decree.epoch[1] > held.epoch ? recorded : undefined
  }

  /** An epoch after the first begins with the decree that is recorded here; what begins otherwise speaks for nobody. */
  #begun(origin: string, { first, entries: [beginning] }: ReadBatch): void {
    const held = this.#held.get(origin)
    if (held === undefined || held.epoch === 1 || first > 0) return
    const recorded = this.#authority.recorded(held.register.name)
    const same =
      beginning?.parsed.kind === 'decree' && recorded !== undefined && sameDecree(beginning.content, recorded.note)
    if (!same || recorded.decree.epoch[1] !== held.epoch)
      throw new EmbassyError('wrong_decree', `${origin} does not begin with the decree that is recorded here`)
  }

  #fence(origin: string): void {
    const ended = this.ended(origin)
    if (ended === undefined) return
    throw new EmbassyError('epoch_over', `A decree ended ${origin}; epoch ${ended.decree.epoch[1]} is in force`)
  }

  async close(): Promise<void> {
    for (const mirror of this.all) await mirror.close()
  }
}
