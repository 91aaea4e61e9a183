// Judged connections to other security servers, kept alive and handed out one message at a time. A full mutual handshake
// costs fifty times a kept connection's request (decisions: TLS), and X-Road pays it for every message.

import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { Client } from 'undici'
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import type { Clock, Log } from '#host'
import type { ClientId } from '#protocol'
import { fault, idKey, prefixed, sameId, shortId, XRoadFault } from '#protocol'
import type { Certificate } from '#trust'
import type { Keyring } from '../certificates/keyring.ts'
import type { OcspAnswers } from '../certificates/ocsp-answers.ts'
import { sameIdentity, type TlsIdentity } from '../certificates/own-keys.ts'
import { type PeerVerdict, speaksFor } from '../certificates/peers.ts'
import { peerTls } from '../exchange/peer-tls.ts'
import { judgeChain, judgeProvider, openTcp, openTls, type PeerSocket } from './connect.ts'

const SIDE = 'server.clientproxy'

/** Below the servers' own keep-alive time (75 s here), so that the end that writes is the end that closes first. */
const IDLE_MS = 50_000
const MAX_IDLE_PER_SERVER = 64
/** How long the fastest server of the last time is waited for while there are others (wire-message §1.8). */
const REMEMBERED_CONNECT_MS = 5_000

/** A connection that carries one message at a time. */
export interface PeerConnection {
  readonly server: SecurityServer
  readonly client: Client
  /** The alert by which the peer refused this server, on the first message that went over the connection. */
  alert(): Error | undefined
  /** Gives the connection back for another message. */
  release(): void
  /** Ends it: something went wrong on it. */
  discard(): void
}

export interface Peers {
  /** A judged connection to the fastest of the servers. Throws XRoadFault network_error or ssl_authentication_failed. */
  acquire(
    targets: readonly SecurityServer[],
    provider: ClientId,
    configuration: GlobalConfiguration,
  ): Promise<PeerConnection>
  close(): Promise<void>
}

interface Kept {
  readonly server: SecurityServer
  readonly client: Client
  /** What the peer showed, leaf first. */
  readonly chain: readonly Certificate[]
  readonly identity: TlsIdentity
  readonly socket: PeerSocket
  /** By this configuration the peer was judged last. */
  configuration: GlobalConfiguration
  verdict: PeerVerdict
  used: boolean
  idleSince: number
}

