// The server's own keys: which authentication key speaks TLS to other servers, which signing key speaks for each member.
// Private message keys stay in the signer; the TLS key is released once to this process (SECURITY.md names that exception).
// own-keys.ts says which are usable; here is when that is asked, what people are told, and that time is checked again at each use.

import type { MessageSigner } from '#evidence'
import type { ClientId } from '#protocol'
import { idKey, memberOf, shortId } from '#protocol'
import type { Certificate } from '#trust'
import {
  type CertificateState,
  fetchInterval,
  type KeySettings,
  OwnKeys,
  type SigningIdentity,
  sameIdentity,
  type TlsIdentity,
} from './own-keys.ts'

export interface Keyring {
  /** The identity for TLS with other servers; undefined when none is usable now (see states()). */
  authentication(): TlsIdentity | undefined
  /** Signs for a member (subsystems use their member's key); undefined when no key is usable now. */
  signer(member: ClientId): MessageSigner | undefined
  /** Why `signer` or `authentication` has nothing to give, for people. */
  reason(use: 'authentication' | 'message', member?: ClientId): string
  /** Reads keys and certificates from the signer anew and fetches the OCSP answers that are due. */
  refresh(force?: boolean): Promise<void>
  states(): readonly CertificateState[]
  /** Every certificate of the server's own keys, usable or not: what the OCSP look-up may be asked for. */
  certificates(): readonly Certificate[]
  onIdentity(listener: (identity: TlsIdentity) => void): void
  stop(): void
}

/** Renewal is announced this long before a certificate ends. */
const EXPIRY_WARNING_MS = 30 * 86_400_000
const WARN_AGAIN_MS = 86_400_000
/** Keys and certificates that people change in the signer are noticed within this. */
const MAX_WAIT_SECONDS = 30

export function openKeyring(settings: KeySettings): Keyring {
  const { clock, configuration, log } = settings
  const own = new OwnKeys(settings)
  let authentication: TlsIdentity | undefined
  /** What listeners were told last. */
  let announced: TlsIdentity | undefined
  let signing: ReadonlyMap<string, SigningIdentity> = new Map()
  let states: readonly CertificateState[] = []
  let certificates: readonly Certificate[] = []
  let refreshing: Promise<void> | undefined
  /** Asked for while one was under way that may have read what has changed since: one more follows, for all who ask meanwhile. */
  let next: { force: boolean; done: Promise<void> } | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  /** Certificates whose end has been announced, and when. */
  const warned = new Map<string, number>()
  const listeners: ((identity: TlsIdentity) => void)[] = []

  async function read(force: boolean): Promise<void> {
    const current = configuration()
    if (current === undefined) return
    const found = await own.read(current, force)
    certificates = found.certificates
    signing = found.signing
    announce(found.states)
    states = found.states
    authentication = found.identity
    const { identity } = found
    if (identity === undefined || (announced !== undefined && sameIdentity(identity, announced))) return
    announced = identity
    for (const listener of listeners) listener(identity)
  }

  /** Alarms: what stopped being usable, and what ends soon. Nothing waits silently. */
  function announce(seen: readonly CertificateState[]): void {
    for (const state of seen) {
      const before = states.find((other) => other.sha256 === state.sha256)
      if (!state.usable && (before === undefined || before.usable || before.reason !== state.reason))
        log.warn('certificate not usable', { use: state.use, subject: state.subject, reason: state.reason })
      else if (state.usable && before !== undefined && !before.usable)
        log.info('certificate usable again', { use: state.use, subject: state.subject })
      const now = clock.now().getTime()
      const due = now - (warned.get(state.sha256) ?? 0) >= WARN_AGAIN_MS
      if (due && Date.parse(state.notAfter) - now < EXPIRY_WARNING_MS) {
        warned.set(state.sha256, now)
        log.warn('certificate ends soon', { use: state.use, subject: state.subject, notAfter: state.notAfter })
      }
    }
  }

  function schedule(): void {
    if (stopped) return
    const current = configuration()
    const wait = current === undefined ? 1 : Math.min(MAX_WAIT_SECONDS, fetchInterval(settings, current) / 2)
    timer = setTimeout(() => {
      refresh().finally(schedule)
    }, Math.max(0.5, wait) * 1000)
    timer.unref()
  }

  function refresh(force = false): Promise<void> {
    if (stopped) return Promise.resolve()
    if (refreshing === undefined) {
      refreshing = read(force)
        .catch((error: Error) => log.error('keys could not be read', { reason: error.message }))
        .finally(() => {
          refreshing = undefined
        })
      return refreshing
    }
    const queued: NonNullable<typeof next> = next ?? {
      force,
      done: refreshing.then(() => {
        next = undefined
        return refresh(queued.force)
      }),
    }
    queued.force ||= force
    next = queued
    return queued.done
  }

  schedule()
  return {
    authentication: () =>
      authentication !== undefined && clock.now() <= authentication.usableUntil ? authentication : undefined,
    signer(member) {
      const identity = signing.get(idKey(memberOf(member)))
      return identity !== undefined && clock.now() <= identity.usableUntil ? identity.signer : undefined
    },
    reason(use, member) {
      const wanted = member === undefined ? undefined : shortId(memberOf(member))
      const mine = states.filter(
        (state) => state.use === use && (wanted === undefined || state.member === undefined || state.member === wanted),
      )
      if (mine.length === 0) return `no certificate for ${use === 'message' ? 'signing' : 'authentication'} is imported`
      return mine
        .map((state) => state.reason ?? `its OCSP answer is no longer fresh (usable until ${state.usableUntil})`)
        .join('; ')
    },
    refresh,
    states: () => states,
    certificates: () => certificates,
    onIdentity(listener) {
      listeners.push(listener)
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
