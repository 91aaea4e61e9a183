// Hash chains made: one signature or time-stamp over a tree, and for each message the path that leads to it (wire-message §5).
import { escapeAttribute } from '#protocol'
import { type DigestName, digest, digestInfo, encodeBase64, write } from '#trust'
import { DSIG } from './signature-reader.ts'

export const HASH_CHAIN = 'http://cyber.ee/hashchain'

export interface ChainInput {
  /** `/message.xml`, `/attachment1`, `/META-INF/signatures.xml`. */
  readonly name: string
  readonly digest: Uint8Array
}

export interface Digest {
  readonly name: DigestName
  readonly value: Uint8Array
}

/** DigestList (wire-message §5.2): what a node of the tree is the hash of. */
export function nodeHash(name: DigestName, items: readonly Digest[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (const item of items) {
    const { before, after } = singleDigest(item.name)
    parts.push(before, item.value, after)
  }
  return digest(name, write.sequence(...parts))
}

interface SingleDigest {
  readonly before: Uint8Array
  readonly after: Uint8Array
}

const singleDigests = new Map<DigestName, SingleDigest>()

/** SingleDigest around its value: everything else in it is the same for one algorithm. */
function singleDigest(name: DigestName): SingleDigest {
  let known = singleDigests.get(name)
  if (known === undefined) {
    const { length, uri } = digestInfo(name)
    const after = Buffer.concat([write.utf8(uri), write.sequence()])
    const whole = write.sequence(write.octets(Buffer.alloc(length)), after)
    known = { before: whole.subarray(0, whole.length - after.length - length), after }
    singleDigests.set(name, known)
  }
  return known
}

/** A tree over the leaves: the result document that is signed or time-stamped, and a chain document for each leaf. */
export interface HashChains {
  readonly result: Uint8Array
  readonly chains: readonly Uint8Array[]
}

/**
 * Builds the tree of §5.3: n leaves split at the largest power of two below n. A leaf of several parts is a node over them.
 *
 * @param leaves At least two, or one of several parts: a lone part has no chain.
 * @param file name under which the chain documents will stand, `/sig-hashchain.xml` or `/ts-hashchain.xml`.
 */
export function buildHashChains(
  leaves: readonly (readonly ChainInput[])[],
  name: DigestName,
  file: string,
): HashChains {
  const [first] = leaves
  if (first === undefined || leaves.some((parts) => parts.length === 0) || (leaves.length === 1 && first.length === 1))
    throw new TypeError('a hash chain leads over two digests or more')
  const values = leaves.map((parts) => leafValue(parts, name))
  const steps: Step[][] = leaves.map(() => [])
  const top = build(values, 0, values.length, name, steps)
  const chains = leaves.map((parts, index) => chainDocument(parts, steps[index] ?? [], name))
  return { result: resultDocument(top, name, file), chains }
}

/** The other value of a node on the way down to a leaf, in base64, and on which side it stands. */
interface Step {
  readonly side: 'left' | 'right'
  readonly sibling: string
}

function leafValue(parts: readonly ChainInput[], name: DigestName): Uint8Array {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only.digest
  return nodeHash(
    name,
    parts.map((part) => ({ name, value: part.digest })),
  )
}

/** Hash over values[from, to); adds to each leaf's steps the sibling at this node, root last. */
function build(
  values: readonly Uint8Array[],
  from: number,
  to: number,
  name: DigestName,
  steps: readonly Step[][],
): Uint8Array {
  const count = to - from
  if (count === 1) return values[from] ?? new Uint8Array()
  const middle = from + 2 ** (31 - Math.clz32(count - 1))
  const left = build(values, from, middle, name, steps)
  const right = build(values, middle, to, name, steps)
  const onRight: Step = { side: 'right', sibling: encodeBase64(right) }
  const onLeft: Step = { side: 'left', sibling: encodeBase64(left) }
  for (let index = from; index < to; index += 1) steps[index]?.push(index < middle ? onRight : onLeft)
  return nodeHash(name, [
    { name, value: left },
    { name, value: right },
  ])
}

const DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

function resultDocument(top: Uint8Array, name: DigestName, file: string): Uint8Array {
  return Buffer.from(
    `${DECLARATION}<h:HashChainResult xmlns="${DSIG}" xmlns:h="${HASH_CHAIN}" URI="${file}#STEP0">` +
      `<DigestMethod Algorithm="${digestInfo(name).uri}"/><DigestValue>${encodeBase64(top)}</DigestValue></h:HashChainResult>`,
  )
}

/** Steps go from the root down to the leaf; a leaf of several parts is a step of its own (wire-message §5.4). */
function chainDocument(parts: readonly ChainInput[], upward: readonly Step[], name: DigestName): Uint8Array {
  let references = ''
  for (const part of parts)
    references += `<h:DataRef URI="${escapeAttribute(part.name)}"><DigestValue>${encodeBase64(part.digest)}</DigestValue></h:DataRef>`
  let text = ''
  upward.toReversed().forEach(({ side, sibling }, index) => {
    const isLast = index === upward.length - 1
    const own = isLast && parts.length === 1 ? references : `<h:StepRef URI="#STEP${index + 1}"/>`
    const other = `<h:HashValue><DigestValue>${sibling}</DigestValue></h:HashValue>`
    text += `<h:HashStep id="STEP${index}">${side === 'left' ? other + own : own + other}</h:HashStep>`
  })
  if (parts.length > 1) text += `<h:HashStep id="STEP${upward.length}">${references}</h:HashStep>`
  return Buffer.from(
    `${DECLARATION}<h:HashChain xmlns="${DSIG}" xmlns:h="${HASH_CHAIN}"><h:DefaultDigestMethod Algorithm="${digestInfo(name).uri}"/>${text}</h:HashChain>`,
  )
}
