// Certificates for these tests, made with the room's own writer and fresh keys; openssl is asked elsewhere whether they are certificates.
import { generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto'
import {
  type Certificate,
  KEY_USAGES,
  type KeyUsage,
  oids,
  parseCertificate,
  signatureFor,
  write,
  writeName,
  writeSignatureIdentifier,
} from '#trust'

export type KeyKind = 'P-256' | 'P-384' | 'P-521' | 'RSA-2048' | 'RSA-1024'

export interface Holder {
  readonly certificate: Certificate
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export interface Wanted {
  readonly name: string
  readonly issuer?: Holder
  readonly kind?: KeyKind
  /** Of another holder, for cross-certificates and renewals. */
  readonly key?: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
  readonly serialNumber?: number | bigint
  readonly ca?: boolean
  readonly pathLength?: number
  readonly keyUsage?: readonly KeyUsage[]
  readonly purposes?: readonly string[]
  readonly purposesCritical?: boolean
  readonly notBefore?: Date
  readonly notAfter?: Date
  /** Whole extensions beside the usual ones. */
  readonly more?: readonly Uint8Array[]
}

export const START = new Date('2030-01-01T00:00:00Z')
export const NOW = new Date('2031-05-06T07:08:09Z')
export const END = new Date('2035-01-01T00:00:00Z')

const made = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>()

export function keyPair(kind: KeyKind = 'P-256') {
  if (kind === 'RSA-2048' || kind === 'RSA-1024') {
    // Making one costs a second now and then: RSA keys are shared within a run.
    const known = made.get(kind) ?? generateKeyPairSync('rsa', { modulusLength: Number(kind.slice(4)) })
    made.set(kind, known)
    return known
  }
  return generateKeyPairSync('ec', { namedCurve: kind })
}

export function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return write.sequence(write.oid(oid), ...(critical ? [write.boolean(true)] : []), write.octets(value))
}

export function spkiOf(key: KeyObject): Uint8Array {
  return key.export({ type: 'spki', format: 'der' })
}

let serialNumbers = 1000

/** Self-signed without an issuer. */
export function certify(wanted: Wanted): Holder {
  const { privateKey, publicKey } = wanted.key ?? keyPair(wanted.kind)
  const signer = wanted.issuer?.privateKey ?? privateKey
  const algorithm = signatureFor(signer, 'SHA-256')
  const constraints = [
    ...(wanted.ca ? [write.boolean(true)] : []),
    ...(wanted.pathLength === undefined ? [] : [write.integer(wanted.pathLength)]),
  ]
  const { keyUsage, purposes } = wanted
  const extensions = [
    extension(oids.basicConstraints, true, write.sequence(...constraints)),
    ...(keyUsage
      ? [extension(oids.keyUsage, true, write.namedBits(KEY_USAGES.map((usage) => keyUsage.includes(usage))))]
      : []),
    ...(purposes
      ? [extension(oids.extendedKeyUsage, wanted.purposesCritical ?? false, write.sequence(...purposes.map(write.oid)))]
      : []),
    ...(wanted.more ?? []),
  ]
  serialNumbers += 1
  const subject = writeName([
    { oid: oids.country, value: 'FI' },
    { oid: oids.organization, value: 'Test' },
    { oid: oids.commonName, value: wanted.name },
  ])
  const tbs = write.sequence(
    write.tagged(0, true, write.integer(2)),
    write.integer(wanted.serialNumber ?? serialNumbers),
    writeSignatureIdentifier(algorithm),
    wanted.issuer?.certificate.subject.der ?? subject,
    write.sequence(write.validity(wanted.notBefore ?? START), write.validity(wanted.notAfter ?? END)),
    subject,
    spkiOf(publicKey),
    write.tagged(3, true, write.sequence(...extensions)),
  )
  const signature = signWith('sha256', tbs, signer)
  const der = write.sequence(tbs, writeSignatureIdentifier(algorithm), write.bits(signature))
  return { certificate: parseCertificate(der), privateKey, publicKey }
}

export const authority = (name: string, more: Partial<Wanted> = {}): Holder =>
  certify({ name, ca: true, keyUsage: ['keyCertSign', 'cRLSign'], ...more })
