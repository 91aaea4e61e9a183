// The outside of a certificate that trust's reader has no use for and lint has: version, extensions as they stand, how times and names are written.

import { type Der, oids, readDer } from '#trust'

export interface ExtensionFacts {
  readonly oid: string
  readonly critical: boolean
  /** The DER inside the OCTET STRING. */
  readonly value: Uint8Array
}

export interface TbsFacts {
  /** 2 means v3. */
  readonly version: number
  readonly serialOctets: Uint8Array
  readonly notBefore: Der
  readonly notAfter: Der
  /** Subject attributes with the tag their value is written in. */
  readonly subject: readonly {
    readonly oid: string
    readonly tag: number
    readonly value: string
    readonly inRdn: number
  }[]
  readonly extensions: readonly ExtensionFacts[]
}

const VERSION = 0xa0
const EXTENSIONS = 0xa3
const BOOLEAN = 0x01

/** Reads a TBSCertificate (RFC 5280 §4.1) of our own making; throws TrustError if it is not even DER. */
export function tbsFacts(tbs: Uint8Array): TbsFacts {
  const parts = readDer(tbs).children()
  const versioned = parts[0]?.tag === VERSION
  const [serial, , , validity, subject] = versioned ? parts.slice(1) : parts
  const [notBefore, notAfter] = validity?.children() ?? []
  if (!serial || !subject || !notBefore || !notAfter) throw new TypeError('a TBSCertificate was expected')
  const extensions =
    parts
      .find((part) => part.tag === EXTENSIONS)
      ?.children()[0]
      ?.children() ?? []
  return {
    version: versioned ? Number(parts[0]?.children()[0]?.integer() ?? 0n) : 0,
    serialOctets: serial.content,
    notBefore,
    notAfter,
    subject: subject
      .children()
      .flatMap((rdn) => rdn.children().map((pair) => attributeFacts(pair, rdn.children().length))),
    extensions: extensions.map(extensionFacts),
  }
}

function attributeFacts(pair: Der, inRdn: number): TbsFacts['subject'][number] {
  const [type, value] = pair.children()
  if (!type || !value) throw new TypeError('an AttributeTypeAndValue was expected')
  return { oid: type.oid(), tag: value.tag, value: value.text(), inRdn }
}

function extensionFacts(extension: Der): ExtensionFacts {
  const parts = extension.children()
  const value = parts.at(-1)
  if (!parts[0] || !value) throw new TypeError('an Extension was expected')
  return { oid: parts[0].oid(), critical: parts[1]?.tag === BOOLEAN && parts[1].boolean(), value: value.octets() }
}

/** The key identifier an issuer's certificate declares (RFC 5280 §4.2.1.2), or undefined. */
export function subjectKeyId(tbs: Uint8Array): Uint8Array | undefined {
  const found = tbsFacts(tbs).extensions.find(({ oid }) => oid === oids.subjectKeyIdentifier)
  return found === undefined ? undefined : readDer(found.value).octets()
}
