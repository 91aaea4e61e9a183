// Hash chains: one signature or time-stamp over a tree, and for each message the path that leads to it (wire-message §5).
import { childElements, isElement, readXml, type XmlElement } from '#protocol'
import { type DigestName, decodeBase64, digest, digestByUri, digestInfo, encodeBase64, equalBytes, write } from '#trust'
import { EvidenceError } from './error.ts'

const HASH_CHAIN = 'http://cyber.ee/hashchain'
const DSIG = 'http://www.w3.org/2000/09/xmldsig#'
/** A chain through a round of ten thousand has fourteen steps. */
const MAX_STEPS = 64
const MAX_CHILDREN = 1000

export interface ChainInput {
  /** `/message.xml`, `/attachment1`, `/META-INF/signatures.xml`. */
  readonly name: string
  readonly digest: Uint8Array
}

/** Data that a chain must cover. */
export interface ChainData {
  readonly name: string
  /** Its digest by that algorithm; undefined when only another one is known. */
  digest(algorithm: DigestName): Uint8Array | undefined
}

interface Digest {
  readonly name: DigestName
  readonly value: Uint8Array
}

/** DigestList (wire-message §5.2): what a node of the tree is the hash of. */
export function nodeHash(name: DigestName, items: readonly Digest[]): Uint8Array {
  const list = items.map((item) =>
    write.sequence(write.octets(item.value), write.utf8(digestInfo(item.name).uri), write.sequence()),
  )
  return digest(name, write.sequence(...list))
}

/** A tree over the leaves: the result document that is signed, and a chain document for each leaf. */
export interface HashChains {
  readonly result: Uint8Array
  readonly chains: readonly Uint8Array[]
}

/**
 * Builds the tree of §5.3: n leaves split at the largest power of two below n. A leaf of several parts is a node over them.
 * @param file name under which the chain documents will stand, `/sig-hashchain.xml` or `/ts-hashchain.xml`.
 */
export function buildHashChains(
  leaves: readonly (readonly ChainInput[])[],
  name: DigestName,
  file: string,
): HashChains {
  const values = leaves.map((parts) => leafValue(parts, name))
  const steps: Step[][] = leaves.map(() => [])
  const top = build(values, 0, values.length, name, steps)
  const chains = leaves.map((parts, index) => chainDocument(parts, steps[index] ?? [], name))
  return { result: resultDocument(top, name, file), chains }
}

type Step = { readonly left: Uint8Array } | { readonly right: Uint8Array }

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
  if (to - from === 1) return values[from] ?? new Uint8Array()
  const middle = from + 2 ** Math.ceil(Math.log2(to - from) - 1)
  const left = build(values, from, middle, name, steps)
  const right = build(values, middle, to, name, steps)
  for (let index = from; index < middle; index += 1) steps[index]?.push({ right })
  for (let index = middle; index < to; index += 1) steps[index]?.push({ left })
  return nodeHash(name, [
    { name, value: left },
    { name, value: right },
  ])
}

function resultDocument(top: Uint8Array, name: DigestName, file: string): Uint8Array {
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<h:HashChainResult xmlns="${DSIG}" xmlns:h="${HASH_CHAIN}" URI="${file}#STEP0">` +
      `<DigestMethod Algorithm="${digestInfo(name).uri}"/><DigestValue>${encodeBase64(top)}</DigestValue></h:HashChainResult>`,
  )
}

/** Steps go from the root down to the leaf (wire-message §5.4). */
function chainDocument(parts: readonly ChainInput[], steps: readonly Step[], name: DigestName): Uint8Array {
  const references = parts.map(
    (part) => `<h:DataRef URI="${part.name}"><DigestValue>${encodeBase64(part.digest)}</DigestValue></h:DataRef>`,
  )
  const single = references.length === 1
  let text = ''
  const downward = [...steps].reverse()
  downward.forEach((step, index) => {
    const own = single && index === downward.length - 1 ? references.join('') : `<h:StepRef URI="#STEP${index + 1}"/>`
    const sibling = `<h:HashValue><DigestValue>${encodeBase64('left' in step ? step.left : step.right)}</DigestValue></h:HashValue>`
    text += `<h:HashStep id="STEP${index}">${'left' in step ? sibling + own : own + sibling}</h:HashStep>`
  })
  if (!single || downward.length === 0)
    text += `<h:HashStep id="STEP${downward.length}">${references.join('')}</h:HashStep>`
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<h:HashChain xmlns="${DSIG}" xmlns:h="${HASH_CHAIN}"><h:DefaultDigestMethod Algorithm="${digestInfo(name).uri}"/>${text}</h:HashChain>`,
  )
}