export function openPeers(settings: {
  readonly keyring: Keyring
  readonly answers: OcspAnswers
  readonly clock: Clock
  readonly log: Log
  readonly port: number
  readonly ocspPort: number
  readonly connectTimeoutMs: number
  readonly responseTimeoutMs: number
  readonly fastestMemoryMs: number
}): Peers {
  const { keyring, clock, log } = settings
  const idle = new Map<string, Kept[]>()
  const live = new Set<Kept>()
  const fastest = new Map<string, { key: string; at: number }>()
  let context: { identity: TlsIdentity; secure: SecureContext } | undefined

  const sweep = setInterval(() => {
    const now = Date.now()
    for (const [key, list] of idle) {
      const fresh = list.filter((kept) => now - kept.idleSince < IDLE_MS)
      for (const kept of list) if (!fresh.includes(kept)) drop(kept)
      if (fresh.length > 0) idle.set(key, fresh)
      else idle.delete(key)
    }
  }, 5_000)
  sweep.unref()

  function drop(kept: Kept): void {
    live.delete(kept)
    kept.client.destroy().catch(() => {})
    // The client has it only from its first message on.
    kept.socket.tls.destroy()
  }

  function identity(): TlsIdentity {
    const own = keyring.authentication()
    if (own === undefined)
      throw fault(
        SIDE,
        'ssl_authentication_failed',
        `This security server has no usable authentication certificate: ${keyring.reason('authentication')}`,
      )
    return own
  }

  function secureContext(own: TlsIdentity): SecureContext {
    if (context === undefined || !sameIdentity(context.identity, own))
      context = { identity: own, secure: createSecureContext(peerTls(own)) }
    return context.secure
  }

  /** Whether a kept connection may carry a message to this provider now. Under another configuration it is judged anew. */
  function holds(
    kept: Kept,
    server: SecurityServer,
    provider: ClientId,
    configuration: GlobalConfiguration,
    own: TlsIdentity,
  ): boolean {
    if (!live.has(kept) || !sameIdentity(kept.identity, own) || clock.now() > kept.verdict.usableUntil) return false
    if (kept.configuration !== configuration) {
      try {
        kept.verdict = judgeChain({ chain: kept.chain, provider, configuration, answers: settings.answers, clock })
      } catch {
        return false
      }
      kept.configuration = configuration
    }
    return (
      kept.server.address === server.address &&
      sameId(kept.verdict.server.id, server.id) &&
      speaksFor(kept.verdict.server, provider)
    )
  }

  function reuse(
    server: SecurityServer,
    provider: ClientId,
    configuration: GlobalConfiguration,
    own: TlsIdentity,
  ): Kept | undefined {
    const list = idle.get(idKey(server.id))
    for (let kept = list?.pop(); kept !== undefined; kept = list?.pop()) {
      if (holds(kept, server, provider, configuration, own)) return kept
      drop(kept)
    }
    return undefined
  }

  async function open(
    server: SecurityServer,
    provider: ClientId,
    configuration: GlobalConfiguration,
    own: TlsIdentity,
    socket: Socket,
  ): Promise<Kept> {
    const opened = await openTls(socket, secureContext(own), settings.connectTimeoutMs)
    const { tls, alert } = opened
    let judged: { chain: readonly Certificate[]; verdict: PeerVerdict }
    try {
      judged = await judgeProvider({
        socket: tls,
        server,
        provider,
        configuration,
        answers: settings.answers,
        ocspPort: settings.ocspPort,
        clock,
      })
    } catch (error) {
      tls.destroy()
      throw error
    }
    let handed = false
    // The scheme is that of the bytes undici writes; the socket under them is the TLS one above.
    const client = new Client(
      `http://${server.address?.includes(':') ? `[${server.address}]` : server.address}:${settings.port}`,
      {
        pipelining: 1,
        allowH2: false,
        headersTimeout: settings.responseTimeoutMs,
        bodyTimeout: settings.responseTimeoutMs,
        keepAliveTimeout: IDLE_MS,
        keepAliveMaxTimeout: IDLE_MS,
        maxHeaderSize: 64 * 1024,
        // One socket, judged above. When it is gone the connection is gone: a new one must be judged anew.
        connect: (_options, callback) => {
          const gone = handed || tls.destroyed || alert() !== undefined
          handed = true
          queueMicrotask(() =>
            gone ? callback(new Error('the judged connection has ended'), null) : callback(null, tls),
          )
        },
      },
    )
    const kept: Kept = {
      server,
      client,
      ...judged,
      configuration,
      identity: own,
      socket: opened,
      used: false,
      idleSince: Date.now(),
    }
    client.on('disconnect', () => drop(kept))
    client.on('connectionError', () => drop(kept))
    live.add(kept)
    return kept
  }

  function hand(kept: Kept): PeerConnection {
    return {
      server: kept.server,
      client: kept.client,
      alert: () => (kept.used ? undefined : kept.socket.alert()),
      release() {
        kept.used = true
        kept.idleSince = Date.now()
        const list = idle.get(idKey(kept.server.id)) ?? []
        if (!live.has(kept) || list.length >= MAX_IDLE_PER_SERVER) return drop(kept)
        list.push(kept)
        idle.set(idKey(kept.server.id), list)
      },
      discard: () => drop(kept),
    }
  }

  /** First to complete TCP wins; losers are closed. Failures are collected for the error. */
  async function race(targets: readonly SecurityServer[]): Promise<{ server: SecurityServer; socket: Socket }> {
    const timeout = settings.connectTimeoutMs
    const attempts = targets.map(async (server) => ({ server, socket: await openTcp(server, settings.port, timeout) }))
    try {
      const winner = await Promise.any(attempts)
      for (const attempt of attempts)
        attempt.then((other) => other !== winner && other.socket.destroy()).catch(() => {})
      return winner
    } catch (error) {
      const reasons = (error as AggregateError).errors.map((one: Error) => one.message).join('; ')
      throw fault(SIDE, 'network_error', `No provider security server could be reached: ${reasons}`, {
        cause: error,
      })
    }
  }

  return {
    async acquire(targets, provider, configuration) {
      const own = identity()
      const memoryKey = targets
        .map((server) => idKey(server.id))
        .sort()
        .join(' ')
      const remembered = fastest.get(memoryKey)
      const known =
        remembered !== undefined && Date.now() - remembered.at < settings.fastestMemoryMs ? remembered.key : undefined
      let left = [...targets]
      const first = left.find((server) => idKey(server.id) === known)
      // What stands open already spares a handshake; where one of several is known as the fastest, only that one.
      for (const server of first ? [first] : left) {
        const kept = reuse(server, provider, configuration, own)
        if (kept !== undefined) return hand(kept)
      }
      const failures: XRoadFault[] = []
      while (left.length > 0) {
        const alone = first !== undefined && left.includes(first) ? first : left.length === 1 ? left[0] : undefined
        let server: SecurityServer | undefined = alone
        try {
          let socket: Socket
          if (server === undefined) ({ server, socket } = await race(left))
          else {
            const patience = server === first && left.length > 1 ? REMEMBERED_CONNECT_MS : Number.POSITIVE_INFINITY
            socket = await openTcp(server, settings.port, Math.min(patience, settings.connectTimeoutMs))
          }
          const kept = await open(server, provider, configuration, own, socket)
          if (targets.length > 1) fastest.set(memoryKey, { key: idKey(server.id), at: Date.now() })
          return hand(kept)
        } catch (error) {
          failures.push(prefixed(error, SIDE))
          fastest.delete(memoryKey)
          if (server === undefined) break
          const failed = server
          left = left.filter((other) => other !== failed)
          if (left.length > 0)
            log.warn('provider security server passed over', {
              server: shortId(failed.id),
              reason: (error as XRoadFault).message,
            })
        }
      }
      throw ofAll(failures)
    },
    async close() {
      clearInterval(sweep)
      await Promise.all([...live].map((kept) => kept.client.destroy()))
    },
  }
}

/** One fault for all that were tried: a server that was reached and refused says more than one that was not. */
function ofAll(failures: readonly XRoadFault[]): XRoadFault {
  const [first] = failures
  const telling = failures.find(({ code }) => code === `${SIDE}.ssl_authentication_failed`) ?? first
  if (telling === undefined) return fault(SIDE, 'unknown_member', 'The provider has no security server')
  if (failures.length === 1) return telling
  return new XRoadFault(telling.code, failures.map(({ message }) => message).join('; '), { cause: telling })
}
