// Checkpoints that were time-stamped and are kept: what the log said of itself, and by when, also when its key is worth nothing any more.
//
//   timestamped/<leaves>-<time>.checkpoint   the note, as it was time-stamped
//   timestamped/<leaves>-<time>.tst          the time-stamp token over it (DER; SHA-512)
//
// The token is written first: a crash between leaves one that nobody looks for.
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sweepTemporary, writeFileDurable } from '#host'

const NAME = /^(\d{16})-(\d{8}T\d{6}Z)\.checkpoint$/

export interface KeptCheckpoint {
  readonly size: number
  /** Time in the time-stamp. */
  readonly at: Date
  readonly note: Uint8Array
  readonly token: Uint8Array
}

interface Kept {
  readonly size: number
  readonly at: Date
  /** Without the ending. */
  readonly path: string
}

export class KeptCheckpoints {
  readonly #folder: string
  /** Ascending by size. */
  readonly #kept: Kept[]

  private constructor(folder: string, kept: Kept[]) {
    this.#folder = folder
    this.#kept = kept
  }

  static async open(directory: string): Promise<KeptCheckpoints> {
    const folder = join(directory, 'timestamped')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await sweepTemporary(folder)
    const kept = (await readdir(folder)).sort().flatMap((name) => {
      const [, size, time = ''] = NAME.exec(name) ?? []
      if (size === undefined) return []
      const iso = time.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z')
      return [{ size: Number(size), at: new Date(iso), path: join(folder, name.slice(0, -'.checkpoint'.length)) }]
    })
    return new KeptCheckpoints(folder, kept)
  }

  /** The newest; undefined before the first. */
  get last(): { readonly size: number; readonly at: Date } | undefined {
    return this.#kept.at(-1)
  }

  /** Sizes of all, ascending. */
  get sizes(): readonly number[] {
    return this.#kept.map(({ size }) => size)
  }

  /** Durable when it resolves. */
  async add({ size, at, note, token }: KeptCheckpoint): Promise<void> {
    const time = at.toISOString().replace(/[-:]|\.\d+/g, '')
    const path = join(this.#folder, `${String(size).padStart(16, '0')}-${time}`)
    await writeFileDurable(`${path}.tst`, token, 0o600)
    await writeFileDurable(`${path}.checkpoint`, note, 0o600)
    this.#kept.push({ size, at, path })
  }

  /** One of them, or the newest. */
  async read(size = this.#kept.at(-1)?.size): Promise<KeptCheckpoint | undefined> {
    const found = this.#kept.findLast((one) => one.size === size)
    if (found === undefined) return undefined
    const [note, token] = await Promise.all([readFile(`${found.path}.checkpoint`), readFile(`${found.path}.tst`)])
    return { size: found.size, at: found.at, note, token }
  }
}
