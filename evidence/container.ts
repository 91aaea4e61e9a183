// ASiC-E containers in the layout of X-Road (wire-message §8): written while they stream out, read with attachments as digests.
import { type DigestName, digest, encodeBase64, hasher } from '#trust'
import { EvidenceError } from './error.ts'
import { LONG_TERM_ENTRIES } from './long-term/entry-names.ts'
import { readWithheld, WITHHELD_ENTRY, type WithheldPart, writeWithheld } from './withheld.ts'
import { readZip, type ZipLimits } from './zip-reader.ts'
import { writeZip, type ZipEntry } from './zip-writer.ts'

export const ASICE_MIME_TYPE = 'application/vnd.etsi.asic-e+zip'

export interface ContainerInput {
  readonly createdAt: Date
  /** REST head or SOAP message: `message.xml`. Where it is withheld, the reduced form that the log kept. */
  readonly message: Uint8Array
  /** Signed parts that are not in the container. */
  readonly withheld?: readonly WithheldPart[]
  readonly signature: Uint8Array
  readonly chainResult?: Uint8Array
  readonly chain?: Uint8Array
  /** The batch form; a single time-stamp stands inside the signature. */
  readonly timestamp?: { readonly token: Uint8Array; readonly result: Uint8Array; readonly chain: Uint8Array }
  readonly attachments: readonly {
    /** `attachment1`, …; another name is a note that no verifier reads. */
    readonly name: string
    /** Octets, where they are known: Java cannot read streamed entries of unknown size that grow beyond 4 GiB. */
    readonly size?: number
    readonly body: () => AsyncIterable<Uint8Array>
  }[]
}

/** A file in the top folder, whose name needs no escaping in the manifest. */
const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** The container as it goes out. `mimetype` is stored, first and uncompressed, so that `file` and strict readers know it; the reference deflates it. */
export async function* writeContainer(input: ContainerInput): AsyncGenerator<Uint8Array> {
  const { createdAt: modifiedAt, timestamp } = input
  const unsafe = input.attachments.find(({ name }) => !SAFE_NAME.test(name))
  if (unsafe !== undefined) throw new TypeError(`${JSON.stringify(unsafe.name)} is no name for an entry`)
  const entry = (name: string, body: Uint8Array | undefined): ZipEntry[] =>
    body === undefined ? [] : [{ name, modifiedAt, body, compress: true }]
  const listed = [
    ...entry('message.xml', input.message),
    ...entry('META-INF/signatures.xml', input.signature),
    ...entry('sig-hashchainresult.xml', input.chainResult),
    ...entry('sig-hashchain.xml', input.chain),
    ...entry('ts-hashchainresult.xml', timestamp?.result),
    ...entry('ts-hashchain.xml', timestamp?.chain),
  ]
  const attachments: ZipEntry[] = input.attachments.map((attachment) => ({
    ...attachment,
    modifiedAt,
    compress: true,
  }))
  yield* writeZip(
    [
      { name: 'mimetype', modifiedAt, body: Buffer.from(ASICE_MIME_TYPE), compress: false },
      ...listed,
      ...entry('META-INF/manifest.xml', openDocumentManifest([...listed, ...attachments])),
      ...entry('META-INF/ASiCManifest.xml', timestamp === undefined ? undefined : asicManifest(timestamp.result)),
      ...entry('META-INF/timestamp.tst', timestamp?.token),
      ...entry(WITHHELD_ENTRY, input.withheld && writeWithheld(input.withheld)),
      ...attachments,
    ],
    `mimetype=${ASICE_MIME_TYPE}`,
  )
}

/** `<queryId>-<request|response>-<record in base 32>.asice`, the id escaped as a form value and cut (wire-message §8.2). */
export function containerName(queryId: string, direction: 'request' | 'response', seq: number | bigint): string {
  return `${escapeQueryId(queryId)}-${direction}-${seq.toString(32)}.asice`
}

/** Form encoding, at most 226 characters: safe in a file name and in a header. */
export function escapeQueryId(queryId: string): string {
  return new URLSearchParams({ q: queryId }).toString().slice(2, 228)
}

function openDocumentManifest(entries: readonly ZipEntry[]): Uint8Array {
  const files = entries
    .filter((entry) => !entry.name.startsWith('META-INF/'))
    .map(
      (entry) =>
        `<manifest:file-entry manifest:media-type="${entry.name.endsWith('.xml') ? 'text/xml' : 'application/octet-stream'}" manifest:full-path="${entry.name}"/>`,
    )
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2"><manifest:file-entry manifest:media-type="${ASICE_MIME_TYPE}" manifest:full-path="/"/>${files.join('')}</manifest:manifest>`,
  )
}

/** The namespace is X-Road's, one zero short of the signature's (wire-message §8.1). */
function asicManifest(result: Uint8Array): Uint8Array {
  return Buffer.from(
    '<?xml version="1.0" encoding="UTF-8"?>\n<asic:ASiCManifest xmlns:asic="http://uri.etsi.org/2918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><asic:SigReference URI="META-INF/timestamp.tst" MimeType="vnd.etsi.timestamp-token"/>' +
      `<asic:DataObjectReference URI="ts-hashchainresult.xml" MimeType="text/xml"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"/><ds:DigestValue>${encodeBase64(digest('SHA-512', result))}</ds:DigestValue></asic:DataObjectReference></asic:ASiCManifest>`,
  )
}

