// age (age-encryption.org/v1) to X25519 recipients.
import { Encrypter } from 'age-encryption'
import { KeyUnusable } from './request.ts'

/** @throws {KeyUnusable} for what is no recipient */
export function ageSealer(
  recipients: readonly string[],
): (plain: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>> {
  const encrypter = new Encrypter()
  for (const recipient of recipients) {
    try {
      encrypter.addRecipient(recipient)
    } catch (cause) {
      throw new KeyUnusable(`${recipient} is no age recipient`, { cause })
    }
  }
  return (plain) => encrypter.encrypt(plain)
}
