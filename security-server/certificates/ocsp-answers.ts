// OCSP answers: fetched for the server's own certificates, received from peers, kept on disk so that a restart while the
// responder is down does not stop traffic. An answer is only kept here; whether it is good, and fresh, is judged at each use.
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { GlobalConfiguration } from '#global-configuration'
import type { Clock, Log } from '#host'
import { httpPost, writeFileDurable } from '#host'
import type { Authority } from '#protocol'
import { authorityFor } from '#protocol'
import type { Certificate, OcspTrust, OcspVerdict } from '#trust'
import { buildOcspRequest, judgeOcsp, parseOcspResponse } from '#trust'

/** Peers' answers are small and many; the oldest leave first. */
const MAX_KEPT = 20_000
const MAX_ANSWER_BYTES = 64 * 1024

export interface OcspAnswers {
  /** DER answer last seen for a certificate, by lower-case hex SHA-1 of its DER (the wire's key, wire-message §1.6). */
  bySha1(sha1: string): Uint8Array | undefined
  /**
   * Keeps an answer that a peer gave for a certificate, in memory only, if it can be believed now and is newer than the one
   * at hand: whoever answers for a peer's port must not undo a revocation, nor spoil the answer for a CA that others ask us for.
   *
   * @param instance Whose approved CAs count.
   */
  keep(certificate: Certificate, der: Uint8Array, configuration: GlobalConfiguration, instance: string): void
  /** Asks the responders of the certificate's CA, in order, and keeps the first answer that belongs to it. Who asks meanwhile waits with it. */
  fetch(certificate: Certificate, configuration: GlobalConfiguration): Promise<Uint8Array>
}

/** What an answer for certificates of this authority may be signed by (wire-message §1.7 steps 3 and 5). */
export function ocspTrust(authority: Authority, configuration: GlobalConfiguration): OcspTrust {
  return {
    issuer: authority.certificate,
    responders: authority.responders,
    authorities: configuration.trust.authorities.map((other) => other.certificate),
  }
}

/** Judges an answer now; throws TrustError. The instant until which the verdict holds is `usableUntil`. */
export function judgeAnswer(
  certificate: Certificate,
  der: Uint8Array,
  authority: Authority,
  configuration: GlobalConfiguration,
  at: Date,
): OcspVerdict & { readonly usableUntil: Date } {
  const { ocspFreshnessSeconds: freshnessSeconds, verifyNextUpdate } = configuration.trust
  const policy = { at, freshnessSeconds, verifyNextUpdate }
  const verdict = judgeOcsp(certificate, parseOcspResponse(der), ocspTrust(authority, configuration), policy)
  const fresh = verdict.thisUpdate.getTime() + freshnessSeconds * 1000
  const next = verifyNextUpdate && verdict.nextUpdate ? verdict.nextUpdate.getTime() : Number.POSITIVE_INFINITY
  return { ...verdict, usableUntil: new Date(Math.min(fresh, next, certificate.notAfter.getTime())) }
}

/** Whether an answer can be told to others now: believable and fresh, be it that of a revoked certificate (wire-conf §5.6). */
export function isCurrent(
  certificate: Certificate,
  der: Uint8Array,
  configuration: GlobalConfiguration,
  at: Date,
  instance: string = configuration.instance,
): boolean {
  const authority = authorityFor(configuration.trust, certificate, instance)
  if (authority === undefined) return false
  try {
    judgeAnswer(certificate, der, authority, configuration, at)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'cert_validation'
  }
}

/** Opens the store; answers of an earlier run are read back. */
export async function openOcspAnswers(options: { directory: string; clock: Clock; log: Log }): Promise<OcspAnswers> {
  const { directory, log } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const answers = new Map<string, Uint8Array>()
  for (const name of await readdir(directory)) {
    const match = /^([0-9a-f]{40})\.ocsp$/.exec(name)
    if (match?.[1] !== undefined) answers.set(match[1], await readFile(join(directory, name)))
    // A file of any other name is what a crash left before a rename.
    else await rm(join(directory, name), { force: true })
  }

  function remember(sha1: string, der: Uint8Array): void {
    answers.delete(sha1)
    answers.set(sha1, der)
    if (answers.size > MAX_KEPT) {
      const oldest = answers.keys().next().value
      if (oldest !== undefined) answers.delete(oldest)
    }
  }

  async function ask(certificate: Certificate, configuration: GlobalConfiguration): Promise<Uint8Array> {
    const authority = authorityFor(configuration.trust, certificate, configuration.instance)
    if (authority === undefined) throw new Error(`no approved CA issued ${certificate.subject.text}`)
    const failures: string[] = []
    for (const url of new Set([...authority.ocspUrls, ...certificate.ocspUrls])) {
      try {
        const reply = await httpPost(url, buildOcspRequest(certificate, authority.certificate), {
          contentType: 'application/ocsp-request',
          accept: 'application/ocsp-response',
          timeoutMs: 20_000,
          maxBytes: MAX_ANSWER_BYTES,
        })
        if (reply.status !== 200) throw new Error(`HTTP status ${reply.status}`)
        // A revoked answer is kept as well: it must be told to peers (wire-conf §5.6). Anything else that fails is not an answer.
        try {
          judgeAnswer(certificate, reply.body, authority, configuration, options.clock.now())
        } catch (error) {
          if ((error as { code?: string }).code !== 'cert_validation') throw error
        }
        remember(certificate.sha1, reply.body)
        // A crash before this line keeps the older answer; the next start fetches again.
        await writeFileDurable(join(directory, `${certificate.sha1}.ocsp`), reply.body, 0o600)
        return reply.body
      } catch (error) {
        failures.push(`${url}: ${(error as Error).message}`)
      }
    }
    const reason = failures.length > 0 ? failures.join('; ') : 'no responder is listed for its CA'
    log.warn('no OCSP answer', {
      certificate: certificate.subject.text,
      serialNumber: `${certificate.serialNumber}`,
      reason,
    })
    throw new Error(`no OCSP answer for ${certificate.subject.text}: ${reason}`)
  }

  const asking = new Map<string, Promise<Uint8Array>>()
  return {
    bySha1: (sha1) => answers.get(sha1),
    keep(certificate, der, configuration, instance) {
      const known = answers.get(certificate.sha1)
      if (known !== undefined && thisUpdate(known) >= thisUpdate(der)) return
      if (isCurrent(certificate, der, configuration, options.clock.now(), instance)) remember(certificate.sha1, der)
    },
    fetch(certificate, configuration) {
      let answer = asking.get(certificate.sha1)
      if (answer === undefined) {
        answer = ask(certificate, configuration).finally(() => asking.delete(certificate.sha1))
        asking.set(certificate.sha1, answer)
      }
      return answer
    },
  }
}

function thisUpdate(der: Uint8Array): number {
  return parseOcspResponse(der).responses[0]?.thisUpdate.getTime() ?? 0
}
