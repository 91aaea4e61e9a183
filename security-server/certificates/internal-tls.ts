// The key and certificate of port 8443, and what services see when they ask this server for one: the "internal TLS"
// certificate. Made once, self-signed, by the signer; information systems pin it.
import type { SignerClient } from '#signer'
import { pem } from '#trust'
import type { ClientTls } from '../consumer/listener.ts'
import { INTERNAL_TLS_LABEL } from './own-keys.ts'

/** Finds or makes the internal TLS key. A crash in between leaves a key without a certificate; the next start certifies it. */
export async function internalTls(signer: SignerClient, host: string, serverCode: string): Promise<ClientTls> {
  const keys = await signer.keys()
  let key = keys.find((one) => one.label === INTERNAL_TLS_LABEL)
  key ??= await signer.generate({ use: 'authentication', algorithm: 'EC-P256', label: INTERNAL_TLS_LABEL })
  let certificate = key.certificates[0]
  if (certificate === undefined) {
    const der = await signer.selfSign({
      key: key.id,
      commonName: serverCode,
      subjectAlternativeNames: { dns: [serverCode, 'localhost'], ip: /^[\d.]+$/.test(host) ? [host] : [] },
    })
    await signer.importCertificate(der)
    certificate = Buffer.from(der).toString('base64')
  }
  return { key: await signer.releaseTlsKey(key.id), cert: pem('CERTIFICATE', Buffer.from(certificate, 'base64')) }
}
