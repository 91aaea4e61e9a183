// Judged connections to other security servers, kept alive and handed out one message at a time. A full mutual handshake
// costs fifty times a kept connection's request (decisions: TLS), and X-Road pays it for every message.
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { Client } from 'undici'
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import type { Clock } from '#host'
import type { ClientId } from '#protocol'
import { idKey, sameId } from '#protocol'
import type { Certificate } from '#trust'
import type { OcspAnswers } from '../certificates/ocsp-answers.ts'
import { sameIdentity, type TlsIdentity } from '../certificates/own-keys.ts'
import { type PeerVerdict, speaksFor } from '../certificates/peers.ts'
import { peerTls } from '../exchange/peer-tls.ts'
import { judgeChain, judgeProvider, openTls, type PeerSocket } from './connect.ts'

/** Below the servers' own keep-alive time (75 s here), so that the end that writes is the end that closes first. */
const IDLE_MS = 50_000
const MAX_IDLE_PER_SERVER = 64

/** A connection that carries one message at a time. */
export interface PeerConnection {
  readonly server: SecurityServer
  readonly client: Client
  /** The alert by which the peer refused this server, on the first message that went over the connection. */
  alert(): Error | undefined
  /** Gives the connection back for another message, once nothing more of the last one comes. */
  release(): void
  /** Ends it: something went wrong on it. */
  discard(): void
}

export interface ConnectionSettings {
  readonly answers: OcspAnswers
  readonly clock: Clock
  readonly port: number
  readonly ocspPort: number
  readonly connectTimeoutMs: number
  readonly responseTimeoutMs: number
}

/** For whom a message is, and by what the server that takes it is judged. */
export interface Wanted {
  readonly provider: ClientId
  readonly configuration: GlobalConfiguration
  /** What this server shows. */
  readonly own: TlsIdentity
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

export class KeptConnections {
  readonly #settings: ConnectionSettings
  readonly #idle = new Map<string, Kept[]>()
  readonly #live = new Set<Kept>()
  readonly #sweep: NodeJS.Timeout
  #context: { readonly identity: TlsIdentity; readonly secure: SecureContext } | undefined

  constructor(settings: ConnectionSettings) {
    this.#settings = settings
    this.#sweep = setInterval(() => this.#dropIdle(), 5_000).unref()
  }

  /** One that stands open and may carry the message, if there is one. */
  reuse(server: SecurityServer, wanted: Wanted): PeerConnection | undefined {
    const list = this.#idle.get(idKey(server.id))
    for (let kept = list?.pop(); kept !== undefined; kept = list?.pop()) {
      if (this.#holds(kept, server, wanted)) return this.#hand(kept)
      this.#drop(kept)
    }
    return undefined
  }

  /** A new one over a connected socket, judged. Throws XRoadFault `ssl_authentication_failed`. */
  async open(server: SecurityServer, wanted: Wanted, tcp: Socket): Promise<PeerConnection> {
    const { answers, ocspPort, clock, connectTimeoutMs } = this.#settings
    const { provider, configuration, own } = wanted
    const socket = await openTls(tcp, this.#secureContext(own), connectTimeoutMs)
    const { tls } = socket
    let judged: { chain: readonly Certificate[]; verdict: PeerVerdict }
    try {
      judged = await judgeProvider({ socket: tls, server, provider, configuration, answers, ocspPort, clock })
    } catch (error) {
      tls.destroy()
      throw error
    }
    const client = this.#client(server, socket)
    const kept = { server, client, ...judged, configuration, identity: own, socket, used: false, idleSince: Date.now() }
    client.on('disconnect', () => this.#drop(kept))
    client.on('connectionError', () => this.#drop(kept))
    this.#live.add(kept)
    return this.#hand(kept)
  }

  async close(): Promise<void> {
    clearInterval(this.#sweep)
    await Promise.all([...this.#live].map((kept) => kept.client.destroy()))
  }

  /** HTTP over this one socket: when it is gone the connection is gone, because a new one must be judged anew. */
  #client({ address }: SecurityServer, { tls, alert }: PeerSocket): Client {
    const { port, responseTimeoutMs } = this.#settings
    let handed = false
    // The scheme is that of the bytes undici writes; the socket under them is the TLS one.
    return new Client(`http://${address?.includes(':') ? `[${address}]` : address}:${port}`, {
      pipelining: 1,
      allowH2: false,
      headersTimeout: responseTimeoutMs,
      bodyTimeout: responseTimeoutMs,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      maxHeaderSize: 64 * 1024,
      connect: (_options, callback) => {
        const gone = handed || tls.destroyed || alert() !== undefined
        handed = true
        queueMicrotask(() =>
          gone ? callback(new Error('the judged connection has ended'), null) : callback(null, tls),
        )
      },
    })
  }

  #secureContext(own: TlsIdentity): SecureContext {
    if (this.#context === undefined || !sameIdentity(this.#context.identity, own))
      this.#context = { identity: own, secure: createSecureContext(peerTls(own)) }
    return this.#context.secure
  }

  /** Whether a kept connection may carry a message to this provider now. Under another configuration it is judged anew. */
  #holds(kept: Kept, server: SecurityServer, { provider, configuration, own }: Wanted): boolean {
    const { answers, clock } = this.#settings
    if (!this.#open(kept) || !sameIdentity(kept.identity, own) || clock.now() > kept.verdict.usableUntil) return false
    if (kept.configuration !== configuration) {
      try {
        kept.verdict = judgeChain({ chain: kept.chain, provider, configuration, answers, clock })
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

  /** undici destroys the socket of an answer that came before its request was sent whole, and says so a moment later. */
  #open(kept: Kept): boolean {
    return this.#live.has(kept) && !kept.socket.tls.destroyed
  }

  #hand(kept: Kept): PeerConnection {
    return {
      server: kept.server,
      client: kept.client,
      alert: () => (kept.used ? undefined : kept.socket.alert()),
      release: () => {
        kept.used = true
        kept.idleSince = Date.now()
        const list = this.#idle.get(idKey(kept.server.id)) ?? []
        if (!this.#open(kept) || list.length >= MAX_IDLE_PER_SERVER) return this.#drop(kept)
        list.push(kept)
        this.#idle.set(idKey(kept.server.id), list)
      },
      discard: () => this.#drop(kept),
    }
  }

  #drop(kept: Kept): void {
    this.#live.delete(kept)
    kept.client.destroy().catch(() => {})
    // The client has it only from its first message on.
    kept.socket.tls.destroy()
  }

  #dropIdle(): void {
    const now = Date.now()
    for (const [key, list] of this.#idle) {
      const fresh = list.filter((kept) => now - kept.idleSince < IDLE_MS)
      for (const kept of list) if (!fresh.includes(kept)) this.#drop(kept)
      if (fresh.length > 0) this.#idle.set(key, fresh)
      else this.#idle.delete(key)
    }
  }
}
