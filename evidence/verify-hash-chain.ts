// Hash chains judged: from the result down the steps to the data, every digest computed again (wire-message §5.5).
import { attributeOf, childElements, isElement, readXml, type XmlElement } from '#protocol'
import { type DigestName, decodeBase64, digestByUri, digestInfo, equalBytes } from '#trust'
import { EvidenceError } from './error.ts'
import { type Digest, HASH_CHAIN, nodeHash } from './hash-chain.ts'
import { DSIG } from './signature-reader.ts'

/** A chain through a round of ten thousand has fourteen steps. */
const MAX_STEPS = 64
/** Parts of one message. */
const MAX_VALUES = 1000
const LIMITS = { maxBytes: 4 << 20, maxDepth: 8, maxNodes: 20_000 }

/** Data that a chain must cover. */
export interface ChainData {
  readonly name: string
  /** Its digest by that algorithm; undefined when only another one is known. */
  digest(algorithm: DigestName): Uint8Array | undefined
}

export interface HashChainInput {
  readonly result: Uint8Array
  readonly chain: Uint8Array
  /** Name of the chain document: the only file that references may lead to. */
  readonly file: string
  readonly inputs: readonly ChainData[]
  /** Whether data may be named that is not among the inputs (attachments of a container); by default none may. */
  readonly mayBeAbsent?: (name: string) => boolean
}

/** What is proven of data that is not at hand: its digest. */
export interface AbsentData extends Digest {
  /** What it is called, in the chain or the reference. */
  readonly uri: string
}

/**
 * Verifies a result and its chain against the inputs. Every input must be used. The digest of the data itself is what counts, the one in
 * the chain must be the same.
 *
 * @returns `absent`: data that the chain names and that is not at hand.
 * @throws EvidenceError `malformed_signature.<sub>`
 */
export function verifyHashChain(input: HashChainInput): { readonly absent: readonly AbsentData[] } {
  const result = readRoot(input.result, 'HashChainResult')
  const chain = readRoot(input.chain, 'HashChain')
  const { name, value } = readValue(result, undefined)
  const walk = new Walk(chain, input)
  const { file, step } = stepReference(result)
  if (file !== input.file) throw notAtHand(file)
  if (!equalBytes(nodeHash(name, walk.step(step)), value))
    throw new EvidenceError('malformed_signature.invalid_hash_chain', 'The hash chain does not lead to its result')
  return { absent: walk.finish() }
}

class Walk {
  readonly #steps = new Map<string, XmlElement>()
  readonly #default: DigestName | undefined
  readonly #input: HashChainInput
  readonly #inputs: ReadonlyMap<string, ChainData>
  readonly #unused: Set<string>
  readonly #absent = new Map<string, AbsentData>()
  #visited = 0

