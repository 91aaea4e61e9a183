// All registers that an embassy keeps, a mirror for each epoch of each.
import { join } from 'node:path'
import { parseBatch } from '#continuity'
import type { SignerClient } from '#signer'
import { originHash, type VerifierKey } from '#transparency'
import { NoteKeys } from '#transparent-log'
import { EmbassyError } from '../error.ts'
import { originOf } from '../wire.ts'
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
}

interface Held {
  readonly register: KeptRegister
  readonly mirror: Mirror
}

export class Mirrors {
  readonly keys: NoteKeys
  readonly #held: ReadonlyMap<string, Held>

  private constructor(keys: NoteKeys, held: ReadonlyMap<string, Held>) {
    this.keys = keys
    this.#held = held
  }

  /** @throws {EmbassyError} `store_damaged` where anything that was receipted is not there: then nothing is taken for any register */
  static async open({ directory, instance, keyName, signer, registers }: MirrorsOptions): Promise<Mirrors> {
    const keys = await NoteKeys.newest(signer, 'mirror', keyName)
    const held = new Map<string, Held>()
    try {
      for (const register of registers)
        for (const { epoch, logKeys } of register.epochs) {
          const origin = originOf(instance, register.name, epoch)
          const mirror = await Mirror.open({ directory: join(directory, originHash(origin)), origin, logKeys, keys })
          held.set(origin, { register, mirror })
        }
      return new Mirrors(keys, held)
    } catch (error) {
      for (const { mirror } of held.values()) await mirror.close()
      throw error
    }
  }

  /** Every mirror, by origin. */
  get all(): readonly Mirror[] {
    return [...this.#held.values()].map(({ mirror }) => mirror)
  }

  /** The mirror of an origin, for a client that may send to it. Throws `foreign`. */
  for(origin: string, client: string): Mirror {
    const held = this.#held.get(origin)
    if (held === undefined) throw new EmbassyError('foreign', `${origin} is not kept here`)
    if (held.register.client !== client) throw new EmbassyError('foreign', `${client} does not send for ${origin}`)
    return held.mirror
  }

  /** Takes a batch as it came. @throws {EmbassyError} as `Mirror.take`; {ContinuityError} for what is none */
  take(origin: string, client: string, bytes: Uint8Array): Promise<Uint8Array> {
    return this.for(origin, client).take(parseBatch(bytes))
  }

  async close(): Promise<void> {
    for (const mirror of this.all) await mirror.close()
  }
}
