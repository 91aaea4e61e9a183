// A member with a signing certificate of a CA of the test's own: real signatures, and the trust to judge them by.
import 'reflect-metadata'
import { createPrivateKey, type KeyObject, sign, type webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import type { MessageSigner } from '#evidence'
import type { ClientId, TrustMaterial } from '#protocol'
import {
  buildOcspRequest,
  buildOcspResponse,
  type Certificate,
  parseCertificate,
  parseOcspRequest,
  type SignatureAlgorithm,
  signatureNamed,
} from '#trust'

export const MEMBER: ClientId = { instance: 'DEMO', memberClass: 'GOV', memberCode: '70000002' }

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

export interface Issued {
  readonly certificate: Certificate
  readonly key: KeyObject
}

/** The table's entry for what these keys sign with. */
export function ecdsa(digest: '256' | '512'): SignatureAlgorithm {
  const found = signatureNamed(`SHA${digest}withECDSA`)
  if (found === undefined) throw new Error('the table has ECDSA')
  return found
}

interface Issuer {
  readonly name: string
  readonly keys: webcrypto.CryptoKeyPair
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await crypto.subtle.generateKey(EC, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
}

/** A certificate with a fresh key, of an issuer or of itself. */
export async function issue(
  subject: string,
  extensions: x509.Extension[],
  issuer?: Issuer,
): Promise<Issued & { readonly keys: webcrypto.CryptoKeyPair }> {
  const keys = await newKeys()
  const made = await x509.X509CertificateGenerator.create({
    serialNumber: '0102',
    subject,
    issuer: issuer?.name ?? subject,
    notBefore: new Date('2020-01-01'),
    notAfter: new Date('2049-01-01'),
    publicKey: keys.publicKey,
    signingKey: (issuer?.keys ?? keys).privateKey,
    signingAlgorithm: EC,
    extensions,
  })
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey))
  return {
    keys,
    certificate: parseCertificate(new Uint8Array(made.rawData)),
    key: createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }),
  }
}

/** Signs as a token does: DER for ECDSA. */
export async function signWith(key: KeyObject, digest: '256' | '512', data: Uint8Array): Promise<Uint8Array> {
  return sign(`sha${digest}`, data, key)
}

/** The signer of MEMBER, with an OCSP answer of that time, and what a judge must believe (time-stamping authorities to be added). */
export async function makeMember(at: Date): Promise<{ signer: MessageSigner; trust: TrustMaterial }> {
  const caName = 'CN=Test CA, O=Test, C=EE'
  const ca = await issue(caName, [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
  ])
  const own = await issue(
    'CN=Tax and Customs Board, O=Tax and Customs Board, 2.5.4.15=GOV, C=EE, 2.5.4.5=70000002',
    [new x509.KeyUsagesExtension(x509.KeyUsageFlags.nonRepudiation, true)],
    { name: caName, keys: ca.keys },
  )
  const [asked] = parseOcspRequest(buildOcspRequest(own.certificate, ca.certificate)).certIds
  if (asked === undefined) throw new Error('one certificate was asked for')
  const ocsp = await buildOcspResponse(
    {
      responder: ca.certificate,
      producedAt: at,
      answers: [{ certId: asked.raw, status: 'good', thisUpdate: at }],
      includeCertificates: [],
      algorithm: ecdsa('256'),
    },
    (tbs) => signWith(ca.key, '256', tbs),
  )
  const authority = {
    instance: 'DEMO',
    name: 'Test CA',
    certificate: ca.certificate,
    responders: [],
    ocspUrls: [],
    profile: 'Basic',
    authenticationOnly: false,
  }
  return {
    signer: {
      certificate: own.certificate,
      ocsp,
      intermediates: [],
      algorithm: ecdsa('512'),
      sign: (data) => signWith(own.key, '512', data),
    },
    trust: { instance: 'DEMO', authorities: [authority], tsas: [], ocspFreshnessSeconds: 3600, verifyNextUpdate: true },
  }
}
