// What a key says about itself: certificate requests and self-signed certificates. The signer builds these bytes, so no purpose
// and no reader stands between.
import { randomBytes } from 'node:crypto'
import { isIPv4 } from 'node:net'
import {
  buildRequest,
  KEY_USAGES,
  type KeyUsage,
  oids,
  publicKeyFromSpki,
  type SignatureAlgorithm,
  signatureFor,
  write,
  writeName,
  writeSignatureIdentifier,
} from '#trust'
import type { CsrInput, KeyUse, NoteUse, SelfSignInput } from './contract.ts'
import { SignerError } from './error.ts'
import { isNoteUse } from './policy.ts'
import type { Token, TokenKey } from './tokens/token.ts'

/**
 * Asked for in requests; the CA's profile decides (wire-conf §5.2). X-Road asks keyCertSign for message keys too, which no member's
 * certificate may have: left out.
 */
const REQUESTED: Readonly<Record<Exclude<KeyUse, NoteUse>, readonly KeyUsage[]>> = {
  message: ['nonRepudiation'],
  authentication: ['digitalSignature', 'keyEncipherment', 'dataEncipherment'],
  configuration: ['nonRepudiation'],
  certificate: ['keyCertSign', 'cRLSign'],
  ocsp: ['digitalSignature'],
  timestamp: ['digitalSignature'],
}

/** PKCS#10, DER. @throws {SignerError} `policy` for a key that nobody certifies */
export async function requestFor(token: Token, key: TokenKey, { subject, dnsName }: CsrInput): Promise<Uint8Array> {
  const { use } = key
  if (isNoteUse(use)) throw new SignerError('policy', `nobody certifies a key for ${use}`)
  const algorithm = algorithmFor(key, 'SHA-256')
  const input = {
    subject,
    spki: key.spki,
    keyUsage: REQUESTED[use],
    algorithm,
    ...(dnsName === undefined ? {} : { dnsName }),
  }
  return buildRequest(input, async (tbs) => token.sign(key.id, algorithm, tbs))
}

/** A certificate of the key over itself, DER. Only configuration keys and TLS keys have one. @throws {SignerError} `policy` */
export async function selfSigned(token: Token, key: TokenKey, input: SelfSignInput, now: Date): Promise<Uint8Array> {
  const shape =
    key.use === 'configuration'
      ? configurationShape(key)
      : key.use === 'authentication'
        ? tlsShape(key, input, now)
        : undefined
  if (shape === undefined) throw new SignerError('policy', `a key for ${key.use} does not certify itself`)
  const { algorithm, serial, notBefore, notAfter, extensions } = shape
  const name = writeName([{ oid: oids.commonName, value: input.commonName }])
  const tbs = write.sequence(
    write.tagged(0, true, write.integer(2)),
    write.integer(serial),
    writeSignatureIdentifier(algorithm),
    name,
    write.sequence(write.validity(notBefore), write.validity(notAfter)),
    name,
    key.spki,
    write.tagged(3, true, write.sequence(...extensions)),
  )
  const signature = await token.sign(key.id, algorithm, tbs)
  return write.sequence(tbs, writeSignatureIdentifier(algorithm), write.bits(signature))
}

interface Shape {
  readonly algorithm: SignatureAlgorithm
  readonly serial: bigint | number
  readonly notBefore: Date
  readonly notAfter: Date
  readonly extensions: readonly Uint8Array[]
}

/** As X-Road's central server makes them (wire-conf §2.5): nothing but the public key is ever used. */
function configurationShape(key: TokenKey): Shape {
  return {
    algorithm: algorithmFor(key, 'SHA-512'),
    serial: 1,
    notBefore: new Date('1970-01-01T00:00:00Z'),
    notAfter: new Date('2038-01-01T00:00:00Z'),
    extensions: [basicConstraints(true), keyUsage('nonRepudiation', 'keyCertSign')],
  }
}

/** For the connections between a security server and its information systems, who pin it. */
function tlsShape(key: TokenKey, { commonName, subjectAlternativeNames: names }: SelfSignInput, now: Date): Shape {
  const dns = names?.dns ?? [commonName]
  const ip = names?.ip ?? []
  const notBefore = new Date(Math.floor(now.getTime() / 1000) * 1000)
  const notAfter = new Date(notBefore)
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + 10)
  const general = [
    ...dns.map((name) => write.tagged(2, false, Buffer.from(name, 'latin1'))),
    ...ip.map((address) => write.tagged(7, false, ipv4(address))),
  ]
  return {
    algorithm: algorithmFor(key, 'SHA-256'),
    // 127 bits, positive (RFC 5280 §4.1.2.2).
    serial: BigInt(`0x${randomBytes(16).toString('hex')}`) >> 1n,
    notBefore,
    notAfter,
    extensions: [
      basicConstraints(false),
      keyUsage('digitalSignature', 'keyEncipherment'),
      extension(oids.extendedKeyUsage, false, write.sequence(write.oid(oids.serverAuth), write.oid(oids.clientAuth))),
      ...(general.length === 0 ? [] : [extension(oids.subjectAltName, false, write.sequence(...general))]),
    ],
  }
}

function algorithmFor(key: TokenKey, digest: 'SHA-256' | 'SHA-512'): SignatureAlgorithm {
  return signatureFor(publicKeyFromSpki(key.spki), digest)
}

function ipv4(address: string): Uint8Array {
  if (!isIPv4(address)) throw new SignerError('bad_request', `${address} is not an IPv4 address`)
  return Buffer.from(address.split('.').map(Number))
}

function extension(oid: string, critical: boolean, value: Uint8Array): Uint8Array {
  return write.sequence(write.oid(oid), ...(critical ? [write.boolean(true)] : []), write.octets(value))
}

/** DER leaves out a FALSE (X.690 §11.5). */
function basicConstraints(ca: boolean): Uint8Array {
  return extension(oids.basicConstraints, true, ca ? write.sequence(write.boolean(true)) : write.sequence())
}

function keyUsage(...usages: readonly KeyUsage[]): Uint8Array {
  return extension(oids.keyUsage, true, write.namedBits(KEY_USAGES.map((usage) => usages.includes(usage))))
}
