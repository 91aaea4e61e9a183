import type { SignerClient } from '#signer'

/** Why the signer would not sign now, in words; undefined when it would. */
export async function signerFault(signer: SignerClient): Promise<string | undefined> {
  try {
    return (await signer.status()).unlocked ? undefined : 'the signer is locked'
  } catch {
    return 'the signer does not answer'
  }
}
