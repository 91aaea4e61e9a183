// An evidence bundle: a container with what proves more about it than it can carry itself. One ZIP file, read in one pass, so the order is
// part of the format:
//
//   EVIDENCE.txt                      what this is, for people; first, so that everybody knows the kind of file
//   signedconf/<instance>/…           the signed configuration of the time, as the server keeps it: whoever has the anchor verifies it
//   verificationconf/…                the same in the layout that X-Road's asicverifier reads; unsigned, and believed by nobody here
//   <container>.asice.tlog-proof      where the record stands in the server's transparent log
//   <container>.asice                 last: it is judged with all of the above at hand
//
// Nothing of it is believed because it came along: the configuration is verified by the auditor's anchor, the proof by the auditor's keys.
import { EvidenceError } from './error.ts'
import { readZip, type ZipLimits } from './zip-reader.ts'
import { writeZip, type ZipEntry } from './zip-writer.ts'

/** Behind the name of the container. */
export const BUNDLE_SUFFIX = '.evidence.zip'
export const PROOF_SUFFIX = '.tlog-proof'
export const CONTAINER_SUFFIX = '.asice'

const NOTE = 'EVIDENCE.txt'
const SIGNED = 'signedconf/'
const PLAIN = 'verificationconf/'
const MAGIC = 'saadik evidence bundle 1\n'
const TEXT = `${MAGIC}
The container (.asice) is the evidence: one message, its signature and its time-stamp.
The rest proves more about it: the configuration that was in force, and the place of the record in the log of the server that kept it.

  saadik verify --anchor ANCHOR.xml THIS-FILE
  saadik verify --pinned PINNED.yaml THIS-FILE

X-Road's own verifier reads verificationconf/ and the container; it must then believe the configuration that came with the evidence.
`

/** A country's configuration is some megabytes. */
const MAX_CONFIGURATION_BYTES = 64 * 1024 * 1024
const MAX_PROOF_BYTES = 256 * 1024
const LIMITS: ZipLimits = Object.freeze({ maxBytes: 16 * 2 ** 30, maxEntries: 2000 })

/** A file by its path in a folder; the path has no `..` in it. */
export interface BundledFile {
  readonly path: string
  readonly bytes: Uint8Array
}

export interface BundleInput {
  readonly modifiedAt: Date
  /** File name of the container, `….asice`. */
  readonly name: string
  readonly container: () => AsyncIterable<Uint8Array>
  /** C2SP tlog-proof with salt and record as its extra data. */
  readonly proof?: Uint8Array
  /** What lies in `.verified` of the server's configuration folder: `<instance>/directory`, `<instance>/<hash>.part`, … */
  readonly signedConfiguration?: Iterable<BundledFile> | AsyncIterable<BundledFile>
  /** What `GET /verificationconf` gives, without the folder around it. */
  readonly verificationConfiguration?: Iterable<BundledFile> | AsyncIterable<BundledFile>
}

export function writeBundle(input: BundleInput): AsyncGenerator<Uint8Array> {
  return writeZip(entriesOf(input))
}

async function* entriesOf(input: BundleInput): AsyncGenerator<ZipEntry> {
  const { modifiedAt, name, container, proof, signedConfiguration = [], verificationConfiguration = [] } = input
  if (!name.endsWith(CONTAINER_SUFFIX) || name.includes('/')) throw new TypeError(`${name} is no name for a container`)
  yield { name: NOTE, modifiedAt, compress: false, body: Buffer.from(TEXT) }
  for await (const { path, bytes } of signedConfiguration)
    yield { name: SIGNED + path, modifiedAt, compress: true, body: bytes }
  for await (const { path, bytes } of verificationConfiguration)
    yield { name: PLAIN + path, modifiedAt, compress: true, body: bytes }
  if (proof !== undefined) yield { name: name + PROOF_SUFFIX, modifiedAt, compress: true, body: proof }
  // Compressed inside.
  yield { name, modifiedAt, compress: false, body: container }
}

/** What came before the container. */
export interface Bundled {
  /** By path below `signedconf/`; none of it is verified. */
  readonly signedConfiguration: ReadonlyMap<string, Uint8Array>
  readonly proof: Uint8Array | undefined
  /** An unsigned configuration came along. */
  readonly verificationConfiguration: boolean
}

/** Whether a ZIP file that begins with an entry of this name is a bundle. */
export function beginsBundle(firstEntry: string): boolean {
  return firstEntry === NOTE
}

/**
 * Reads a bundle from a stranger in one pass. `judge` is given the container's octets once, and what it gives comes back.
 *
 * @throws EvidenceError `malformed_bundle`, `asic_malformed_zip`; whatever `judge` throws
 */
export async function readBundle<T>(
  source: AsyncIterable<Uint8Array>,
  judge: (name: string, container: AsyncIterable<Uint8Array>, bundled: Bundled) => Promise<T>,
  limits = LIMITS,
): Promise<T> {
  const signedConfiguration = new Map<string, Uint8Array>()
  let proof: { readonly name: string; readonly bytes: Uint8Array } | undefined
  let verificationConfiguration = false
  let judged: { readonly result: T } | undefined
  let budget = MAX_CONFIGURATION_BYTES
  let first = true
  for await (const { name, body } of readZip(source, limits)) {
    if (first !== (name === NOTE)) throw malformed(`${name} stands where ${NOTE} should, or it stands elsewhere`)
    if (judged !== undefined) throw malformed(`${name} stands behind the container`)
    if (first) {
      first = false
      if (!(await collect(name, body, 16 * 1024)).toString('latin1').startsWith(MAGIC))
        throw malformed(`${NOTE} is of another version`)
    } else if (name.endsWith('/')) continue
    else if (name.startsWith(SIGNED)) {
      const bytes = await collect(name, body, budget)
      budget -= bytes.length
      signedConfiguration.set(name.slice(SIGNED.length), bytes)
    } else if (name.startsWith(PLAIN)) verificationConfiguration = true
    else if (name.endsWith(CONTAINER_SUFFIX + PROOF_SUFFIX) && proof === undefined)
      proof = { name, bytes: await collect(name, body, MAX_PROOF_BYTES) }
    else if (name.endsWith(CONTAINER_SUFFIX) && !name.includes('/')) {
      if (proof !== undefined && proof.name !== name + PROOF_SUFFIX)
        throw malformed(`${proof.name} is not the proof of ${name}`)
      const bundled = { signedConfiguration, proof: proof?.bytes, verificationConfiguration }
      judged = { result: await judge(name, body, bundled) }
    } else throw malformed(`${name} has no place in a bundle`)
  }
  if (judged === undefined) throw malformed('there is no container in it')
  return judged.result
}

async function collect(name: string, body: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limit) throw malformed(`${name} is larger than ${limit} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function malformed(why: string): EvidenceError {
  return new EvidenceError('malformed_bundle', `The evidence bundle is malformed: ${why}`)
}
