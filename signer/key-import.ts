// Keys that were made elsewhere: PKCS#8 and PEM by Node, PKCS#12 by node-forge, which is loaded only then.
import { createPrivateKey, type KeyObject } from 'node:crypto'
import type Forge from 'node-forge'
import { SignerError } from './error.ts'
import { withinIterations } from './key-derivation.ts'

export interface ImportedKey {
  readonly key: KeyObject
  /** Certificates of the same container, DER; whose they are is seen later. */
  readonly certificates: readonly Uint8Array[]
}

/** DER or PEM, encrypted or not; PEM may be of the older kinds that OpenSSL writes. @throws {SignerError} `import_failed` */
export function readPkcs8(bytes: Uint8Array, password: string | undefined): ImportedKey {
  const isPem = bytes[0] === 0x2d
  const passphrase = password === undefined ? {} : { passphrase: password }
  try {
    const key = isPem
      ? createPrivateKey({ key: Buffer.from(bytes), format: 'pem', ...passphrase })
      : createPrivateKey({ key: Buffer.from(bytes), format: 'der', type: 'pkcs8', ...passphrase })
    return { key, certificates: [] }
  } catch (cause) {
    throw new SignerError('import_failed', 'the key cannot be read: not a PKCS#8 key, or another password', { cause })
  }
}

/**
 * The one private key of a PKCS#12 container with the certificates in it. What a container may cost is bounded: it holds up every
 * signature while it is opened.
 *
 * @throws {SignerError} `import_failed`
 */
export async function readPkcs12(bytes: Uint8Array, password: string | undefined): Promise<ImportedKey> {
  const { default: forge } = await import('node-forge')
  try {
    return withinIterations(forge, () => openPkcs12(forge, bytes, password ?? ''))
  } catch (cause) {
    if (cause instanceof SignerError) throw cause
    const why = cause instanceof RangeError ? `: ${cause.message}` : ': not PKCS#12, or another password'
    throw new SignerError('import_failed', `the container cannot be read${why}`, { cause })
  }
}

function openPkcs12(forge: typeof Forge, bytes: Uint8Array, password: string): ImportedKey {
  const { asn1, pkcs12, pki, util } = forge
  const der = (value: Forge.asn1.Asn1) => Buffer.from(asn1.toDer(value).getBytes(), 'binary')
  const parsed = asn1.fromDer(util.createBuffer(Buffer.from(bytes).toString('binary')))
  const bags = pkcs12.pkcs12FromAsn1(parsed, true, password).safeContents.flatMap(({ safeBags }) => safeBags)
  const keys = bags.filter(({ type }) => type === pki.oids['pkcs8ShroudedKeyBag'] || type === pki.oids['keyBag'])
  const [bag] = keys
  if (bag === undefined || keys.length > 1)
    throw new SignerError('import_failed', `the container has ${keys.length} private keys; it must have one`)
  // forge knows RSA keys only, and leaves others as they are: PKCS#8 (RFC 7292 §4.2.1).
  const pkcs8 = bag.key ? pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(bag.key)) : bag.asn1
  const certificates = bags
    .filter(({ type }) => type === pki.oids['certBag'])
    .map(({ cert, asn1: raw }) => der(cert ? pki.certificateToAsn1(cert) : raw))
  return { ...readPkcs8(der(pkcs8), undefined), certificates }
}