  constructor(chain: XmlElement, input: HashChainInput) {
    this.#input = input
    this.#inputs = new Map(input.inputs.map((one) => [one.name, one]))
    this.#unused = new Set(this.#inputs.keys())
    const [first, ...rest] = childElements(chain)
    const hasDefault = first?.local === 'DefaultDigestMethod' && first.namespace === HASH_CHAIN
    this.#default = first !== undefined && hasDefault ? digestMethod(first) : undefined
    const steps = first === undefined || hasDefault ? rest : [first, ...rest]
    if (steps.length > MAX_STEPS) throw malformed(`it has more than ${MAX_STEPS} steps`)
    for (const step of steps) {
      const id = attribute(step, 'id')
      if (step.local !== 'HashStep' || step.namespace !== HASH_CHAIN) throw misplaced(step)
      if (this.#steps.has(id)) throw malformed(`step ${id} stands twice`)
      this.#steps.set(id, step)
    }
  }

  /** The digests of a step's children in document order. */
  step(id: string): Digest[] {
    const step = this.#steps.get(id)
    if (step === undefined) throw malformed(`step ${id} does not exist`)
    // Steps that lead back to themselves end here, and so do those that are walked again and again.
    this.#visited += 1
    if (this.#visited > this.#steps.size) throw malformed(`step ${id} is led to more than once`)
    const children = childElements(step)
    if (children.length === 0 || children.length > MAX_VALUES)
      throw malformed(`step ${id} has ${children.length} values`)
    return children.map((child) => this.#value(child))
  }

  #value(child: XmlElement): Digest {
    if (child.namespace !== HASH_CHAIN) throw misplaced(child)
    switch (child.local) {
      case 'HashValue':
        return readValue(child, this.#default)
      case 'StepRef': {
        const name = readMethod(childElements(child), this.#default)
        const { file, step } = stepReference(child)
        if (file !== '' && file !== this.#input.file) throw notAtHand(file)
        return { name, value: nodeHash(name, this.step(step)) }
      }
      case 'DataRef':
        return this.#data(attribute(child, 'URI'), readValue(child, this.#default))
      default:
        throw misplaced(child)
    }
  }

  #data(uri: string, stated: Digest): Digest {
    const data = this.#inputs.get(uri)
    if (data === undefined) {
      // Named but not received: the evidence would cover data that nobody has.
      if (!this.#input.mayBeAbsent?.(uri)) throw wrongReference(`names ${uri}, which did not come with the message`)
      this.#absent.set(uri, { uri, ...stated })
      return stated
    }
    const actual = data.digest(stated.name)
    if (actual === undefined || !equalBytes(stated.value, actual))
      throw wrongReference(`has a digest of ${uri} that is not that of the data`)
    this.#unused.delete(uri)
    return stated
  }

  finish(): readonly AbsentData[] {
    if (this.#unused.size > 0)
      throw new EvidenceError(
        'malformed_signature.hashchain_unused_inputs',
        `The hash chain does not cover ${[...this.#unused].join(', ')}`,
      )
    return [...this.#absent.values()]
  }
}

function readRoot(bytes: Uint8Array, local: string): XmlElement {
  let root: XmlElement
  try {
    root = readXml(bytes, LIMITS)
  } catch (cause) {
    throw new EvidenceError('malformed_signature.malformed_hash_chain', `The ${local} is not XML`, { cause })
  }
  if (root.namespace !== HASH_CHAIN || root.local !== local) throw misplaced(root)
  return root
}

/** `[file]#step`. */
function stepReference(element: XmlElement): { file: string; step: string } {
  const uri = attribute(element, 'URI')
  const hash = uri.indexOf('#')
  if (hash < 0 || hash === uri.length - 1) throw malformed(`reference ${uri} names no step`)
  return { file: uri.slice(0, hash), step: uri.slice(hash + 1) }
}

/** A digest and the method it is made with: DigestMethod, Transforms without content, DigestValue, the first two optional (hashchain.xsd). */
function readValue(element: XmlElement, fallback: DigestName | undefined): Digest {
  const children = childElements(element)
  const stated = children.pop()
  if (stated?.local !== 'DigestValue' || stated.namespace !== DSIG) throw malformed('a digest value is missing')
  const name = readMethod(children, fallback)
  const [text = '', ...more] = stated.children
  const value = typeof text === 'string' && more.length === 0 ? decodeBase64(text, { whitespace: true }) : undefined
  if (value === undefined || value.length !== digestInfo(name).length)
    throw malformed('a digest value is not the base64 of a digest')
  return { name, value }
}

function readMethod(elements: readonly XmlElement[], fallback: DigestName | undefined): DigestName {
  const left = [...elements]
  const isNext = (local: string) => left[0]?.local === local && left[0].namespace === DSIG
  const method = isNext('DigestMethod') ? left.shift() : undefined
  const transforms = isNext('Transforms') ? left.shift() : undefined
  const [surplus] = left
  if (surplus !== undefined) throw misplaced(surplus)
  if (transforms?.children.some(isElement)) throw malformed('transforms are not used between security servers')
  const name = method === undefined ? fallback : digestMethod(method)
  if (name === undefined) throw malformed('a digest method is missing')
  return name
}

function digestMethod(element: XmlElement): DigestName {
  const uri = attribute(element, 'Algorithm')
  const algorithm = digestByUri(uri)
  // SHA-1 and SHA-224 sign nothing, SHA-3 nothing that servers exchange: docs/policy.md.
  if (algorithm?.use !== 'signatures') throw malformed(`digest ${uri} is not accepted`)
  return algorithm.name
}

function attribute(element: XmlElement, local: string): string {
  const value = attributeOf(element, local)
  if (value === undefined) throw malformed(`element ${element.name} has no ${local}`)
  return value
}

function malformed(why: string): EvidenceError {
  return new EvidenceError('malformed_signature.malformed_hash_chain', `The hash chain is malformed: ${why}`)
}

function misplaced(element: XmlElement): EvidenceError {
  return malformed(`element ${element.name} has no place there`)
}

function notAtHand(file: string): EvidenceError {
  return new EvidenceError('malformed_signature.invalid_reference', `Hash chain file '${file}' is not at hand`)
}

function wrongReference(why: string): EvidenceError {
  return new EvidenceError('malformed_signature.invalid_hash_chain_ref', `The hash chain ${why}`)
}
