// The configuration anchor (wire-conf §2.9): where a configuration is downloaded from and who signs it. All trust in an
// instance starts with this file; people compare its hash by another way.
import type { Certificate } from '#trust'
import {
  certificate,
  dateTime,
  malformed,
  many,
  maybe,
  type Omissions,
  readDocument,
  textOfOne,
  type XmlElement,
} from './elements.ts'
import { base64, branch, leaf, type Markup, optional, writeDocument } from './markup.ts'

export interface AnchorSource {
  readonly url: string
  /** Only their public keys are used: validity, issuer and usage say nothing here (wire-conf §2.5). */
  readonly certificates: readonly Certificate[]
}

export interface Anchor {
  readonly generatedAt?: Date
  readonly instance: string
  readonly sources: readonly AnchorSource[]
}

/** Far more than any central server's nodes and keys. */
const MAX_SOURCES = 256

/** Throws ProtocolError `malformed_configuration`. */
export function parseAnchor(xml: Uint8Array): Anchor {
  return readAnchor(readDocument(xml, 'configurationAnchor'), certificatesOf)
}

function certificatesOf(source: XmlElement): readonly Certificate[] {
  return many(source, 'verificationCert').map(certificate)
}

/** Anchors of federated instances inside private-params.xml; what cannot be read there is left out and noted. */
export function readFederatedAnchor(element: XmlElement, omissions: Omissions): Anchor {
  return readAnchor(element, (source) =>
    omissions.certificates(many(source, 'verificationCert'), 'anchor of a federated instance'),
  )
}

function readAnchor(element: XmlElement, certificates: (source: XmlElement) => readonly Certificate[]): Anchor {
  const generatedAt = maybe(element, 'generatedAt')
  const sources = many(element, 'source')
  if (sources.length === 0) throw malformed('the anchor has no source')
  if (sources.length > MAX_SOURCES) throw malformed(`the anchor has over ${MAX_SOURCES} sources`)
  return {
    ...(generatedAt && { generatedAt: dateTime(generatedAt) }),
    instance: textOfOne(element, 'instanceIdentifier'),
    sources: sources.map((source) => {
      if (many(source, 'verificationCert').length === 0) throw malformed('a source of the anchor has no certificate')
      return { url: downloadUrl(textOfOne(source, 'downloadURL').trim()), certificates: certificates(source) }
    }),
  }
}

function downloadUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.username || url.password)
    throw malformed(`'${text}' is not a URL to download from`)
  return text
}

export function writeAnchor(anchor: Anchor): Uint8Array {
  return writeDocument('configurationAnchor', anchorContent(anchor))
}

export function anchorContent({ generatedAt, instance, sources }: Anchor): readonly (Markup | undefined)[] {
  return [
    optional('generatedAt', generatedAt?.toISOString()),
    leaf('instanceIdentifier', instance),
    ...sources.map(({ url, certificates }) =>
      branch('source', [leaf('downloadURL', url), ...certificates.map(({ der }) => base64('verificationCert', der))]),
    ),
  ]
}
