// Signatures of one signer differ in a few texts only: the digests, the value, the time. The rest — certificate, policy, OCSP answers, and
// the mark-up — comes again octet by octet, so a signature that was read and verified in full serves as a mould for reading the next.
//
// Why a cast is what a full reading gives. A mould has holes, each inside one text. A document fits when it has the length of the mould, is
// equal to it outside the holes, and has canonical base64, or a time, inside. No character of these is mark-up or white space, so XML
// gives the same tree with other texts, and Canonical XML the same octets with other texts in them. That each hole lies in the text
// that it is taken for, and nowhere else, is not assumed but tried: when a mould is made, a document with other texts in all holes is
// read in full, and must give exactly what the mould makes of it. A document that fits no mould is read in full. Nothing is verified
// here and nothing less is verified for it: a cast has values and octets of its own, and every check is made on them.
import { decodeBase64 } from '#trust'
import { type ReadSignature, type Reference, readTime, type SignatureFacts } from './signature-reader.ts'

/** Where the octets of a text that varies stand, `[from, to)`. */
export interface Hole {
  readonly from: number
  readonly to: number
}

/** A canonical form with the same holes; `at`: where each stands in it. */
export interface Form {
  readonly octets: Buffer
  readonly holes: readonly (Hole & { readonly at: number })[]
}

export interface Holes {
  /** Of each reference; a value that is broken into lines has several. */
  readonly digests: readonly (readonly Hole[])[]
  readonly value: readonly Hole[]
  readonly time: Hole
}

export class Mould {
  readonly #xml: Buffer
  readonly #facts: SignatureFacts
  readonly #holes: Holes
  readonly #inOrder: readonly Hole[]
  readonly #signedInfo: Form
  readonly #signedProperties: Form

  constructor(xml: Buffer, facts: SignatureFacts, holes: Holes, signedInfo: Form, signedProperties: Form) {
    this.#xml = xml
    this.#facts = facts
    this.#holes = holes
    this.#inOrder = [...holes.digests.flat(), ...holes.value, holes.time].sort((a, b) => a.from - b.from)
    this.#signedInfo = signedInfo
    this.#signedProperties = signedProperties
  }

  /** Undefined when the document does not fit. */
  cast(xml: Buffer): ReadSignature | undefined {
    if (!this.#fits(xml)) return undefined
    const value = valueIn(xml, this.#holes.value)
    const signingTime = readTime(textIn(xml, this.#holes.time))
    if (value === undefined || signingTime === undefined) return undefined
    const references: Reference[] = []
    for (const [index, reference] of this.#facts.references.entries()) {
      const stated = valueIn(xml, this.#holes.digests[index] ?? [])
      if (stated?.length !== reference.value.length) return undefined
      references.push({ uri: reference.uri, digest: reference.digest, value: stated, mode: reference.mode })
    }
    return {
      ...this.#facts,
      references,
      value,
      signingTime,
      signedInfo: () => filled(this.#signedInfo, xml),
      signedProperties: () => filled(this.#signedProperties, xml),
    }
  }

  #fits(xml: Buffer): boolean {
    const own = this.#xml
    if (xml.length !== own.length) return false
    let at = 0
    for (const { from, to } of this.#inOrder) {
      if (own.compare(xml, at, from, at, from) !== 0) return false
      at = to
    }
    return own.compare(xml, at, own.length, at, own.length) === 0
  }
}

function filled({ octets, holes }: Form, xml: Buffer): Uint8Array {
  const copy = Buffer.from(octets)
  for (const { from, to, at } of holes) xml.copy(copy, at, from, to)
  return copy
}

function valueIn(xml: Buffer, holes: readonly Hole[]): Uint8Array | undefined {
  let text = ''
  for (const hole of holes) text += textIn(xml, hole)
  return decodeBase64(text)
}

export function textIn(xml: Buffer, { from, to }: Hole): string {
  return xml.toString('latin1', from, to)
}

/** The same octets. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}
