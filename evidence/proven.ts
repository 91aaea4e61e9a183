// Batch signatures that were verified, so that the next message of their round need not pay for them again.
//
// Why this lets nothing in. What is kept of a signature is what a reading of its octets gives, and that these octets are sound in
// themselves: the value is that of the certificate's key over SignedInfo, the digest of the signed properties is right, they name the
// certificate, and it is one for signing. All of this is a function of the octets alone — no clock, configuration, peer, message or
// chain goes into it — and the octets are found again by their SHA-256, so other octets are another signature. Only a signature that
// passed every check is kept, so nobody fills this memory but members with a valid certificate, and what they push out costs time only.
// What depends on anything else is done for each message anew: coverage, the hash chain from this message to the chain result, the digest
// of this chain result against SignedInfo, whose certificate it is, path and OCSP answers at this time under this configuration.
import { Cache, digest, encodeBase64 } from '#trust'
import { factsOf, type SignatureFacts } from './signature-reader.ts'

/** A round is over within seconds; with the octets of `Cache` this is some tens of MiB at the very most. */
const signatures = new Cache<SignatureFacts>(512)

/** Names a signature document by its octets. */
export function provenKey(xml: Uint8Array): string {
  return encodeBase64(digest('SHA-256', xml))
}

/** What was read from the signature when it was verified; undefined when it has to be verified. */
export function proven(key: string): SignatureFacts | undefined {
  return signatures.get(key)
}

/** Of a signature that was verified under its key. `octets`: length of the document. */
export function remember(key: string, signature: SignatureFacts, octets: number): void {
  signatures.set(key, factsOf(signature), octets)
}
