// Certificates that nobody vouches for: of information systems, of services, of strangers.
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { oids, pem } from '#trust'

export interface SelfSigned {
  /** PKCS#8 PEM. */
  readonly key: string
  readonly cert: string
  readonly der: Uint8Array
}

/** An EC P-256 certificate for TLS at both ends, in force for a day from now unless `from` and `until` say otherwise. */
export async function selfSigned(
  commonName: string,
  life: { readonly from?: Date; readonly until?: Date } = {},
): Promise<SelfSigned> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    keys,
    signingAlgorithm: algorithm,
    notBefore: life.from ?? new Date(Date.now() - 60_000),
    notAfter: life.until ?? new Date(Date.now() + 86_400_000),
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyAgreement, true),
      new x509.ExtendedKeyUsageExtension([oids.clientAuth, oids.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  })
  const der = new Uint8Array(certificate.rawData)
  const key = pem('PRIVATE KEY', new Uint8Array(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)))
  return { key, cert: pem('CERTIFICATE', der), der }
}
