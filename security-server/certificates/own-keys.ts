// Which of the signer's keys this server may use now. A key is usable while its certificate is valid, registered or issued by an
// approved CA, and its OCSP answer good and fresh (wire-conf §5.7).
import type { MessageSigner } from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import type { Clock, Log } from '#host'
import type { ClientId, ServerId } from '#protocol'
import { authorityFor, idKey, memberFromCertificate, sameId, shortId } from '#protocol'
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

export interface SigningIdentity {
  readonly signer: MessageSigner
  readonly usableUntil: Date
}

export interface KeySettings {
  readonly server: ServerId
  readonly signer: SignerClient
  readonly answers: OcspAnswers
  readonly configuration: () => GlobalConfiguration | undefined
  readonly fetchIntervalSeconds: number | undefined
  readonly clock: Clock
  readonly log: Log
}

/** What one reading found. */
export interface FoundKeys {
  readonly identity: TlsIdentity | undefined
  /** By the member's idKey. */
  readonly signing: ReadonlyMap<string, SigningIdentity>
  readonly states: readonly CertificateState[]
  readonly certificates: readonly Certificate[]
}

export class OwnKeys {
  readonly #settings: KeySettings
  /** TLS keys that this process has been given; each is asked for once. */
  readonly #released = new Map<string, string>()
  /** When each certificate's responder answered last: responders that make answers ahead give the same one for hours. */
  readonly #fetchedAt = new Map<string, number>()

  constructor(settings: KeySettings) {
    this.#settings = settings
  }

  /** Reads keys and certificates from the signer and judges each; `force` fetches every OCSP answer anew. */
  async read(current: GlobalConfiguration, force: boolean): Promise<FoundKeys> {
    const keys = await this.#settings.signer.keys()
    const states: CertificateState[] = []
    const identity = await this.#authentication(keys, current, force, states)
    const signing = await this.#signing(keys, current, force, states)
    const all = [...candidates(keys, 'authentication'), ...candidates(keys, 'message')]
    return { identity, signing, states, certificates: all.map(({ certificate }) => certificate) }
  }

  /** The answer to use now, fetched anew when that was last done a fetch interval ago. */
  async #answerFor(
    certificate: Certificate,
    current: GlobalConfiguration,
    force: boolean,
  ): Promise<{ der: Uint8Array; usableUntil: Date }> {
    const authority = authorityFor(current.trust, certificate, current.instance)
    if (authority === undefined) throw new Error('its issuer is not an approved CA')
    const at = this.#settings.clock.now()
    const known = this.#settings.answers.bySha1(certificate.sha1)
    let failure: unknown
    if (known !== undefined && !force) {
      try {
        const verdict = judgeAnswer(certificate, known, authority, current, at)
        const asked = Math.max(verdict.thisUpdate.getTime(), this.#fetchedAt.get(certificate.sha1) ?? 0)
        if (at.getTime() - asked < fetchInterval(this.#settings, current) * 1000)
          return { der: known, usableUntil: verdict.usableUntil }
      } catch (error) {
        failure = error
      }
    }
    try {
      await this.#settings.answers.fetch(certificate, current)
      this.#fetchedAt.set(certificate.sha1, at.getTime())
    } catch (error) {
      failure = error
    }
    const der = this.#settings.answers.bySha1(certificate.sha1)
    if (der === undefined) throw failure ?? new Error('no OCSP answer')
    // The last answer still serves while it is fresh, even if the responder is away (fail closed only when it goes stale).
    return {
      der,
      usableUntil: judgeAnswer(certificate, der, authority, current, this.#settings.clock.now()).usableUntil,
    }
  }

  async #authentication(
    keys: readonly KeyInfo[],
    current: GlobalConfiguration,
    force: boolean,
    seen: CertificateState[],
  ) {
    let chosen: TlsIdentity | undefined
    for (const { key, certificate } of candidates(keys, 'authentication')) {
      const state = stateOf(key, certificate)
      try {
        inValidity(certificate, this.#settings.clock.now())
        if (!isAuthenticationCertificate(certificate)) throw new Error('it is not an authentication certificate')
        const owner = current.serverOf(certificate)
        if (owner === undefined || !sameId(owner.id, this.#settings.server))
          throw new Error('it is not registered for this server in the global configuration')
        const chain = current.chain(certificate)
        const ocsp: Uint8Array[] = []
        let usableUntil = certificate.notAfter
        for (const link of chain) {
          const answer = await this.#answerFor(link, current, force)
          ocsp.push(answer.der)
          if (answer.usableUntil < usableUntil) usableUntil = answer.usableUntil
        }
        let keyPem = this.#released.get(key.id)
        if (keyPem === undefined) {
          keyPem = await this.#settings.signer.releaseTlsKey(key.id)
          this.#released.set(key.id, keyPem)
        }
        chosen ??= { certificate, chain, keyPem, ocsp, usableUntil }
        seen.push({ ...state, usable: true, usableUntil: usableUntil.toISOString() })
      } catch (error) {
        seen.push({ ...state, reason: (error as Error).message })
      }
    }
    return chosen
  }

  async #signing(keys: readonly KeyInfo[], current: GlobalConfiguration, force: boolean, seen: CertificateState[]) {
    const chosen = new Map<string, SigningIdentity>()
    for (const { key, certificate } of candidates(keys, 'message')) {
      const state = stateOf(key, certificate)
      let member: ClientId | undefined
      try {
        inValidity(certificate, this.#settings.clock.now())
        if (!isSigningCertificate(certificate)) throw new Error('it is not a signing certificate')
        const authority = authorityFor(current.trust, certificate, current.instance)
        if (authority === undefined || authority.authenticationOnly)
          throw new Error('its issuer is not an approved CA for signing')
        member = memberFromCertificate(authority.profile, certificate, current.instance)
        const [, ...intermediates] = current.chain(certificate)
        const own = await this.#answerFor(certificate, current, force)
        let usableUntil = own.usableUntil
        const links: { certificate: Certificate; ocsp: Uint8Array }[] = []
        for (const link of intermediates) {
          const answer = await this.#answerFor(link, current, force)
          links.push({ certificate: link, ocsp: answer.der })
          if (answer.usableUntil < usableUntil) usableUntil = answer.usableUntil
        }
        const algorithm: SignatureAlgorithm = signatureFor(certificate.publicKey)
        const signer: MessageSigner = {
          certificate,
          ocsp: own.der,
          intermediates: links,
          algorithm,
          sign: (data) =>
            this.#settings.signer.sign({ key: key.id, purpose: 'message', algorithm: algorithm.name, data }),
        }
        if (!chosen.has(idKey(member))) chosen.set(idKey(member), { signer, usableUntil })
        seen.push({ ...state, member: shortId(member), usable: true, usableUntil: usableUntil.toISOString() })
      } catch (error) {
        seen.push({ ...state, ...(member ? { member: shortId(member) } : {}), reason: (error as Error).message })
      }
    }
    return chosen
  }
}

/** Seconds between two fetches: the setting, or the configuration's with X-Road's minimum of 60, never beyond half the freshness. */
export function fetchInterval(settings: KeySettings, current: GlobalConfiguration): number {
  const wanted = settings.fetchIntervalSeconds ?? Math.max(60, current.ocspFetchIntervalSeconds)
  return Math.min(wanted, Math.max(1, current.trust.ocspFreshnessSeconds / 2))
}

/** Newest first: the newest usable one is taken. */
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
