// The certificates of the server as environmental monitoring lists them (wire-client §6.4).
import type { Certificate } from '#trust'
import type { MetricSet } from './metric-set.ts'

export interface MonitoredCertificate {
  readonly certificate: Pick<Certificate, 'sha256' | 'notBefore' | 'notAfter'>
  /** Of a key in the signer, of 8443, or of an information system. */
  readonly type: 'AUTH_OR_SIGN' | 'SECURITY_SERVER_TLS' | 'INTERNAL_IS_CLIENT_TLS'
  readonly active: boolean
}

export function certificateSet(certificates: readonly MonitoredCertificate[]): MetricSet {
  return { name: 'Certificates', metrics: certificates.map(one) }
}

function one({ certificate, type, active }: MonitoredCertificate): MetricSet {
  // It is called sha1Hash and is SHA-256: so does the reference, and so do those who read it.
  const hash = (certificate.sha256.match(/../g) ?? []).join(':').toUpperCase()
  return {
    name: `certificate-${hash}`,
    metrics: [
      { name: 'sha1Hash', value: hash },
      { name: 'notBefore', value: instant(certificate.notBefore) },
      { name: 'notAfter', value: instant(certificate.notAfter) },
      { name: 'certificateType', value: type },
      { name: 'active', value: String(active) },
    ],
  }
}

/** Certificates know whole seconds, and so do the dates. */
function instant(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`
}
