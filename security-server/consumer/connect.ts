// One TLS connection to another security server, judged before a byte of HTTP goes out (wire-message §1.2, §1.5, §1.6).
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import type { Clock } from '#host'
import { httpGet } from '#host'
import type { ClientId } from '#protocol'
import { fault, mediaType, readMultipart, sameId, shortId } from '#protocol'
import type { Certificate } from '#trust'
import { parseCertificate } from '#trust'
import type { OcspAnswers } from '../certificates/ocsp-answers.ts'
import { judgePeer, PeerError, type PeerVerdict } from '../certificates/peers.ts'

/** More intermediates than this in a peer's chain is not a chain. */
const MAX_CHAIN = 8

/** Opens TCP within the time; the error says who could not be reached. */
export function openTcp(server: SecurityServer, port: number, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const refuse = (reason: string, cause?: unknown) => {
      socket.destroy()
      reject(
        fault(
          'server.clientproxy',
          'network_error',
          `Security server ${shortId(server.id)} at ${server.address}:${port}: ${reason}`,
          { cause },
        ),
      )
    }
    const socket = connectTcp({
      host: server.address ?? '',
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    })
    const timer = setTimeout(() => refuse('no connection in time'), timeoutMs)
    socket.once('error', (error) => {
      clearTimeout(timer)
      refuse(error.message, error)
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      // Until TLS takes the socket over, a reset must not be an unhandled error.
      socket.on('error', () => socket.destroy())
      resolve(socket)
    })
  })
}

/** A TLS connection whose handshake is done, and what the peer thought of it later. */
export interface PeerSocket {
  readonly tls: TLSSocket
  /** The alert by which a TLS 1.3 peer refused us: it judges us only after our handshake, at any later moment. */
  alert(): Error | undefined
}

/** TLS over a connected socket; resolves when the handshake is done. */
export function openTls(socket: Socket, secureContext: SecureContext, timeoutMs: number): Promise<PeerSocket> {
  return new Promise((resolve, reject) => {
    // No sessions are kept: on a resumed one the peer shows no certificate.
    const tls = connectTls({ socket, secureContext, rejectUnauthorized: false })
    const refuse = (message: string, cause?: unknown) => {
      clearTimeout(timer)
      tls.destroy()
      reject(fault('server.clientproxy', 'ssl_authentication_failed', message, { cause }))
    }
    const timer = setTimeout(
      () => refuse('The TLS handshake with the provider security server was not finished in time'),
      timeoutMs,
    )
    tls.once('error', (error) =>
      refuse(`The TLS handshake with the provider security server failed: ${error.message}`, error),
    )
    tls.once('close', () => refuse('The provider security server closed the connection during the TLS handshake'))
    tls.once('secureConnect', () => {
      clearTimeout(timer)
      tls.removeAllListeners('error')
      tls.removeAllListeners('close')
      let alert: Error | undefined
      // Node tells an alert once and keeps it nowhere; without a listener it would end the process.
      tls.on('error', (error: Error & { code?: string }) => {
        if (error.code?.includes('ALERT')) alert ??= error
      })
      resolve({ tls, alert: () => alert })
    })
  })
}

/** The peer's chain as sent, leaf first; empty when it sent none. */
export function peerChain(socket: TLSSocket): Certificate[] {
  const chain: Certificate[] = []
  for (
    let link = socket.getPeerX509Certificate();
    link !== undefined && chain.length < MAX_CHAIN;
    link = link.issuerCertificate
  ) {
    const certificate = parseCertificate(link.raw)
    if (chain.some((other) => other.sha256 === certificate.sha256)) break
    chain.push(certificate)
  }
  return chain
}

/** Judges a provider's server by the OCSP answers at hand. Throws PeerError, and what comes of answers that cannot be read. */
export function judgeChain(input: {
  readonly chain: readonly Certificate[]
  readonly provider: ClientId
  readonly configuration: GlobalConfiguration
  readonly answers: OcspAnswers
  readonly clock: Clock
}): PeerVerdict {
  const [leaf, ...sent] = input.chain
  if (leaf === undefined) throw new PeerError('the provider security server presented no certificate')
  const answers = input.chain.map((link) => input.answers.bySha1(link.sha1)).filter((der) => der !== undefined)
  const { provider, configuration, clock } = input
  return judgePeer({ leaf, sent, client: provider, answers, configuration, at: clock.now() })
}

/**
 * Judges the provider's server: certificate, chain, OCSP, registration for this very server and this provider.
 * OCSP answers come from the store while they are fresh, else from the peer's look-up port.
 */
export async function judgeProvider(input: {
  readonly socket: TLSSocket
  readonly server: SecurityServer
  readonly provider: ClientId
  readonly configuration: GlobalConfiguration
  readonly answers: OcspAnswers
  readonly ocspPort: number
  readonly clock: Clock
}): Promise<{ chain: readonly Certificate[]; verdict: PeerVerdict }> {
  const { server, configuration, answers } = input
  try {
    const chain = peerChain(input.socket)
    const [leaf] = chain
    let verdict: PeerVerdict
    try {
      verdict = judgeChain({ ...input, chain })
    } catch (error) {
      // Missing or stale answers: ask the peer, then judge for good. Who is not registered is not asked for anything.
      if (leaf === undefined || configuration.serverOf(leaf) === undefined) throw error
      await fetchAnswers(server, input.ocspPort, configuration.chain(leaf), answers, configuration)
      verdict = judgeChain({ ...input, chain })
    }
    if (!sameId(verdict.server.id, server.id))
      throw new Error(
        `the certificate belongs to security server ${shortId(verdict.server.id)}, not ${shortId(server.id)}`,
      )
    return { chain, verdict }
  } catch (error) {
    throw fault(
      'server.clientproxy',
      'ssl_authentication_failed',
      `The provider security server ${shortId(server.id)} is not accepted: ${(error as Error).message}`,
      { cause: error },
    )
  }
}

/** The look-up on port 5577: one answer per certificate, in the order asked (wire-message §1.6). */
async function fetchAnswers(
  server: SecurityServer,
  port: number,
  chain: readonly Certificate[],
  answers: OcspAnswers,
  configuration: GlobalConfiguration,
): Promise<void> {
  const query = [...chain.map((link) => `cert=${link.sha1}`), ...chain.map((link) => `cert_hash=${link.sha256}`)].join(
    '&',
  )
  const address = server.address?.includes(':') ? `[${server.address}]` : server.address
  const reply = await httpGet(`http://${address}:${port}/?${query}`, {
    accept: 'multipart/related',
    timeoutMs: 30_000,
    maxBytes: 1024 * 1024,
  })
  if (reply.status !== 200) throw new Error(`its OCSP look-up answered with status ${reply.status}`)
  const boundary = mediaType(reply.contentType).parameters.get('boundary')
  if (boundary === undefined) throw new Error('its OCSP look-up did not answer a multipart')
  const received: Uint8Array[] = []
  async function* body() {
    yield reply.body
  }
  for await (const part of readMultipart(body(), boundary)) {
    const chunks: Uint8Array[] = []
    for await (const chunk of part.body) chunks.push(chunk)
    if (part.mediaType === 'application/ocsp-response') received.push(Buffer.concat(chunks))
  }
  if (received.length !== chain.length)
    throw new Error(`its OCSP look-up gave ${received.length} answers for ${chain.length} certificates`)
  chain.forEach((certificate, index) => {
    const der = received[index]
    if (der !== undefined) answers.keep(certificate, der, configuration, server.id.instance)
  })
}
