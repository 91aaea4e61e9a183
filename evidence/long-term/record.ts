// Evidence records (RFC 4998): archive time-stamps that renew each other, read and written. What one proves is for verify-record.ts to say.
import {
  type Der,
  type DigestName,
  digest,
  digestByOid,
  digestInfo,
  parseTimestampToken,
  readDer,
  type TimestampToken,
  TrustError,
  write,
} from '#trust'
import { LongTermError } from './error.ts'

/** RFC 4998 §4.1. */
export interface ArchiveTimestamp {
  readonly digest: DigestName
  /** Reduced hash tree, the lists in the order in which they are hashed; none where the token is over one hash. */
  readonly tree: readonly HashList[]
  readonly token: TimestampToken
  /** Encoded. */
  readonly der: Uint8Array
}

export type HashList = readonly Uint8Array[]

/** RFC 4998 §5.1: time-stamps of one digest, each over the one before. */
export type Chain = readonly ArchiveTimestamp[]

export interface EvidenceRecord {
  /** Of growing age of their digests: each chain begins with a time-stamp over the data and all chains before it. */
  readonly chains: readonly Chain[]
  readonly der: Uint8Array
}

const MAX_BYTES = 4 << 20
const MAX_CHAINS = 32
const MAX_CHAIN = 64
/** A tree over a billion records has thirty levels. */
const MAX_LISTS = 40
const MAX_HASHES = 10_000
const SEQUENCE = 0x30
const VERSION = 1n

/** Throws LongTermError `malformed_evidence_record`. */
export function readRecord(der: Uint8Array): EvidenceRecord {
  if (der.length > MAX_BYTES) throw malformed(`it has ${der.length} octets`)
  try {
    const [version, digests, ...rest] = readDer(der).parts(SEQUENCE, 3, 5, 'EvidenceRecord')
    if (version?.integer() !== VERSION) throw malformed('its version is not 1')
    // cryptoInfos [0] says what validates the time-stamps, which here is the verifier's choice; encryptionInfo [1] is over ciphertext.
    if (rest.some(({ tag }) => tag === 0xa1)) throw malformed('it is over encrypted data')
    const sequence = rest.at(-1)
    if (digests === undefined || sequence === undefined) throw malformed('it is incomplete')
    const named = digests.parts(SEQUENCE, 1, MAX_CHAINS, 'digestAlgorithms').map(readAlgorithm)
    const chains = sequence.parts(SEQUENCE, 1, MAX_CHAINS, 'archiveTimeStampSequence').map(readChain)
    if (chains.some(([first]) => first !== undefined && !named.includes(first.digest)))
      throw malformed('a digest is used that it does not name')
    return { chains, der }
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw malformed(cause.message, cause)
  }
}

function readChain(chain: Der): Chain {
  const read = chain.parts(SEQUENCE, 1, MAX_CHAIN, 'chain').map(readArchiveTimestamp)
  const [first] = read
  if (read.some(({ digest: own }) => own !== first?.digest)) throw malformed('a chain has time-stamps of two digests')
  return read
}

function readArchiveTimestamp(field: Der): ArchiveTimestamp {
  const parts = field.parts(SEQUENCE, 1, 4, 'ArchiveTimeStamp')
  const content = parts.at(-1)
  if (content === undefined) throw malformed('a time-stamp is missing')
  const token = parseTimestampToken(content.expect(SEQUENCE, 'timeStamp').raw)
  let stated = token.digest
  let tree: readonly HashList[] = []
  let last = 0
  for (const option of parts.slice(0, -1)) {
    if (option.tag <= last) throw malformed('the parts of a time-stamp are out of order')
    last = option.tag
    if (option.tag === 0xa0) stated = readAlgorithm(option)
    else if (option.tag === 0xa2) tree = option.parts(0xa2, 1, MAX_LISTS, 'reducedHashtree').map(readHashes)
    else if (option.tag !== 0xa1) throw malformed(`an ArchiveTimeStamp has tag 0x${option.tag.toString(16)}`)
  }
  if (stated !== token.digest) throw malformed('a time-stamp is made with another digest than its hash tree')
  const { length } = digestInfo(stated)
  if (tree.some((list) => list.some((hash) => hash.length !== length)))
    throw malformed('a hash is not as long as its digest')
  return { digest: stated, tree, token, der: field.raw }
}

