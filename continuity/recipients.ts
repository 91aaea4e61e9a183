// To whom is sealed: age recipients, hybrid (ML-KEM-768 with X25519) from the first entry, since what once lay abroad is never recalled.
import { Decrypter, Encrypter } from 'age-encryption'
import { digest } from '#trust'
import { KEY_ID_BYTES } from './entry.ts'
import { ContinuityError } from './error.ts'

const HYBRID = /^age1pq1[0-9a-z]{1900,2000}$/
export const MAXIMUM_RECIPIENTS = 8
/** Octets of a batch key wrapped to that many. */
export const MAXIMUM_WRAP_BYTES = 16 * 1024

/** Whoever can open: the custodians of an embassy, home's own return recipient. Made once from text; every batch uses it. */
export class Recipients {
  /** Names them in leaves: the first octets of SHA-256 over the sorted list. */
  readonly id: Uint8Array
  readonly #encrypter = new Encrypter()

  /** Throws `wrong_key` for none, too many, or any that a quantum computer would open. */
  constructor(recipients: readonly string[]) {
    if (recipients.length === 0 || recipients.length > MAXIMUM_RECIPIENTS)
      throw new ContinuityError('wrong_key', `${recipients.length} recipients are not 1 to ${MAXIMUM_RECIPIENTS}`)
    const bad = recipients.find((recipient) => !HYBRID.test(recipient))
    if (bad !== undefined)
      throw new ContinuityError('wrong_key', `${bad.slice(0, 16)}… is no hybrid recipient (age1pq1…)`)
    const sorted = recipients.toSorted()
    this.id = digest('SHA-256', Buffer.from(sorted.join('\n'))).subarray(0, KEY_ID_BYTES)
    for (const recipient of sorted) this.#encrypter.addRecipient(recipient)
  }

  /** An age file with the key in it, which Debian's age opens as well. */
  wrap(batchKey: Uint8Array): Promise<Uint8Array> {
    return this.#encrypter.encrypt(batchKey)
  }
}

/** The batch key again. Throws `wrong_key` where this identity is none of its recipients', or it was altered. */
export async function unwrap(wrapped: Uint8Array, identity: string): Promise<Uint8Array> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  try {
    return await decrypter.decrypt(wrapped)
  } catch (cause) {
    throw new ContinuityError('wrong_key', 'This key does not open the batch, or the batch was altered', { cause })
  }
}
