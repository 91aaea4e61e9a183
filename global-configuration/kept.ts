// The last good copy, with what proves it: signed directories and their parts, by hash. Read at a start and verified again, so
// that whoever can write here can stop traffic but make nobody believe anything (ARCHITECTURE.md).
//
//   .verified/<instance>/<sha-256 of a part>.part     written first, never changed: a crash here leaves a file that nothing names
//   .verified/<instance>/vouchers/<n>.…               earlier directories with their shared parameters, see below
//   .verified/<instance>/directory                    replaced last, atomically: from here on the new generation is the copy
//
// A central server that rotates its key lists the new one in the shared parameters before it signs with it. A server that has an
// old anchor believes the new key because of that earlier generation, and so must its next start: that generation is kept as
// a voucher. Vouchers are believed whatever their age, for reading this copy only, never for a download.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ifThere, sweepTemporary, writeFileDurable } from '#host'
import {
  type Anchor,
  believedKeys,
  type InstanceConfiguration,
  instanceFolder,
  isPart,
  partsToTake,
  readInstance,
  type Scope,
  type SignedDirectory,
  type VerifiedPart,
  type Voucher,
  verifySignedDirectory,
} from '#protocol'
import { digest } from '#trust'

/** Expiry is judged where the configuration is used. */
const WHENEVER = new Date(0)
/** A key is rotated once a year, not once a minute. */
const MAX_VOUCHERS = 100

/** The kept copy of one instance. */
export class KeptCopy {
  readonly #folder: string
  readonly #instance: string
  readonly #scope: Scope
  /** The generations that vouch for keys, oldest first. */
  #vouchers: readonly Voucher[] = []

  constructor(directory: string, instance: string, scope: Scope) {
    this.#folder = join(keptFolder(directory), instanceFolder(instance))
    this.#instance = instance
    this.#scope = scope
  }

  /**
   * Reads and verifies the copy; undefined where there is none.
   * @throws ProtocolError, or the system's error: the copy is damaged or was not signed by whom the anchor names
   */
  async read(anchor: Anchor): Promise<InstanceConfiguration | undefined> {
    const signed = await ifThere(readFile(join(this.#folder, 'directory')))
    if (signed === undefined) return undefined
    this.#vouchers = await this.#readVouchers()
    const directory = verifySignedDirectory(signed, believedKeys(anchor, this.#vouchers), WHENEVER)
    return readInstance(signed, directory, await this.#readParts(directory), this.#instance)
  }

  /**
   * Makes `next` the copy; durable when it resolves.
   * @param previous the generation before it, which vouches for the key of `next` when the anchor does not
   */
  async write(next: InstanceConfiguration, previous: InstanceConfiguration | undefined, anchor: Anchor): Promise<void> {
    await mkdir(this.#folder, { recursive: true })
    await sweepTemporary(this.#folder)
    const known = new Set(await readdir(this.#folder))
    for (const { bytes } of next.parts) {
      const name = partName(bytes)
      if (!known.has(name)) await writeFileDurable(join(this.#folder, name), bytes)
    }
    await this.#vouch(next.directory, previous, anchor)
    await writeFileDurable(join(this.#folder, 'directory'), next.signed)
    await this.#sweep(next, known)
  }

  async #readParts(directory: SignedDirectory): Promise<readonly VerifiedPart[]> {
    const files = (await readdir(this.#folder)).filter((name) => name.endsWith('.part'))
    const stored = await Promise.all(files.map((name) => readFile(join(this.#folder, name))))
    return partsToTake(directory, this.#instance, this.#scope).map(({ part, file }) => {
      const bytes = stored.find((candidate) => isPart(part, candidate))
      if (bytes === undefined) throw new Error(`the copy of ${this.#instance} has lost its ${file}`)
      return { part, file, bytes }
    })
  }

  async #readVouchers(): Promise<readonly Voucher[]> {
    const vouchers: Voucher[] = []
    for (let number = 1; number <= MAX_VOUCHERS; number++) {
      const signed = await ifThere(readFile(this.#voucherFile(number, 'directory')))
      const shared = await ifThere(readFile(this.#voucherFile(number, 'shared-params.xml')))
      if (signed === undefined || shared === undefined) break
      vouchers.push({ signed, shared })
    }
    return vouchers
  }

  async #vouch({ certificate }: SignedDirectory, previous: InstanceConfiguration | undefined, anchor: Anchor) {
    const named = anchor.sources.flatMap(({ certificates }) => certificates)
    if (named.some(({ sha256 }) => sha256 === certificate.sha256)) {
      if (this.#vouchers.length > 0) await rm(join(this.#folder, 'vouchers'), { recursive: true, force: true })
      this.#vouchers = []
      return
    }
    const shared = previous?.parts.find(({ part }) => part.contentIdentifier === 'SHARED-PARAMETERS')?.bytes
    if (previous === undefined || shared === undefined) return
    if (previous.directory.certificate.sha256 === certificate.sha256 || this.#vouchers.length === MAX_VOUCHERS) return
    const number = this.#vouchers.length + 1
    await mkdir(join(this.#folder, 'vouchers'), { recursive: true })
    await writeFileDurable(this.#voucherFile(number, 'shared-params.xml'), shared)
    await writeFileDurable(this.#voucherFile(number, 'directory'), previous.signed)
    this.#vouchers = [...this.#vouchers, { signed: previous.signed, shared }]
  }

  /** Removes parts that the copy does not name. */
  async #sweep(next: InstanceConfiguration, names: ReadonlySet<string>): Promise<void> {
    const named = new Set(next.parts.map(({ bytes }) => partName(bytes)))
    const stale = [...names].filter((name) => name.endsWith('.part') && !named.has(name))
    for (const name of stale) await rm(join(this.#folder, name), { force: true })
  }

  #voucherFile(number: number, suffix: string): string {
    return join(this.#folder, 'vouchers', `${number}.${suffix}`)
  }
}

/** Folder names of X-Road's instances cannot begin with a dot here. */
export function keptFolder(directory: string): string {
  return join(directory, '.verified')
}

function partName(bytes: Uint8Array): string {
  return `${Buffer.from(digest('SHA-256', bytes)).toString('hex')}.part`
}