/**
 * Verifies a result and its chain against the inputs (wire-message §5.5). Every input must be used; an input's own digest is what counts, the one in the chain is compared.
 * @throws EvidenceError `malformed_signature.<sub>`
 */
export function verifyHashChain(input: {
  readonly result: Uint8Array
  readonly chain: Uint8Array
  readonly inputs: readonly ChainData[]
  /** Names of data that is known not to be at hand (attachments of a container); default none. */
  readonly absent?: (name: string) => boolean
}): void {
  const result = readRoot(input.result, 'HashChainResult')
  const chain = readRoot(input.chain, 'HashChain')
  const uri = attribute(result, 'URI')
  const [file = '', fragment] = uri.split('#')
  if (fragment === undefined || fragment === '') throw malformed('the result names no step')
  const resultDigest = method(result, undefined)
  const verifier = new ChainVerifier(chain, file, input)
  const top = nodeHash(resultDigest, verifier.step(fragment))
  if (!equalBytes(top, digestValue(result)))
    throw new EvidenceError('malformed_signature.invalid_hash_chain', 'The hash chain does not lead to its result')
  verifier.finish()
}

class ChainVerifier {
  readonly #steps = new Map<string, XmlElement>()
  readonly #default: DigestName
  readonly #file: string
  readonly #input: Parameters<typeof verifyHashChain>[0]
  readonly #inputs: ReadonlyMap<string, ChainData>
  readonly #used = new Set<string>()
  readonly #open = new Set<string>()
  #visited = 0

