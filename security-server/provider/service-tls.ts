// Connections to services: plain, or TLS whose other end is known. Nothing is accepted unseen (wire-client §1.4).
import { isIP } from 'node:net'
import { connect as connectTls, createSecureContext, getCACertificates, type SecureContext } from 'node:tls'
import { buildConnector } from 'undici'
import { equalBytes } from '#trust'
import type { ClientTls } from '../consumer/listener.ts'
import type { LocalService } from '../services/index.ts'

/** Makes the connector of a service; `pins` are the certificates of which one must be presented where the service is pinned. */
export type ServiceConnector = (
  service: Pick<LocalService, 'url' | 'tls'>,
  pins: readonly Uint8Array[],
) => buildConnector.connector

/** @param ownTls What this server presents to services that ask for a certificate. */
export function serviceConnector(ownTls: ClientTls, timeoutMs: number): ServiceConnector {
  let system: SecureContext | undefined
  /** Node's authorities and those of the machine: read once, when the first service wants them. */
  function systemTrust(): SecureContext {
    system ??= createSecureContext({
      ...ownTls,
      ca: [...getCACertificates('default'), ...getCACertificates('system')],
    })
    return system
  }

  /** Plain, or TLS that accepts exactly the pinned leaf or what the system trusts. HTTP/1.1 only. */
  return (service, pins) => {
    const common = { timeout: timeoutMs, allowH2: false, maxCachedSessions: 0 }
    if (!service.url.startsWith('https:')) return buildConnector(common)
    return service.tls === 'system'
      ? buildConnector({ ...common, secureContext: systemTrust() })
      : pinnedConnector(createSecureContext(ownTls), pins, timeoutMs)
  }
}

/** TLS to exactly one of the pinned leaves, whoever issued it and whatever name it bears (wire-client §1.4). */
function pinnedConnector(
  secureContext: SecureContext,
  pins: readonly Uint8Array[],
  timeoutMs: number,
): buildConnector.connector {
  return ({ hostname, port }, callback) => {
    const socket = connectTls({
      host: hostname,
      port: Number(port || 443),
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      secureContext,
      rejectUnauthorized: false,
    })
    const late = () => settle(failure('no TLS connection in time', 'UND_ERR_CONNECT_TIMEOUT'))
    const timer = setTimeout(late, timeoutMs)
    let settled = false
    const settle = (error: Error | null) => {
      clearTimeout(timer)
      if (settled) return
      settled = true
      if (error === null) return callback(null, socket)
      socket.destroy()
      callback(error, null)
    }
    socket.on('error', settle)
    socket.once('secureConnect', () => {
      const leaf = socket.getPeerX509Certificate()
      const pinned = leaf !== undefined && pins.some((pin) => equalBytes(pin, leaf.raw))
      const text = 'the service presented a certificate that is not registered for its client'
      settle(pinned ? null : failure(text, 'ERR_TLS_PIN'))
    })
  }
}

function failure(message: string, code: string): Error {
  return Object.assign(new Error(message), { code })
}
