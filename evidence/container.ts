// ASiC-E containers in the layout of X-Road (wire-message §8): written while they stream out, read with attachments as digests.
import { type DigestName, digest, encodeBase64, type Hasher, hasher } from '#trust'
import { EvidenceError } from './error.ts'
import { readZip, type ZipLimits } from './zip-reader.ts'
import { writeZip, type ZipEntry } from './zip-writer.ts'

export const ASICE_MIME_TYPE = 'application/vnd.etsi.asic-e+zip'

export interface ContainerInput {
  readonly createdAt: Date
  /** REST head or SOAP message: `message.xml`. */
  readonly message: Uint8Array
  readonly signature: Uint8Array
  readonly chainResult?: Uint8Array
  readonly chain?: Uint8Array
  /** The batch form; a single time-stamp stands inside the signature. */
  readonly timestamp?: { readonly token: Uint8Array; readonly result: Uint8Array; readonly chain: Uint8Array }
  readonly attachments: readonly {
    readonly name: string
    readonly size?: number
    readonly body: () => AsyncIterable<Uint8Array>
  }[]
}

/** The container as it goes out. `mimetype` is stored, first and uncompressed, so that `file` and strict readers know it; the reference deflates it. */
export async function* writeContainer(input: ContainerInput): AsyncGenerator<Uint8Array> {
  const { createdAt: modifiedAt, timestamp } = input
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
  /** Digests of what is too large to keep, by entry name. */
  readonly attachments: ReadonlyMap<string, Readonly<Record<AttachmentDigest, Uint8Array>>>
  /** Names of every entry, for "is it here at all". */
  readonly names: ReadonlySet<string>
}

export const ATTACHMENT_DIGESTS = ['SHA-512', 'SHA-256', 'SHA-384'] as const satisfies readonly DigestName[]
export type AttachmentDigest = (typeof ATTACHMENT_DIGESTS)[number]

/** A message part above this is not kept in memory; it is no message of X-Road. */
const MAX_KEPT = 64 * 1024 * 1024
const KEPT = new Set([
  'mimetype',
  'message.xml',
  'meta-inf/signatures.xml',
  'sig-hashchainresult.xml',
  'sig-hashchain.xml',
  'ts-hashchainresult.xml',
  'ts-hashchain.xml',
  'meta-inf/timestamp.tst',
])

/** Reads in one pass; names are matched without case, as the reference does. Throws EvidenceError `asic_*`. */
export async function readContainer(source: AsyncIterable<Uint8Array>, limits?: ZipLimits): Promise<ReadContainer> {
  const kept = new Map<string, Uint8Array>()
  const attachments = new Map<string, Record<AttachmentDigest, Uint8Array>>()
  const names = new Set<string>()
  for await (const entry of readZip(source, limits)) {
    const folded = entry.name.toLowerCase()
    names.add(entry.name)
    if (KEPT.has(folded)) kept.set(folded, await collect(entry.name, entry.body))
    else if (/^attachment\d+$/.test(folded)) attachments.set(entry.name, await digests(entry.body))
  }
  const mimeType = kept.get('mimetype')
  if (mimeType === undefined) throw new EvidenceError('asic_mime_type_not_found', 'The container has no mimetype')
  if (Buffer.from(mimeType).toString('latin1').toLowerCase() !== ASICE_MIME_TYPE)
    throw new EvidenceError('asic_invalid_mime_type', 'The mimetype of the container is not ASiC-E')
  const message = kept.get('message.xml')
  if (message === undefined) throw new EvidenceError('asic_message_not_found', 'The container has no message')
  const signature = kept.get('meta-inf/signatures.xml')
  if (signature === undefined) throw new EvidenceError('asic_signature_not_found', 'The container has no signature')
  const pair = (result: string, chain: string) => {
    if (kept.has(chain) && !kept.has(result))
      throw new EvidenceError('asic_hash_chain_result_not_found', `The container has ${chain} without ${result}`)
    if (kept.has(result) && !kept.has(chain))
      throw new EvidenceError('asic_hash_chain_not_found', `The container has ${result} without ${chain}`)
    return [kept.get(result), kept.get(chain)] as const
  }
  const [chainResult, chain] = pair('sig-hashchainresult.xml', 'sig-hashchain.xml')
  const [timestampResult, timestampChain] = pair('ts-hashchainresult.xml', 'ts-hashchain.xml')
  return {
    message,
    signature,
    chainResult,
    chain,
    timestampResult,
    timestampChain,
    timestampToken: kept.get('meta-inf/timestamp.tst'),
    attachments,
    names,
  }
}

async function collect(name: string, body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_KEPT) throw new EvidenceError('asic_malformed_zip', `${name} is larger than ${MAX_KEPT} octets`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

async function digests(body: AsyncIterable<Uint8Array>): Promise<Record<AttachmentDigest, Uint8Array>> {
  const states = ATTACHMENT_DIGESTS.map(
    (name) => [name, hasher(name)] as const satisfies readonly [AttachmentDigest, Hasher],
  )
  for await (const chunk of body) for (const [, state] of states) state.update(chunk)
  return Object.fromEntries(states.map(([name, state]) => [name, state.digest()])) as Record<
    AttachmentDigest,
    Uint8Array
  >
}
