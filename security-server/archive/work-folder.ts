// Where files are made before they go to their destination. What lies here under its own name is in the ledger, or was about to be.
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { passedOn, syncFolder } from '#host'
import { hasher } from '#trust'
import type { StoredFile } from './ledger.ts'

export class WorkFolder {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Removes all but what the ledger still waits for: what a crash was just making. */
  async sweep(waiting: ReadonlySet<string>): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    for (const name of await readdir(this.#directory))
      if (!waiting.has(name)) await rm(join(this.#directory, name), { recursive: true })
  }

  /**
   * Writes a file that has no name yet; durable but for that when it resolves. A crash, or a full disk, leaves a part of it that the
   * next sweep or the next draft removes.
   */
  async draft(name: 'archive' | 'proofs', bytes: AsyncIterable<Uint8Array>): Promise<Omit<StoredFile, 'name'>> {
    const path = this.#draft(name)
    const file = await open(path, 'w', 0o600)
    const state = hasher('SHA-256')
    let size = 0
    try {
      for await (const chunk of bytes) {
        state.update(chunk)
        size += chunk.length
        passedOn(chunk.length)
        await file.writeFile(chunk)
      }
      await file.sync()
    } catch (error) {
      await file.truncate(0).catch(() => undefined)
      throw error
    } finally {
      await file.close()
    }
    return { bytes: size, sha256: Buffer.from(state.digest()).toString('hex') }
  }

  /** Gives drafts their names, durably. A crash between leaves named files that no ledger knows: the next sweep removes them. */
  async name(drafts: readonly { readonly draft: 'archive' | 'proofs'; readonly name: string }[]): Promise<void> {
    for (const { draft, name } of drafts) await rename(this.#draft(draft), this.path(name))
    await syncFolder(this.#directory)
  }

  path(name: string): string {
    return join(this.#directory, name)
  }

  async has(names: readonly string[]): Promise<boolean> {
    const there = new Set(await readdir(this.#directory))
    return names.every((name) => there.has(name))
  }

  /** What a crash leaves of it, the next sweep removes. */
  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await rm(this.path(name), { force: true })
  }

  #draft(name: string): string {
    return join(this.#directory, `${name}.draft`)
  }
}