export interface ReadContainer {
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly chainResult: Uint8Array | undefined
  readonly chain: Uint8Array | undefined
  readonly timestampToken: Uint8Array | undefined
  readonly timestampResult: Uint8Array | undefined
  readonly timestampChain: Uint8Array | undefined
  /** `attachment1`, `attachment2`, …: too large to keep. */
  readonly attachments: ReadonlyMap<string, ReadAttachment>
  /** Signed parts that are not here, as the container says; `message` is then no message that anybody signed. */
  readonly withheld: readonly WithheldPart[]
  /** Names of entries that mean nothing here. */
  readonly others: readonly string[]
  /** Whether it holds what makes it last: that is judged apart (long-term/). */
  readonly lasts: boolean
}

export interface ReadAttachment {
  readonly size: number
  readonly digests: ReadonlyMap<DigestName, Uint8Array>
}

/** Is given the octets of an attachment while they stream by. */
export type AttachmentTap = (name: string, body: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

export interface ReadOptions {
  readonly limits?: ZipLimits
  readonly tap?: AttachmentTap
}

/** What a signature or a hash chain may name an attachment by. */
const ATTACHMENT_DIGESTS = ['SHA-512', 'SHA-256', 'SHA-384'] as const satisfies readonly DigestName[]

/** Entries that are kept in memory, in lower case, and how large they may be. */
const KEPT: ReadonlyMap<string, number> = new Map([
  ['mimetype', 256],
  ['message.xml', 64 << 20],
  ['meta-inf/signatures.xml', 1 << 20],
  ['sig-hashchainresult.xml', 1 << 20],
  ['sig-hashchain.xml', 4 << 20],
  ['ts-hashchainresult.xml', 1 << 20],
  ['ts-hashchain.xml', 4 << 20],
  ['meta-inf/timestamp.tst', 256 << 10],
  [WITHHELD_ENTRY.toLowerCase(), 128 << 10],
])
/** Lists of the other entries, which nothing verifies (wire-message §8.1). */
const MANIFESTS: ReadonlySet<string> = new Set(['meta-inf/manifest.xml', 'meta-inf/asicmanifest.xml'])

/** Reads in one pass; names are matched without case, as the reference does. Throws EvidenceError `asic_*`. */
export async function readContainer(
  source: AsyncIterable<Uint8Array>,
  { limits, tap = (_, body) => body }: ReadOptions = {},
): Promise<ReadContainer> {
  const kept = new Map<string, Uint8Array>()
  const attachments = new Map<string, ReadAttachment>()
  const others: string[] = []
  let lasts = false
  for await (const { name, body } of readZip(source, limits)) {
    const folded = name.toLowerCase()
    const limit = KEPT.get(folded)
    if (limit !== undefined) kept.set(folded, await collect(name, body, limit))
    else if (/^attachment\d+$/.test(folded)) attachments.set(folded, await digested(tap(folded, body)))
    else if (LONG_TERM_ENTRIES.has(folded)) lasts = true
    else if (!MANIFESTS.has(folded) && !name.endsWith('/')) others.push(name)
  }
  const mimeType = kept.get('mimetype')
  if (mimeType === undefined) throw new EvidenceError('asic_mime_type_not_found', 'The container has no mimetype')
  if (Buffer.from(mimeType).toString('latin1').toLowerCase() !== ASICE_MIME_TYPE)
    throw new EvidenceError('asic_invalid_mime_type', 'The mimetype of the container is not ASiC-E')
  const message = kept.get('message.xml')
  if (message === undefined) throw new EvidenceError('asic_message_not_found', 'The container has no message')
  const signature = kept.get('meta-inf/signatures.xml')
  if (signature === undefined) throw new EvidenceError('asic_signature_not_found', 'The container has no signature')
  const [chainResult, chain] = pair(kept, 'sig-hashchainresult.xml', 'sig-hashchain.xml')
  const [timestampResult, timestampChain] = pair(kept, 'ts-hashchainresult.xml', 'ts-hashchain.xml')
  const timestampToken = kept.get('meta-inf/timestamp.tst')
  const list = kept.get(WITHHELD_ENTRY.toLowerCase())
  const withheld = list === undefined ? [] : readWithheld(list)
  const both = withheld.find(({ name }) => attachments.has(name))
  if (both !== undefined)
    throw new EvidenceError('asic_malformed_withheld', `${both.name} is said to be withheld, and is there`)
  return {
    message,
    withheld,
    signature,
    chainResult,
    chain,
    timestampResult,
    timestampChain,
    timestampToken,
    attachments,
    others,
    lasts,
  }
}

type Pair = readonly [result: Uint8Array | undefined, chain: Uint8Array | undefined]

/** Hash chain documents come both or not at all. */
function pair(kept: ReadonlyMap<string, Uint8Array>, result: string, chain: string): Pair {
  if (kept.has(chain) && !kept.has(result))
    throw new EvidenceError('asic_hash_chain_result_not_found', `The container has ${chain} without ${result}`)
  if (kept.has(result) && !kept.has(chain))
    throw new EvidenceError('asic_hash_chain_not_found', `The container has ${result} without ${chain}`)
  return [kept.get(result), kept.get(chain)]
}

async function collect(name: string, body: AsyncIterable<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > limit) throw new EvidenceError('asic_malformed_zip', `${name} is larger than ${limit} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function digested(body: AsyncIterable<Uint8Array>): Promise<ReadAttachment> {
  const states = ATTACHMENT_DIGESTS.map((name) => [name, hasher(name)] as const)
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    for (const [, state] of states) state.update(chunk)
  }
  return { size, digests: new Map(states.map(([name, state]) => [name, state.digest()])) }
}
