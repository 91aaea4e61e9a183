// Connections to the security server: kept for a few seconds, and over TLS judged before anything is sent.
import { createHash, X509Certificate } from 'node:crypto'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { isIP } from 'node:net'
import { type ConnectionOptions, connect } from 'node:tls'
import { NetworkError } from './error.ts'
import type { Pem, TlsOptions } from './tls-options.ts'

/**
 * Idle connections end before the security server ends them, so that none is used that is just being closed: X-Road's listener
 * waits 30 s, Saadik's 5 s (wire-client §8).
 */
const IDLE_MS = 4000

export function agentFor(protocol: string, tls: TlsOptions | undefined): HttpAgent | HttpsAgent {
  const kept = { keepAlive: true, timeout: IDLE_MS }
  if (protocol === 'http:') {
    if (tls)
      throw new TypeError("'tls' is given, but 'securityServer' is an http: address; port 8443 is the one for https:")
    return new HttpAgent(kept)
  }
  if (!tls) return new HttpsAgent(kept)
  const { cert, key, passphrase, pfx, ca, pinned } = tls
  if (ca !== undefined && pinned !== undefined) throw new TypeError("'tls.ca' and 'tls.pinned' exclude each other")
  const own = {
    ...(cert !== undefined && { cert: bytes(cert) }),
    ...(key !== undefined && { key: bytes(key) }),
    ...(passphrase !== undefined && { passphrase }),
    ...(pfx !== undefined && { pfx: bytes(pfx) }),
  }
  if (pinned !== undefined) return new PinnedAgent({ ...kept, ...own }, [pinned].flat().map(fingerprint))
  return new HttpsAgent({
    ...kept,
    ...own,
    ...(ca !== undefined && { ca: [ca].flat().map((each) => bytes(each as Pem)) }),
  })
}

/** Hands a connection out only after its certificate was compared: not a byte of a message goes to anybody else. */
class PinnedAgent extends HttpsAgent {
  readonly #fingerprints: readonly string[]

  constructor(options: ConstructorParameters<typeof HttpsAgent>[0], fingerprints: readonly string[]) {
    // A resumed session would show no certificate to compare.
    super({ ...options, maxCachedSessions: 0 })
    this.#fingerprints = fingerprints
  }

  override createConnection(
    options: Parameters<HttpsAgent['createConnection']>[0],
    callback: Parameters<HttpsAgent['createConnection']>[1],
  ): ReturnType<HttpsAgent['createConnection']> {
    const host = typeof options.host === 'string' ? options.host : ''
    const socket = connect({
      ...(options as ConnectionOptions),
      rejectUnauthorized: false,
      ...(isIP(host) === 0 && { servername: host }),
    })
    const failed = (error: Error) => callback?.(error, socket)
    socket.once('error', failed)
    socket.once('secureConnect', () => {
      const raw = socket.getPeerCertificate().raw
      const shown = raw === undefined ? 'no certificate' : sha256(raw)
      if (this.#fingerprints.includes(shown)) {
        socket.off('error', failed)
        callback?.(null, socket)
      } else
        socket.destroy(
          new NetworkError(
            'CERTIFICATE_NOT_PINNED',
            `The security server showed another TLS certificate (SHA-256 ${shown}) than 'tls.pinned' names. If its administrator has changed it, pin the new one`,
          ),
        )
    })
    return undefined
  }
}

function fingerprint(pinned: string): string {
  const hex = pinned.replaceAll(':', '').toLowerCase()
  if (/^[0-9a-f]{64}$/.test(hex)) return hex
  try {
    return sha256(new X509Certificate(pinned).raw)
  } catch (cause) {
    throw new TypeError("'tls.pinned' is neither a certificate in PEM nor a SHA-256 fingerprint in hex", { cause })
  }
}

function sha256(der: Uint8Array): string {
  return createHash('sha256').update(der).digest('hex')
}

function bytes(value: Pem): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}