/** AlgorithmIdentifier of a digest; [0] replaces its tag. RFC 5754 §2: parameters absent, or NULL. */
function readAlgorithm(identifier: Der): DigestName {
  const [oid, parameters, ...more] = identifier.children()
  if (oid === undefined || more.length > 0 || (parameters !== undefined && parameters.raw.length !== 2))
    throw malformed('a digest algorithm cannot be read')
  const algorithm = digestByOid(oid.oid())
  if (algorithm === undefined || algorithm.use === 'names') throw malformed(`digest ${oid.oid()} is not accepted`)
  return algorithm.name
}

function readHashes(list: Der): HashList {
  return list.parts(SEQUENCE, 1, MAX_HASHES, 'PartialHashtree').map((hash) => hash.octets())
}

/** What a new time-stamp adds: a token over the root of the tree. */
export interface Addition {
  readonly digest: DigestName
  readonly tree: readonly HashList[]
  /** DER. */
  readonly token: Uint8Array
}

/**
 * The record with one more archive time-stamp: in its last chain where that has the same digest, as a new chain where it has not.
 * Without a record, the first one.
 */
export function extendRecord(record: EvidenceRecord | undefined, { digest: name, tree, token }: Addition): Uint8Array {
  const stamp = write.sequence(
    write.tagged(0, true, write.oid(digestInfo(name).oid)),
    ...(tree.length === 0 ? [] : [write.tagged(2, true, Buffer.concat(tree.map(writeHashes)))]),
    token,
  )
  const chains = (record?.chains ?? []).map((chain) => chain.map(({ der }) => der))
  if (nextStep(record, name) === 'time-stamp') chains.at(-1)?.push(stamp)
  else chains.push([stamp])
  const names = new Set([...(record?.chains ?? []).flatMap((chain) => chain.map((one) => one.digest)), name])
  return write.sequence(
    write.integer(VERSION),
    write.sequence(...[...names].map((one) => write.sequence(write.oid(digestInfo(one).oid)))),
    write.sequence(...chains.map((chain) => write.sequence(...chain))),
  )
}

/** RFC 4998 §5.2: a time-stamp of the same digest is over the last one; one of another digest is over data and record anew. */
export function nextStep(record: EvidenceRecord | undefined, name: DigestName): 'first' | 'time-stamp' | 'hash-tree' {
  const last = record?.chains.at(-1)?.[0]
  if (last === undefined) return 'first'
  return last.digest === name ? 'time-stamp' : 'hash-tree'
}

/** What a time-stamp of the same digest renews: the hash of the chain's last token (RFC 4998 §5.2, Time-Stamp Renewal). */
export function lastTokenHash(chain: Chain): Uint8Array {
  const last = chain.at(-1)
  if (last === undefined) throw new TypeError('a chain without time-stamps')
  return digest(last.digest, last.token.der)
}

/** What goes with each file's hash under a new digest: the hash of all older chains (RFC 4998 §5.2, Hash-Tree Renewal). */
export function chainsHash(name: DigestName, chains: readonly Chain[]): Uint8Array {
  return digest(name, writeChains(chains))
}

function writeChains(chains: readonly Chain[]): Uint8Array {
  return write.sequence(...chains.map((chain) => write.sequence(...chain.map(({ der }) => der))))
}

function writeHashes(list: HashList): Uint8Array {
  return write.sequence(...list.map((hash) => write.octets(hash)))
}

function malformed(why: string, cause?: unknown): LongTermError {
  return new LongTermError(
    'malformed_evidence_record',
    `The evidence record is malformed: ${why}`,
    cause === undefined ? {} : { cause },
  )
}
