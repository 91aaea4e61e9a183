// What stands for a person: in the maps the output of a verifiable random function, which can be proved to be the person's and takes a millisecond; in
// the store a keyed hash too, which takes nothing and is shown to nobody.
import { mapKey, pseudonymInput } from '#evidence'
import type { ClientId } from '#protocol'
import { openVrf } from '#transparency'
import { hmac } from '#trust'

const LOOKUP = Buffer.from('saadik data tracker lookup v1\0')

export interface Pseudonyms {
  readonly publicKey: Uint8Array
  /** By what the store finds a person; 32 octets. */
  lookup(provider: ClientId, person: string): Uint8Array
  /** Key of the maps; 32 octets. */
  key(provider: ClientId, person: string): Uint8Array
  /** What proves it to be the person's (RFC 9381). */
  proof(provider: ClientId, person: string): Uint8Array
}

export async function openPseudonyms(secret: Uint8Array): Promise<Pseudonyms> {
  const vrf = await openVrf(secret)
  const lookupKey = hmac('SHA-256', secret, LOOKUP)
  return {
    publicKey: vrf.publicKey,
    lookup: (provider, person) => hmac('SHA-256', lookupKey, pseudonymInput(provider, person)),
    key: (provider, person) => mapKey(vrf.output(pseudonymInput(provider, person))),
    proof: (provider, person) => vrf.prove(pseudonymInput(provider, person)),
  }
}
