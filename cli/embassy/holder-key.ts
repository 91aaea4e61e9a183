// Keys of persons who sign decrees and manifests: a file each, encrypted with a PIN, kept by that person. Servers have theirs in a signer; a person has none.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { formatVerifierKey, isKeyName, parseVerifierKey, type VerifierKey, verifierKey } from '#transparency'
import type { Run } from '../command.ts'
import { CliError } from '../error.ts'
import { readInput } from '../files.ts'
import { readPins } from '../pin.ts'

const LEAST_PIN = 8

export interface HolderKey {
  readonly key: VerifierKey
  readonly privateKey: KeyObject
}

export const keygen: Run = async (given, out) => {
  const [name = ''] = given.positionals
  const file = given.text('output')
  if (file === undefined) throw new CliError('usage', 'where to? -o FILE')
  if (!isKeyName(name)) throw new CliError('usage', `'${name}' cannot be the name of a key: no spaces, no plus sign`)
  const [pin = ''] = await readPins([{ file: given.text('pin-file'), question: `PIN for ${name}: `, twice: true }])
  if (pin.length < LEAST_PIN) throw new CliError('usage', `a PIN has ${LEAST_PIN} characters at least`)
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: pin })
  const verifier = formatVerifierKey(verifierKey('note', name, publicKey.export({ format: 'raw-public' })))
  await writeFile(file, pem, { flag: 'wx', mode: 0o600 }).catch((cause: Error) => {
    throw new CliError('failed', `${file} cannot be written: ${cause.message}`, { cause })
  })
  await writeFile(`${file}.pub`, `${verifier}\n`)
  out.line(verifier)
  out.note(`written to ${file}, and for everybody to ${file}.pub`)
  return 0
}

/** The key of a file and the name of the one beside it. Throws CliError. */
export async function readHolderKey(file: string, pinFile: string | undefined): Promise<HolderKey> {
  const [pem, pub] = [await readInput(file), (await readInput(`${file}.pub`)).toString('utf8').trim()]
  const key = parsed(pub, `${file}.pub`)
  const [pin = ''] = await readPins([{ file: pinFile, question: `PIN of ${key.name}: ` }])
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey({ key: pem, passphrase: pin })
  } catch (cause) {
    throw new CliError('failed', `${file} does not open with this PIN`, { cause })
  }
  const mine = createPublicKey(privateKey).export({ format: 'raw-public' })
  if (!Buffer.from(key.publicKey).equals(mine))
    throw new CliError('failed', `${file}.pub is not the public key of ${file}`)
  return { key, privateKey }
}

function parsed(text: string, file: string): VerifierKey {
  try {
    return parseVerifierKey(text)
  } catch (cause) {
    throw new CliError('unreadable', `${file} is no verifier key: ${(cause as Error).message}`, { cause })
  }
}
