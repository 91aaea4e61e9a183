// The server's own keys: which authentication key speaks TLS to other servers, which signing key speaks for each member.
// Private message keys stay in the signer; the TLS key is released once to this process (SECURITY.md names that exception).
// A key is usable while its certificate is valid, registered or issued by an approved CA, and its OCSP answer good and fresh
// (wire-conf §5.7). That is decided at each refresh and checked again, by time, at each use.

import type { MessageSigner } from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import type { Clock, Log } from '#host'
import type { ClientId, ServerId } from '#protocol'
import { authorityFor, idKey, memberFromCertificate, memberOf, sameId, shortId } from '#protocol'
import type { KeyInfo, SignerClient } from '#signer'
import type { Certificate, SignatureAlgorithm } from '#trust'
import { isAuthenticationCertificate, isSigningCertificate, parseCertificate, signatureFor } from '#trust'
import { judgeAnswer, type OcspAnswers } from './ocsp-answers.ts'

/** Label of the key that serves 8443; it is not registered anywhere. */
export const INTERNAL_TLS_LABEL = 'internal-tls'

export interface TlsIdentity {
  readonly certificate: Certificate
  /** Leaf first, intermediates, without the root (wire-message §1.3). */
  readonly chain: readonly Certificate[]
  /** PKCS#8 PEM. */
  readonly keyPem: string
  /** One DER answer for each certificate of the chain, in order. */
  readonly ocsp: readonly Uint8Array[]
  readonly usableUntil: Date
}

export interface CertificateState {
  readonly key: string
  readonly use: 'authentication' | 'message'
  readonly subject: string
  readonly serialNumber: string
  readonly sha256: string
  readonly notAfter: string
  readonly member?: string
  readonly usable: boolean
  /** Why it is not usable, or what will soon make it so. */
  readonly reason?: string
  readonly usableUntil?: string
}

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

interface SigningIdentity {
  readonly signer: MessageSigner
  readonly usableUntil: Date
}

interface Settings {
  readonly server: ServerId
  readonly signer: SignerClient
  readonly answers: OcspAnswers
  readonly configuration: () => GlobalConfiguration | undefined
  readonly fetchIntervalSeconds: number | undefined
  readonly clock: Clock
  readonly log: Log
}

/** Renewal is announced this long before a certificate ends. */
const EXPIRY_WARNING_MS = 30 * 86_400_000
const WARN_AGAIN_MS = 86_400_000
/** Keys and certificates that people change in the signer are noticed within this. */
const MAX_WAIT_SECONDS = 30

