// What XAdES time-stamps are over (EN 319 132-1 §5.3, §5.5.2.2): octets of the signature and, for archive time-stamps, of all that it signs.
import type { XmlElement } from '#protocol'
import { type DigestName, hasher } from '#trust'
import { type C14nMode, canonicalize } from '../c14n.ts'
import type { SignatureView } from './signature-view.ts'

/** Octets of what a reference outside the signature names, `/message.xml`; a stream, since bodies may be larger than memory. */
export type ReferencedData = (uri: string) => AsyncIterable<Uint8Array>

/** A SignatureTimeStamp is over the canonical SignatureValue element; X-Road's own are over the decoded value (wire-message §7.2). */
export function signatureValueOctets({ value }: SignatureView, mode: C14nMode): Uint8Array {
  return canonicalize(value, mode)
}

/**
 * Digest of what an ArchiveTimeStamp is over, the case that is not distributed: each reference as it is processed, a node set
 * canonicalised; SignedInfo, SignatureValue and KeyInfo; the unsigned properties before it. Other ds:Objects there are none: the reader
 * refuses them.
 *
 * @param before Unsigned properties that stand before it.
 */
export async function archiveImprint(
  view: SignatureView,
  before: readonly XmlElement[],
  mode: C14nMode,
  name: DigestName,
  data: ReferencedData,
): Promise<Uint8Array> {
  const state = hasher(name)
  for (const { uri, mode: own } of view.references) {
    if (uri.startsWith('#')) state.update(canonicalize(view.signedProperties, own ?? mode))
    else for await (const chunk of data(uri)) state.update(chunk)
  }
  for (const element of [view.signedInfo, view.value, view.keyInfo, ...before])
    state.update(canonicalize(element, mode))
  return state.digest()
}