  constructor(chain: XmlElement, file: string, input: Parameters<typeof verifyHashChain>[0]) {
    this.#input = input
    this.#file = file
    this.#inputs = new Map(input.inputs.map((one) => [one.name, one]))
    const [method] = childElements(chain, HASH_CHAIN, 'DefaultDigestMethod')
    if (method === undefined) throw malformed('it has no default digest method')
    this.#default = digestOf(method)
    for (const step of childElements(chain, HASH_CHAIN, 'HashStep')) {
      const id = attribute(step, 'id')
      if (this.#steps.has(id)) throw malformed(`step ${id} stands twice`)
      this.#steps.set(id, step)
    }
    if (this.#steps.size > MAX_STEPS) throw malformed(`it has more than ${MAX_STEPS} steps`)
  }

  /** The digests of a step's children in document order. Cycles end here. */
  step(id: string): Digest[] {
    const step = this.#steps.get(id)
    if (step === undefined) throw malformed(`step ${id} does not exist`)
    this.#visited += 1
    if (this.#open.has(id) || this.#visited > MAX_STEPS) throw malformed(`step ${id} leads back to itself`)
    this.#open.add(id)
    const children = childElements(step)
    if (children.length === 0 || children.length > MAX_CHILDREN)
      throw malformed(`step ${id} has ${children.length} values`)
    const values = children.map((child) => this.#value(child))
    this.#open.delete(id)
    return values
  }

  #value(child: XmlElement): Digest {
    const name = method(child, this.#default)
    if (child.namespace !== HASH_CHAIN) throw malformed(`element ${child.name} has no place in a step`)
    switch (child.local) {
      case 'HashValue':
        return { name, value: digestValue(child, name) }
      case 'StepRef': {
        const [file = '', id] = attribute(child, 'URI').split('#')
        if (id === undefined) throw malformed('a step reference names no step')
        if (file !== '' && file !== this.#file)
          throw new EvidenceError('malformed_signature.invalid_reference', `Hash chain file ${file} is not at hand`)
        return { name, value: nodeHash(name, this.step(id)) }
      }
      case 'DataRef':
        return { name, value: this.#data(attribute(child, 'URI'), child, name) }
      default:
        throw malformed(`element ${child.name} has no place in a step`)
    }
  }

  #data(uri: string, reference: XmlElement, name: DigestName): Uint8Array {
    const stated = digestValue(reference, name)
    const own = this.#inputs.get(uri)
    if (own !== undefined) {
      const actual = own.digest(name)
      if (actual === undefined || !equalBytes(stated, actual))
        throw new EvidenceError(
          'malformed_signature.invalid_hash_chain_ref',
          `The digest of ${uri} in the hash chain is not that of the data`,
        )
      this.#used.add(uri)
      return actual
    }
    if (this.#input.absent?.(uri)) return stated
    // Named but not received: the evidence would cover data that nobody has.
    throw new EvidenceError(
      'malformed_signature.invalid_hash_chain_ref',
      `The hash chain names ${uri}, which did not come with the message`,
    )
  }

  finish(): void {
    const unused = [...this.#inputs.keys()].filter((name) => !this.#used.has(name))
    if (unused.length > 0)
      throw new EvidenceError(
        'malformed_signature.hashchain_unused_inputs',
        `The hash chain does not cover ${unused.join(', ')}`,
      )
  }
}

function readRoot(bytes: Uint8Array, local: string): XmlElement {
  let root: XmlElement
  try {
    root = readXml(bytes, { maxBytes: 4 << 20, maxDepth: 8, maxNodes: 20_000 })
  } catch (cause) {
    throw new EvidenceError('malformed_signature.malformed_hash_chain', `The ${local} is not XML`, { cause })
  }
  if (root.namespace !== HASH_CHAIN || root.local !== local) throw malformed(`its root is ${root.name}`)
  return root
}

function digestOf(element: XmlElement): DigestName {
  const uri = attribute(element, 'Algorithm')
  const algorithm = digestByUri(uri)
  if (algorithm === undefined || algorithm.name === 'SHA-1') throw malformed(`digest ${uri} is not accepted`)
  return algorithm.name
}

function method(element: XmlElement, fallback: DigestName | undefined): DigestName {
  if (childElements(element, DSIG, 'Transforms').some((transforms) => childElements(transforms).length > 0))
    throw malformed('transforms are not used between security servers')
  const [stated] = childElements(element, DSIG, 'DigestMethod')
  if (stated !== undefined) return digestOf(stated)
  if (fallback === undefined) throw malformed('a digest method is missing')
  return fallback
}

function digestValue(element: XmlElement, name?: DigestName): Uint8Array {
  const [stated] = childElements(element, DSIG, 'DigestValue')
  const text = stated?.children.filter((node) => typeof node === 'string').join('') ?? ''
  const bytes =
    stated === undefined || stated.children.some(isElement) ? undefined : decodeBase64(text, { whitespace: true })
  if (bytes === undefined) throw malformed('a digest value is missing or not base64')
  if (name !== undefined && digestInfo(name).length !== bytes.length)
    throw malformed('a digest value is not as long as its digest')
  return bytes
}

function attribute(element: XmlElement, local: string): string {
  const found = element.attributes.find((one) => one.local === local && one.namespace === '')
  if (found === undefined) throw malformed(`element ${element.name} has no ${local}`)
  return found.value
}

function malformed(why: string): EvidenceError {
  return new EvidenceError('malformed_signature.malformed_hash_chain', `The hash chain is malformed: ${why}`)
}