export function openKeyring(settings: Settings): Keyring {
  const { answers, clock, configuration, log, server } = settings
  let authentication: TlsIdentity | undefined
  /** What listeners were told last. */
  let announced: TlsIdentity | undefined
  let signing = new Map<string, SigningIdentity>()
  let states: CertificateState[] = []
  let certificates: readonly Certificate[] = []
  let refreshing: Promise<void> | undefined
  /** Asked for while one was under way that may have read what has changed since: one more follows, for all who ask meanwhile. */
  let next: { force: boolean; done: Promise<void> } | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const released = new Map<string, string>()
  /** Certificates whose end has been announced, and when. */
  const warned = new Map<string, number>()
  const listeners: ((identity: TlsIdentity) => void)[] = []

  /** The answer to use now, fetched when it is older than half its life or the fetch interval. */
  async function answerFor(
    certificate: Certificate,
    current: GlobalConfiguration,
    force: boolean,
  ): Promise<{ der: Uint8Array; usableUntil: Date }> {
    const authority = authorityFor(current.trust, certificate, current.instance)
    if (authority === undefined) throw new Error('its issuer is not an approved CA')
    const at = clock.now()
    const known = answers.bySha1(certificate.sha1)
    let failure: unknown
    if (known !== undefined && !force) {
      try {
        const verdict = judgeAnswer(certificate, known, authority, current, at)
        if (at.getTime() - verdict.thisUpdate.getTime() < interval(current) * 1000)
          return { der: known, usableUntil: verdict.usableUntil }
      } catch (error) {
        failure = error
      }
    }
    try {
      await answers.fetch(certificate, current)
    } catch (error) {
      failure = error
    }
    const der = answers.bySha1(certificate.sha1)
    if (der === undefined) throw failure ?? new Error('no OCSP answer')
    // The last answer still serves while it is fresh, even if the responder is away (fail closed only when it goes stale).
    return { der, usableUntil: judgeAnswer(certificate, der, authority, current, clock.now()).usableUntil }
  }

  /** Seconds between two fetches: the setting, or the configuration's with X-Road's minimum of 60, never beyond half the freshness. */
  function interval(current: GlobalConfiguration): number {
    const wanted = settings.fetchIntervalSeconds ?? Math.max(60, current.ocspFetchIntervalSeconds)
    return Math.min(wanted, Math.max(1, current.trust.ocspFreshnessSeconds / 2))
  }

  function candidates(keys: readonly KeyInfo[], use: KeyInfo['use']): { key: KeyInfo; certificate: Certificate }[] {
    return keys
      .filter((key) => key.use === use && key.label !== INTERNAL_TLS_LABEL)
      .flatMap((key) =>
        key.certificates.map((text) => ({ key, certificate: parseCertificate(Buffer.from(text, 'base64')) })),
      )
      .sort((a, b) => b.certificate.notBefore.getTime() - a.certificate.notBefore.getTime())
  }

  function inValidity(certificate: Certificate, at: Date): void {
    if (at < certificate.notBefore) throw new Error(`not valid before ${certificate.notBefore.toISOString()}`)
    if (at > certificate.notAfter) throw new Error(`expired at ${certificate.notAfter.toISOString()}`)
  }

  async function readAuthentication(
    keys: readonly KeyInfo[],
    current: GlobalConfiguration,
    force: boolean,
    seen: CertificateState[],
  ) {
    let chosen: TlsIdentity | undefined
    for (const { key, certificate } of candidates(keys, 'authentication')) {
      const state = stateOf(key, certificate)
      try {
        inValidity(certificate, clock.now())
        if (!isAuthenticationCertificate(certificate)) throw new Error('it is not an authentication certificate')
        const owner = current.serverOf(certificate)
        if (owner === undefined || !sameId(owner.id, server))
          throw new Error('it is not registered for this server in the global configuration')
        const chain = current.chain(certificate)
        const ocsp: Uint8Array[] = []
        let usableUntil = certificate.notAfter
        for (const link of chain) {
          const answer = await answerFor(link, current, force)
          ocsp.push(answer.der)
          if (answer.usableUntil < usableUntil) usableUntil = answer.usableUntil
        }
        let keyPem = released.get(key.id)
        if (keyPem === undefined) {
          keyPem = await settings.signer.releaseTlsKey(key.id)
          released.set(key.id, keyPem)
        }
        chosen ??= { certificate, chain, keyPem, ocsp, usableUntil }
        seen.push({ ...state, usable: true, usableUntil: usableUntil.toISOString() })
      } catch (error) {
        seen.push({ ...state, reason: (error as Error).message })
      }
    }
    return chosen
  }

  async function readSigning(
    keys: readonly KeyInfo[],
    current: GlobalConfiguration,
    force: boolean,
    seen: CertificateState[],
  ) {
    const chosen = new Map<string, SigningIdentity>()
    for (const { key, certificate } of candidates(keys, 'message')) {
      const state = stateOf(key, certificate)
      let member: ClientId | undefined
      try {
        inValidity(certificate, clock.now())
        if (!isSigningCertificate(certificate)) throw new Error('it is not a signing certificate')
        const authority = authorityFor(current.trust, certificate, current.instance)
        if (authority === undefined || authority.authenticationOnly)
          throw new Error('its issuer is not an approved CA for signing')
        member = memberFromCertificate(authority.profile, certificate, current.instance)
        const [, ...intermediates] = current.chain(certificate)
        const own = await answerFor(certificate, current, force)
        let usableUntil = own.usableUntil
        const links: { certificate: Certificate; ocsp: Uint8Array }[] = []
        for (const link of intermediates) {
          const answer = await answerFor(link, current, force)
          links.push({ certificate: link, ocsp: answer.der })
          if (answer.usableUntil < usableUntil) usableUntil = answer.usableUntil
        }
        const algorithm: SignatureAlgorithm = signatureFor(certificate.publicKey)
        const signer: MessageSigner = {
          certificate,
          ocsp: own.der,
          intermediates: links,
          algorithm,
          sign: (data) => settings.signer.sign({ key: key.id, purpose: 'message', algorithm: algorithm.name, data }),
        }
        if (!chosen.has(idKey(member))) chosen.set(idKey(member), { signer, usableUntil })
        seen.push({ ...state, member: shortId(member), usable: true, usableUntil: usableUntil.toISOString() })
      } catch (error) {
        seen.push({ ...state, ...(member ? { member: shortId(member) } : {}), reason: (error as Error).message })
      }
    }
    return chosen
  }

  async function read(force: boolean): Promise<void> {
    const current = configuration()
    if (current === undefined) return
    const keys = await settings.signer.keys()
    certificates = [...candidates(keys, 'authentication'), ...candidates(keys, 'message')].map(
      ({ certificate }) => certificate,
    )
    const seen: CertificateState[] = []
    const identity = await readAuthentication(keys, current, force, seen)
    signing = await readSigning(keys, current, force, seen)
    announce(seen)
    states = seen
    authentication = identity
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
    const wait = current === undefined ? 1 : Math.min(MAX_WAIT_SECONDS, interval(current) / 2)
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

function stateOf(key: KeyInfo, certificate: Certificate): CertificateState {
  return {
    key: key.id,
    use: key.use === 'message' ? 'message' : 'authentication',
    subject: certificate.subject.text,
    serialNumber: certificate.serialNumber.toString(),
    sha256: certificate.sha256,
    notAfter: certificate.notAfter.toISOString(),
    usable: false,
  }
}

/** Whether two identities show peers the same; their OCSP answers may differ. */
export function sameIdentity(a: TlsIdentity, b: TlsIdentity): boolean {
  return a.chain.length === b.chain.length && a.chain.every((link, index) => link.sha256 === b.chain[index]?.sha256)
}
