// Whether the other end of a TLS connection is who it must be: registered, issued by an approved CA, not revoked, an
// authentication certificate, and of a server that speaks for the member in question (wire-message §1.5 and §6.1 step d).
// The chain is built from the global configuration; what the peer sends besides its leaf only helps to find the path.
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import type { ClientId } from '#protocol'
import { authorityFor, idKey, shortId } from '#protocol'
import type { Certificate } from '#trust'
import { certIdMatches, isAuthenticationCertificate, parseOcspResponse, verifyPath } from '#trust'
import { judgeAnswer } from './ocsp-answers.ts'

export interface PeerVerdict {
  readonly server: SecurityServer
  readonly certificate: Certificate
  /** The OCSP answers that carried the verdict go stale then; judge again. */
  readonly usableUntil: Date
}

export class PeerError extends Error {
  override readonly name = 'PeerError'
}

/** True when the server is the owner's or has the member or subsystem registered as its client. */
export function speaksFor(server: SecurityServer, client: ClientId): boolean {
  return server.clients.has(idKey(client))
}

/**
 * Judges a peer's certificate.
 * @param answers OCSP answers at hand for the path, in any order (their CertIDs match them to certificates).
 * @throws PeerError with the reason in words; the caller gives it the code `ssl_authentication_failed`.
 */
export function judgePeer(input: {
  readonly leaf: Certificate
  readonly sent: readonly Certificate[]
  readonly client: ClientId
  readonly answers: readonly Uint8Array[]
  readonly configuration: GlobalConfiguration
  readonly at: Date
}): PeerVerdict {
  const { leaf, client, configuration, at } = input
  const server = configuration.serverOf(leaf)
  if (server === undefined)
    throw new PeerError(`certificate ${leaf.subject.text} is not registered for any security server`)
  const anchor = authorityFor(configuration.trust, leaf, client.instance)
  if (anchor === undefined) throw new PeerError(`no approved CA of ${client.instance} issued ${leaf.subject.text}`)
  if (!isAuthenticationCertificate(leaf))
    throw new PeerError(`${leaf.subject.text} is not an authentication certificate`)
  if (!speaksFor(server, client))
    throw new PeerError(`security server ${shortId(server.id)} does not serve ${shortId(client)}`)
  let usableUntil = leaf.notAfter
  try {
    for (const link of verifyPath(leaf, anchor.certificate, input.sent, at)) {
      const issuer = authorityFor(configuration.trust, link, client.instance)
      if (issuer === undefined) throw new PeerError(`no approved CA of ${client.instance} issued ${link.subject.text}`)
      const verdict = judgeFirst(link, input.answers, issuer, configuration, at)
      if (verdict.usableUntil < usableUntil) usableUntil = verdict.usableUntil
    }
  } catch (error) {
    throw new PeerError(`certificate ${leaf.subject.text} of ${shortId(server.id)}: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return { server, certificate: leaf, usableUntil }
}

/** The answer for a certificate is found by its CertID, so the order of answers does not matter (wire-message §1.7). */
function judgeFirst(
  certificate: Certificate,
  answers: readonly Uint8Array[],
  authority: NonNullable<ReturnType<typeof authorityFor>>,
  configuration: GlobalConfiguration,
  at: Date,
) {
  for (const der of answers) {
    const [single] = parseOcspResponse(der).responses
    // The serial number alone may be that of another CA's certificate.
    if (single?.serialNumber === certificate.serialNumber && certIdMatches(single.certId, authority.certificate))
      return judgeAnswer(certificate, der, authority, configuration, at)
  }
  throw new PeerError(`no OCSP answer came with ${certificate.subject.text}`)
}
