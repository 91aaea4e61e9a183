// What a signature covers: each reference of its SignedInfo against the part, the hash chain or the properties that it names. A plain
// signature covers one part, one by references several, a batch signature a hash chain that covers them (wire-message §5.1, §6.3).
import { type DigestName, digest, equalBytes } from '#trust'
import type { C14nMode } from './c14n.ts'
import { EvidenceError, malformedSignature as malformed } from './error.ts'
import type { Reference, SignatureFacts } from './signature-reader.ts'
import { type MessagePart, SIG_HASH_CHAIN, SIG_HASH_CHAIN_RESULT } from './signature-writer.ts'
import { type AbsentData, type ChainData, type HashChainInput, verifyHashChain } from './verify-hash-chain.ts'

/** One reference to the message; a hash chain; a reference for each part. */
export type SignatureForm = 'plain' | 'batch' | 'references'

export interface Covered {
  /** Every part that must be covered. */
  readonly parts: readonly ChainData[]
  /** Used only when the signature is over a hash chain; chain files beside another signature prove nothing. */
  readonly chainResult?: Uint8Array | undefined
  readonly chain?: Uint8Array | undefined
  /** Whether a hash chain may name data that is not among the parts. */
  readonly mayBeAbsent?: (name: string) => boolean
  /** Parts that are said to be left out: the signature must cover them too, and what it has of them is their digest. */
  readonly withheld?: readonly string[]
}

/** Checks that remain once it is known that the signature speaks of all parts and of nothing else. */
export interface Coverage {
  readonly form: SignatureForm
  /** Undefined without a hash chain. Returns what the chain names and is not at hand. */
  readonly verifyChain: (() => readonly AbsentData[]) | undefined
  /** What the references themselves name and is withheld. */
  readonly withheld: readonly AbsentData[]
  /** In the order of SignedInfo. */
  readonly references: readonly { readonly uri: string; verify(): void }[]
}

/**
 * @param own Canonical octets of the signature's own properties; `proven` when their digest has been compared, once for all messages of it.
 * @throws EvidenceError `malformed_signature` when the references are not those of one of the three forms.
 */
export function coverageOf(
  { references, signedPropertiesId }: SignatureFacts,
  covered: Covered,
  own: ((mode: C14nMode) => Uint8Array) | 'proven',
): Coverage {
  const properties = `#${signedPropertiesId}`
  if (!references.some(({ uri }) => uri === properties)) throw malformed('it does not cover its own signed properties')
  const others = references.filter(({ uri }) => uri !== properties)
  const local = others.find(({ uri }) => uri.startsWith('#'))
  if (local !== undefined) throw malformed(`reference ${local.uri} is not to the signed properties`)
  const [first] = others
  if (first === undefined) throw malformed('it references neither the message nor a hash chain')
  const batch = others.some(({ uri }) => uri === SIG_HASH_CHAIN_RESULT)
  if (batch && others.length > 1) throw malformed('it references a hash chain and something else')
  const { chain, chainResult, parts, withheld = [] } = covered
  if (batch && (chain === undefined || chainResult === undefined))
    throw malformed('it is over a hash chain that did not come with it')
  if (!batch) coverEach(others, [...parts.map(({ name }) => name), ...withheld])
  const left = others.filter(({ uri }) => withheld.includes(uri))
  return {
    form: batch ? 'batch' : others.length > 1 ? 'references' : 'plain',
    verifyChain:
      batch && chain !== undefined && chainResult !== undefined
        ? () => verifyChain({ ...covered, chain, result: chainResult, file: SIG_HASH_CHAIN, inputs: parts }, withheld)
        : undefined,
    withheld: left.map(({ uri, digest: name, value }) => ({ uri, name, value })),
    references: references
      .filter((reference) => !left.includes(reference))
      .map((reference) => ({
        uri: reference.uri,
        verify: () => {
          if (reference.uri === properties) {
            if (own !== 'proven') compare(reference, digest(reference.digest, own(reference.mode)))
          } else if (batch && chainResult !== undefined) compare(reference, digest(reference.digest, chainResult))
          else compare(reference, parts.find(({ name }) => name === reference.uri)?.digest(reference.digest))
        },
      })),
  }
}

function verifyChain(input: HashChainInput, withheld: readonly string[]): readonly AbsentData[] {
  const { absent } = verifyHashChain(input)
  const missing = withheld.filter((name) => !absent.some(({ uri }) => uri === name))
  if (missing.length > 0) throw notCovered(missing)
  return absent
}

function coverEach(references: readonly Reference[], parts: readonly string[]): void {
  const names = new Set(parts)
  for (const { uri } of references)
    if (!names.delete(uri)) throw malformed(`it references ${uri}, which is not part of the message`)
  if (names.size > 0) throw notCovered([...names])
}

function notCovered(names: readonly string[]): EvidenceError {
  return malformed(`it does not cover ${names.join(', ')}`)
}

function compare(reference: Reference, actual: Uint8Array | undefined): void {
  if (actual === undefined || !equalBytes(actual, reference.value))
    throw new EvidenceError('invalid_signature_value', `The digest of ${reference.uri} is not the one that was signed`)
}

/** A part of a message as a judge sees it: SHA-512 is known, others only while the octets are at hand. */
export function partData({ name, digest: sha512, bytes }: MessagePart): ChainData {
  return {
    name,
    digest: (algorithm: DigestName) => {
      if (algorithm === 'SHA-512') return sha512
      return bytes === undefined ? undefined : digest(algorithm, bytes)
    },
  }
}
