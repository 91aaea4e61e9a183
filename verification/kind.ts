// What kind of evidence a file is, by its first octets: nothing but its end could tell an archive from a download, so that is told later.
import { beginsBundle, CONTAINER_SUFFIX, PROOF_SUFFIX } from '#evidence'

/** `package`: containers in a ZIP file, an archive or a download. `encrypted`: OpenPGP or age; what is inside cannot be seen. */
export type FileKind = 'container' | 'package' | 'bundle' | 'proofs' | 'encrypted'

export interface Peeked {
  readonly kind: FileKind
  /** The whole file, from its first octet. */
  readonly source: AsyncIterable<Uint8Array>
}

const LOCAL_HEADER = 'PK\x03\x04'
const HEADER_BYTES = 30
const MAX_NAME_BYTES = 1024
const LOG_PROOF = 'c2sp.org/tlog-proof@'
const AGE = 'age-encryption.org/'
const ARMOURED = ['-----BEGIN PGP MESSAGE-----', '-----BEGIN AGE ENCRYPTED FILE-----']
/** OpenPGP packets (RFC 9580 §4.2) that an encrypted message begins with: a wrapped key (1, 3), or the data itself (9, 18, 20); in both formats. */
const PGP_PACKETS = new Set([1, 3, 9, 18, 20])

/** Looks at the beginning and gives everything back. What is no ZIP file is a container that cannot be read. */
export async function peekKind(source: AsyncIterable<Uint8Array>): Promise<Peeked> {
  const iterator = source[Symbol.asyncIterator]()
  const seen: Uint8Array[] = []
  let size = 0
  while (size < HEADER_BYTES + MAX_NAME_BYTES) {
    const next = await iterator.next()
    if (next.done) break
    seen.push(next.value)
    size += next.value.length
  }
  return { kind: kindOf(Buffer.concat(seen)), source: again(seen, iterator) }
}

async function* again(seen: readonly Uint8Array[], iterator: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* seen
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
  } finally {
    await iterator.return?.()
  }
}

function kindOf(beginning: Buffer): FileKind {
  const text = beginning.toString('latin1')
  if (text.startsWith(AGE) || ARMOURED.some((line) => text.startsWith(line)) || isPgp(beginning)) return 'encrypted'
  if (text.startsWith(LOG_PROOF)) return 'proofs'
  if (!text.startsWith(LOCAL_HEADER) || beginning.length < HEADER_BYTES) return 'container'
  const length = beginning.readUInt16LE(26)
  // How much more was seen than is looked at depends on the pieces in which it came.
  if (length > MAX_NAME_BYTES) return 'container'
  const name = beginning.toString('utf8', HEADER_BYTES, HEADER_BYTES + length)
  if (beginsBundle(name)) return 'bundle'
  if (name.endsWith(PROOF_SUFFIX)) return 'proofs'
  return name.endsWith(CONTAINER_SUFFIX) || name === 'linkinginfo' ? 'package' : 'container'
}

function isPgp(beginning: Buffer): boolean {
  const [first = 0] = beginning
  if ((first & 0x80) === 0) return false
  return PGP_PACKETS.has((first & 0x40) === 0 ? (first >> 2) & 0x0f : first & 0x3f)
}
