// xmlsec1 as a second opinion, where it is installed: the signature and all that it is over, laid out in a folder of its own. Only documents
// that our reader accepted are shown to it: without a DOCTYPE, and with references to these files alone.
import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Examined, Opinion } from '#evidence'
import type { OpinionSession, SecondOpinion } from '#verification'

const run = promisify(execFile)
const TIMEOUT_MS = 60_000
const MAX_OUTPUT = 1024 * 1024
const LIMITS = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT, env: { PATH: process.env['PATH'], LC_ALL: 'C' } }

/** Undefined where there is no xmlsec1. */
export async function xmlsec1Opinion(): Promise<SecondOpinion | undefined> {
  try {
    const [{ stdout: version }, { stdout: transforms }] = await Promise.all([
      run('xmlsec1', ['--version'], LIMITS),
      run('xmlsec1', ['--list-transforms'], LIMITS),
    ])
    const by = version.trim().split(' (')[0] ?? 'xmlsec1'
    const known = new Set([...transforms.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name))
    return { open: () => new Session(by, known) }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

class Session implements OpinionSession {
  readonly #by: string
  readonly #known: ReadonlySet<string>
  #folder: Promise<string> | undefined

  constructor(by: string, known: ReadonlySet<string>) {
    this.#by = by
    this.#known = known
  }

  /** An attachment may be larger than memory. Its name is one of `attachment1`, …, as the reader of containers has it. */
  readonly tap = (name: string, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> =>
    kept(body, async () => join(await this.#place(), name))

  async judge({ container, coverage }: Examined): Promise<Opinion> {
    if (container === undefined || coverage === undefined) return this.#nothing('there is no signature to judge')
    const cannot = this.#reasonNot(container.signature)
    if (cannot !== undefined) return this.#nothing(cannot)
    if (container.withheld.length > 0 && coverage.form !== 'batch')
      return this.#nothing('what the signature is over is not in the container')
    const folder = await this.#place()
    const documents = [
      ['message.xml', container.message],
      ['sig-hashchainresult.xml', container.chainResult],
      ['signatures.xml', container.signature],
    ] as const
    for (const [name, bytes] of documents) if (bytes !== undefined) await writeFile(join(folder, name), bytes)
    const outside = coverage.references.map(({ uri }) => uri).filter((uri) => uri.startsWith('/'))
    const maps = outside.flatMap((uri) => [`--url-map:${uri}`, join(folder, uri.slice(1))])
    try {
      await run('xmlsec1', [...ARGUMENTS, ...maps, join(folder, 'signatures.xml')], LIMITS)
      return { by: this.#by, says: 'valid' }
    } catch (error) {
      const { killed, code, stderr = '' } = error as { killed?: boolean; code?: number | string; stderr?: string }
      if (killed || typeof code !== 'number') return this.#nothing(`it gave no answer (${code ?? 'killed'})`)
      return { by: this.#by, says: 'invalid', detail: reasonIn(stderr) }
    }
  }

  async close(): Promise<void> {
    if (this.#folder !== undefined) await rm(await this.#folder, { recursive: true, force: true })
  }

  #place(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), 'saadik-opinion-'))
    return this.#folder
  }

  #nothing(detail: string): Opinion {
    return { by: this.#by, says: 'nothing', detail }
  }

  /** An algorithm that it was not built with is no verdict. */
  #reasonNot(signature: Uint8Array): string | undefined {
    const xml = Buffer.from(signature).toString('utf8')
    const [, uri = ''] = /SignatureMethod\b[^>]*\bAlgorithm="([^"]*)"/.exec(xml) ?? []
    const name = uri.replace(/^.*#/, '').replace(/^(sha\d+)-rsa-MGF1$/, 'rsa-pss-$1')
    return this.#known.has(name) ? undefined : `it does not verify ${name}`
  }
}

/**
 * The certificate is ours to judge; the key is the one that it finds in it. References lead nowhere else: those that our reader found, and
 * these are all, are mapped to files.
 */
const ARGUMENTS = ['--verify', '--insecure', '--enabled-key-data', 'x509', '--id-attr:Id', 'SignedProperties']

async function* kept(body: AsyncIterable<Uint8Array>, path: () => Promise<string>): AsyncGenerator<Uint8Array> {
  const file = createWriteStream(await path())
  const failed = new Promise<never>((_, reject) => file.once('error', reject))
  failed.catch(() => undefined)
  for await (const chunk of body) {
    if (!file.write(chunk)) await Promise.race([new Promise((resolve) => file.once('drain', resolve)), failed])
    yield chunk
  }
  await Promise.race([new Promise<void>((resolve) => file.end(resolve)), failed])
}

/** What it says of the references is what a reader can use; the rest names files that are gone. */
function reasonIn(text: string): string {
  const [, ok = '', all = ''] = /SignedInfo References \(ok\/all\): (\d+)\/(\d+)/.exec(text) ?? []
  if (all === '') return 'it cannot process it'
  return ok === all ? 'the value does not match' : `${ok} of ${all} references match`
}
