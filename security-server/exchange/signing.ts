// One signature over the parts of a message, by the member's key in the signer, and its verification for the other direction.
import {
  EvidenceError,
  type MessagePart,
  type MessageSignature,
  type VerifiedSignature,
  verifyMessage,
} from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import type { ClientId, Side } from '#protocol'
import { attachmentPart, fault, messagePart, shortId, XRoadFault } from '#protocol'
import { digest } from '#trust'
import type { BodyReference } from '../message-log/index.ts'
import type { Gateway } from './gateway.ts'
import { signInRound } from './signing-rounds.ts'

/** A message and what is attached to it, as the signature names them (wire-message §3). */
export interface HashedMessage {
  readonly head: Uint8Array
  readonly parts: readonly MessagePart[]
  readonly headDigest: Uint8Array
}

/** @param head The REST head or the SOAP message. */
export function hashMessage(head: Uint8Array, body: BodyReference | undefined): HashedMessage {
  const headDigest = digest('SHA-512', head)
  const parts: MessagePart[] = [{ name: messagePart, digest: headDigest, bytes: head }]
  if (body !== undefined)
    for (const { digest } of body.parts ?? [body]) parts.push({ name: attachmentPart(parts.length), digest })
  return { head, parts, headDigest }
}

/** Signs for the member, with whatever else waits for its key; every failure is `cannot_create_signature` with the reason in words. */
export async function sign(
  gateway: Gateway,
  side: Side,
  member: ClientId,
  message: HashedMessage,
): Promise<MessageSignature> {
  const signer = gateway.keyring.signer(member)
  if (signer === undefined) {
    const reason = gateway.keyring.reason('message', member)
    throw fault(side, 'cannot_create_signature', `No usable signing key for ${shortId(member)}: ${reason}`)
  }
  try {
    return await signInRound(signer, gateway.clock, message.parts)
  } catch (error) {
    throw fault(
      side,
      'cannot_create_signature',
      `The signer refused or could not be reached: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

/** Signature parts as they came. */
export interface ReceivedSignature {
  readonly signature: Uint8Array
  readonly chainResult?: Uint8Array
  readonly chain?: Uint8Array
}

/** Verifies; every failure is `signature_verification.<sub-code>` (wire-message §6.3). */
export function verify(
  gateway: Gateway,
  side: Side,
  signer: ClientId,
  message: HashedMessage,
  received: ReceivedSignature,
  configuration: GlobalConfiguration,
): VerifiedSignature {
  try {
    return verifyMessage({
      ...received,
      parts: message.parts,
      signer,
      trust: configuration.trust,
      at: gateway.clock.now(),
    })
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    throw new XRoadFault(`${side}.signature_verification.${error.code}`, error.message, { cause: error })
  }
}
