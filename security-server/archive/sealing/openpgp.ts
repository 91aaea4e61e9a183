// OpenPGP as X-Road's gpg makes it (wire-message §8.3): signed by the server's own key, then encrypted, AES-256, SHA-256, not compressed,
// in the form that GnuPG 2.2 reads.
import { readFile } from 'node:fs/promises'
import {
  createMessage,
  decryptKey,
  encrypt,
  enums,
  type Key,
  type PartialConfig,
  type PrivateKey,
  readKeys,
  readPrivateKeys,
} from 'openpgp'
import { reasonOf } from '#host'
import { KeyUnusable, type SealRequest } from './request.ts'

type OpenPgpRequest = Extract<SealRequest, { method: 'openpgp' }>

const CONFIG: PartialConfig = {
  preferredSymmetricAlgorithm: enums.symmetric.aes256,
  preferredHashAlgorithm: enums.hash.sha256,
  preferredCompressionAlgorithm: enums.compression.uncompressed,
  aeadProtect: false,
}

export interface OpenPgpSealer {
  /** @throws {KeyUnusable} */
  keysOf(recipients: readonly string[]): Promise<Key[]>
  seal(keys: Key[], plain: ReadableStream<Uint8Array>): Promise<ReadableStream<Uint8Array>>
}

/** @throws {KeyUnusable} */
export async function openPgpSealer({ keyring, signingKey, passphraseFile }: OpenPgpRequest): Promise<OpenPgpSealer> {
  const ring = await read(keyring, (bytes) =>
    isArmoured(bytes) ? readKeys({ armoredKeys: bytes.toString('latin1') }) : readKeys({ binaryKeys: bytes }),
  )
  const signer = await openSigner(signingKey, passphraseFile)
  return {
    keysOf: (recipients) => Promise.all(recipients.map((wanted) => usableKey(ring, wanted, keyring))),
    async seal(keys, plain) {
      const message = await createMessage({ binary: plain })
      return await encrypt({
        message,
        encryptionKeys: keys,
        signingKeys: signer,
        format: 'binary',
        config: CONFIG,
      })
    },
  }
}

async function openSigner(file: string, passphraseFile: string | undefined): Promise<PrivateKey> {
  const [key] = await read(file, (bytes) =>
    isArmoured(bytes)
      ? readPrivateKeys({ armoredKeys: bytes.toString('latin1') })
      : readPrivateKeys({ binaryKeys: bytes }),
  )
  if (key === undefined) throw new KeyUnusable(`${file} has no secret key`)
  let open = key
  if (!key.isDecrypted()) {
    if (passphraseFile === undefined) throw new KeyUnusable(`${file} needs a passphrase, and no file has it`)
    const passphrase = await read(passphraseFile, async (bytes) => bytes.toString('utf8').replace(/\r?\n$/, ''))
    open = await decryptKey({ privateKey: key, passphrase }).catch((cause) => {
      throw new KeyUnusable(`the passphrase in ${passphraseFile} does not open ${file}`, { cause })
    })
  }
  await open.getSigningKey().catch((cause) => {
    throw new KeyUnusable(`the key in ${file} cannot sign: ${reasonOf(cause)}`, { cause })
  })
  return open
}

/** The one key that is meant, if it may be encrypted to today: neither expired nor revoked. */
async function usableKey(ring: readonly Key[], wanted: string, keyring: string): Promise<Key> {
  const digits = wanted.replace(/^0x/i, '').replace(/\s/g, '').toLowerCase()
  const isId = /^([0-9a-f]{16}|[0-9a-f]{40}|[0-9a-f]{64})$/.test(digits)
  const found = ring.filter((key) =>
    isId
      ? [key, ...key.getSubkeys()].some((one) => one.getFingerprint().toLowerCase().endsWith(digits))
      : key.getUserIDs().some((id) => id.toLowerCase().includes(wanted.toLowerCase())),
  )
  const [key, ...more] = found
  if (key === undefined) throw new KeyUnusable(`${keyring} has no key ${wanted}`)
  if (more.length > 0)
    throw new KeyUnusable(`${keyring} has ${found.length} keys ${wanted}: name one by its fingerprint`)
  await key.getEncryptionKey().catch((cause) => {
    throw new KeyUnusable(`nothing can be encrypted to the key ${wanted}: ${reasonOf(cause)}`, { cause })
  })
  return key
}

function isArmoured(bytes: Buffer): boolean {
  return bytes.subarray(0, 64).includes('-----BEGIN PGP')
}

async function read<T>(file: string, parse: (bytes: Buffer) => Promise<T>): Promise<T> {
  try {
    return await parse(await readFile(file))
  } catch (cause) {
    throw new KeyUnusable(`${file} cannot be read as what it should be: ${reasonOf(cause)}`, { cause })
  }
}
