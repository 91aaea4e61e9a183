// What the parts of a running server say of themselves, as /metrics and environmental monitoring want it.
import { X509Certificate } from 'node:crypto'
import type { ConfigurationClient } from '#global-configuration'
import type { SignerClient } from '#signer'
import { parseCertificate } from '#trust'
import type { Keyring } from '../certificates/keyring.ts'
import type { MessageLog } from '../message-log/index.ts'
import type { ServiceRegistry } from '../services/index.ts'
import type { Transparency } from '../transparency/index.ts'
import type { MonitoredCertificate } from './environment/certificates.ts'
import type { ServerState } from './prometheus/state-metrics.ts'

/** A signer that does not say anything within this counts as unreachable; a scrape must not wait for it. */
const SIGNER_MS = 2_000

export interface StateParts {
  readonly messageLog: Pick<MessageLog, 'status'>
  readonly transparency: Pick<Transparency, 'status'>
  readonly keyring: Pick<Keyring, 'states'>
  readonly configuration: Pick<ConfigurationClient, 'current' | 'status'>
  readonly signer: Pick<SignerClient, 'status'>
}

export async function serverState(parts: StateParts): Promise<ServerState> {
  const { messageLog, transparency, keyring, configuration, signer } = parts
  const { records, untimestamped, lastTimestamp, failingSince } = messageLog.status()
  const { lastSuccess } = configuration.status()
  const current = configuration.current()
  return {
    messageLog: {
      records,
      untimestamped,
      ...date('lastTimestamp', lastTimestamp),
      ...date('failingSince', failingSince),
    },
    transparency: transparencyState(transparency.status()),
    certificates: keyring.states().map(({ use, sha256, notAfter, usable, usableUntil }) => ({
      use,
      sha256,
      notAfter: new Date(notAfter),
      usable,
      ...date('usableUntil', usableUntil),
    })),
    ...(current === undefined ? {} : { configurationExpiresAt: current.expiresAt }),
    ...date('configurationFetchedAt', lastSuccess),
    signer: await signerState(signer),
  }
}

function transparencyState(status: ReturnType<Transparency['status']>): ServerState['transparency'] {
  const { leaves, signedLeaves, witnessedLeaves, unsealedSince, witnesses, fault } = status
  return {
    ...{ leaves, signedLeaves },
    ...(witnessedLeaves === undefined ? {} : { witnessedLeaves }),
    ...date('unsealedSince', unsealedSince),
    witnesses: witnesses.map(({ name, lastError }) => ({ name, cosigns: lastError === undefined })),
    fault: fault !== undefined,
  }
}

export interface CertificateParts {
  readonly keyring: Pick<Keyring, 'certificates' | 'states'>
  readonly services: Pick<ServiceRegistry, 'snapshot'>
  /** PEM of what 8443 presents. */
  readonly internalTls: string
}

/** Every certificate that the server uses or was told of, each once. */
export function serverCertificates({ keyring, services, internalTls }: CertificateParts): MonitoredCertificate[] {
  const usable = new Set(keyring.states().flatMap((state) => (state.usable ? [state.sha256] : [])))
  const clients = services.snapshot().clients.flatMap(({ tlsCertificates }) => tlsCertificates)
  const all: MonitoredCertificate[] = [
    ...clients.map((certificate) => ({ certificate, type: 'INTERNAL_IS_CLIENT_TLS', active: true }) as const),
    {
      certificate: parseCertificate(new X509Certificate(internalTls).raw),
      type: 'SECURITY_SERVER_TLS',
      active: true,
    },
    ...keyring
      .certificates()
      .map((certificate) => ({ certificate, type: 'AUTH_OR_SIGN', active: usable.has(certificate.sha256) }) as const),
  ]
  return [...new Map(all.map((one) => [one.certificate.sha256, one])).values()]
}

async function signerState(signer: StateParts['signer']): Promise<ServerState['signer']> {
  const { promise, reject } = Promise.withResolvers<never>()
  const late = setTimeout(() => reject(new Error('the signer does not answer')), SIGNER_MS)
  try {
    const { unlocked } = await Promise.race([signer.status(), promise])
    return { reachable: true, unlocked }
  } catch {
    return { reachable: false, unlocked: false }
  } finally {
    clearTimeout(late)
  }
}

function date<Name extends string>(name: Name, text: string | undefined): { [N in Name]?: Date } {
  return (text === undefined ? {} : { [name]: new Date(text) }) as { [N in Name]?: Date }
}
