// The certificates of the keys: public, kept beside them so that whoever asks for a key gets its certificates too. A file each,
// certificates/<key id>-<number>.der, newest with the highest number. Trusted with nothing: every reader judges a certificate.
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Log, sweepTemporary, syncFolder, turnstile, writeFileDurable } from '#host'
import {
  type Certificate,
  equalBytes,
  isAuthenticationCertificate,
  isSigningCertificate,
  parseCertificate,
  TrustError,
} from '#trust'
import { SignerError } from './error.ts'
import { isNoteUse } from './policy.ts'
import type { Token, TokenKey } from './tokens/token.ts'

const FILE = /^([0-9a-f]{32})-(\d{4})\.der$/
const MAX_PER_KEY = 100

export interface CertificateStore {
  /** DER, newest first. */
  of(key: TokenKey): readonly Uint8Array[]
  /** Keeps a certificate with its key; durable when it resolves. One that is there already stays where it is. */
  add(key: TokenKey, der: Uint8Array): Promise<void>
}

export async function openCertificates(directory: string, log: Log): Promise<CertificateStore> {
  const folder = join(directory, 'certificates')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await syncFolder(directory)
  await sweepTemporary(folder)
  const kept = new Map<string, { number: number; der: Uint8Array }[]>()
  for (const name of (await readdir(folder)).sort()) {
    const [, id, number] = FILE.exec(name) ?? []
    if (id === undefined) continue
    const der = await readFile(join(folder, name))
    try {
      parseCertificate(der)
      kept.set(id, [{ number: Number(number), der }, ...(kept.get(id) ?? [])])
    } catch (error) {
      log.error('a certificate file is damaged and left aside', { file: join(folder, name), error })
    }
  }
  const takeTurns = turnstile()

  async function add(key: TokenKey, der: Uint8Array): Promise<void> {
    const mine = kept.get(key.id) ?? []
    if (mine.some((each) => equalBytes(each.der, der))) return
    if (mine.length >= MAX_PER_KEY)
      throw new SignerError('policy', `key ${key.id} has ${MAX_PER_KEY} certificates; make a new key`)
    const number = (mine[0]?.number ?? 0) + 1
    await writeFileDurable(join(folder, `${key.id}-${String(number).padStart(4, '0')}.der`), der, 0o600)
    kept.set(key.id, [{ number, der }, ...mine])
  }
  return {
    of: (key) => (kept.get(key.id) ?? []).map(({ der }) => der),
    // One after another: two must not take the same number.
    add: (key, der) => takeTurns(() => add(key, der)),
  }
}

/** Finds the key that a certificate is about and sees that the certificate may be used as the key is. @throws {SignerError} `bad_request`, `unknown_key`, `policy` */
export function keyOfCertificate(token: Token, der: Uint8Array): TokenKey {
  let certificate: Certificate
  try {
    certificate = parseCertificate(der)
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new SignerError('bad_request', `this is not a certificate: ${cause.message}`, { cause })
  }
  const key = token.keys().find(({ spki }) => equalBytes(spki, certificate.spki))
  if (key === undefined)
    throw new SignerError('unknown_key', `no key here belongs to the certificate of ${certificate.subject.text}`)
  checkUsage(key, certificate)
  return key
}

/** wire-conf §5.1: a member's certificate is for authentication or for signing, never both. Other uses are their authority's business. */
function checkUsage({ use }: TokenKey, certificate: Certificate): void {
  if (isNoteUse(use)) throw new SignerError('policy', `a key for ${use} has no certificates`)
  if (use !== 'message' && use !== 'authentication') return
  const signing = isSigningCertificate(certificate)
  const authentication =
    (certificate.keyUsage ?? certificate.extendedKeyUsage).length > 0 && isAuthenticationCertificate(certificate)
  if (signing && authentication)
    throw new SignerError('policy', 'the certificate is for signing and for authentication at once')
  if (use === 'message' ? !signing : !authentication)
    throw new SignerError(
      'policy',
      `the certificate is not for ${use === 'message' ? 'signing' : 'authentication'}, its key is`,
    )
}
