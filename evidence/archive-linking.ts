// `linkinginfo`, the last entry of an archive (wire-message §8.3): the hash chain over its containers, from where the archive before it
// ended. d_i = H(d_(i-1) ‖ H(container_i)), over lower-case hex; before the first archive of a group there is the empty text.
import { type DigestName, digest } from '#trust'

/** Hashes that a chain may have, strongest first. */
export const ARCHIVE_HASHES = ['SHA-512', 'SHA-384', 'SHA-256'] as const satisfies readonly DigestName[]
export type ArchiveHash = (typeof ARCHIVE_HASHES)[number]

/** Where an archive ended: what the next one of its group begins with. */
export interface ArchiveEnd {
  /** Lower-case hex. */
  readonly digest: string
  /** File name, endings and all. */
  readonly file: string
}

export interface LinkingInfo {
  readonly hash: ArchiveHash
  /** Absent in the first archive of a group. */
  readonly previous?: ArchiveEnd
  /** In their order: each container and the digest of the chain behind it. */
  readonly containers: readonly { readonly digest: string; readonly name: string }[]
}

export const LINKING_INFO = 'linkinginfo'
/** More would not fit the memory of a verifier; archives of ours end before. */
export const MAX_CONTAINERS = 100_000
const MAX_LINE = 1024
/** Of a linking info. */
export const MAX_LINKING_BYTES = 64 * 1024 * 1024

const CONTAINER_NAME = /^[A-Za-z0-9*._+%-]{1,250}\.asice$/
const HEX_LENGTHS: ReadonlyMap<string, number> = new Map(
  ARCHIVE_HASHES.map((hash) => [hash, digest(hash, new Uint8Array()).length * 2]),
)

/** The digest of the chain behind a container. */
export function nextDigest(hash: ArchiveHash, before: string, container: Uint8Array): string {
  return hex(digest(hash, Buffer.from(before + hex(container), 'latin1')))
}

export function writeLinkingInfo({ hash, previous, containers }: LinkingInfo): Uint8Array {
  const first = `${previous?.digest ?? '-'} ${previous?.file ?? '-'} ${hash}\n`
  return Buffer.from(first + containers.map(({ digest, name }) => `${digest} ${name}\n`).join(''))
}

/** Reads one from a stranger. What is wrong with it comes back in words. */
export function readLinkingInfo(bytes: Uint8Array): LinkingInfo | string {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return 'it is not UTF-8'
  }
  if (!text.endsWith('\n')) return 'its last line has no end'
  const [first = '', ...lines] = text.slice(0, -1).split('\n')
  const head = readHead(first)
  if (typeof head === 'string') return head
  if (lines.length > MAX_CONTAINERS) return `it has more than ${MAX_CONTAINERS} lines`
  const containers: { digest: string; name: string }[] = []
  const names = new Set<string>()
  for (const [index, line] of lines.entries()) {
    const [digest = '', name = '', ...more] = line.split(' ')
    if (more.length > 0 || !isDigest(digest, head.hash) || !CONTAINER_NAME.test(name))
      return `line ${index + 2} is not a ${head.hash} digest and the name of a container: ${JSON.stringify(line.slice(0, MAX_LINE))}`
    if (names.has(name)) return `${name} stands in it twice`
    names.add(name)
    containers.push({ digest, name })
  }
  return { ...head, containers }
}

/** `<previous digest or -> <previous archive or -> <hash>`; the name of the archive may have spaces in it. */
function readHead(line: string): Pick<LinkingInfo, 'hash' | 'previous'> | string {
  const wrong = `its first line is not "<previous digest> <previous archive> <hash>": ${JSON.stringify(line.slice(0, MAX_LINE))}`
  const [, digest = '', file = '', name = ''] = /^(\S+) ([^\p{Cc}/\\]+) (\S+)$/u.exec(line) ?? []
  const hash = ARCHIVE_HASHES.find((known) => known === name)
  if (line.length > MAX_LINE || hash === undefined) return wrong
  if (digest === '-' && file === '-') return { hash }
  // Another hash may have been configured before.
  const known = ARCHIVE_HASHES.some((one) => isDigest(digest, one))
  return known && file !== '-' ? { hash, previous: { digest, file } } : wrong
}

function isDigest(text: string, hash: ArchiveHash): boolean {
  return text.length === HEX_LENGTHS.get(hash) && /^[0-9a-f]+$/.test(text)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
