// A container judged offline, with trust as an argument and the time-stamp as the clock: all checks are made and all failures told
// (wire-message §10.2, and stricter: docs/divergences.md).
import { shortId, type TrustMaterial } from '#protocol'
import { type DigestName, digest, equalBytes, parseTimestampToken, TrustError, verifyTimestampToken } from '#trust'
import { type ReadContainer, readContainer } from './container.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { EvidenceError } from './error.ts'
import { type Parties, partiesOf } from './parties.ts'
import { CHECKS, type Check, concluded, type Report } from './report.ts'
import { type ReadSignature, readSignature } from './signature-reader.ts'
import { SIGNATURES_ENTRY, TS_HASH_CHAIN } from './timestamp.ts'
import { type ChainData, verifyHashChain } from './verify-hash-chain.ts'
import { verifyCertificateUse, verifySigner, verifyTrust, verifyValue } from './verify-signature.ts'
import type { ZipLimits } from './zip-reader.ts'

/** Judges a container as it streams by. Never throws for what is wrong with it, only for what is wrong with its source. */
export async function verifyContainer(
  source: AsyncIterable<Uint8Array>,
  trust: TrustMaterial,
  limits?: ZipLimits,
): Promise<Report> {
  let container: ReadContainer
  try {
    container = await readContainer(source, limits)
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    const checks = [{ name: CHECKS.container, ok: false, code: error.code, detail: error.message }]
    return { verdict: 'unreadable', ...concluded(checks), checks }
  }
  return new Judge(container, trust).report()
}

type Draft = { -readonly [K in keyof Report]?: Report[K] }

class Judge {
  readonly #container: ReadContainer
  readonly #trust: TrustMaterial
  readonly #checks: Check[] = [{ name: CHECKS.container, ok: true }]
  readonly #draft: Draft = {}

  constructor(container: ReadContainer, trust: TrustMaterial) {
    this.#container = container
    this.#trust = trust
  }

  report(): Report {
    const signature = this.#check(CHECKS.structure, () => readSignature(this.#container.signature))
    const parties = this.#check(CHECKS.message, () => partiesOf(this.#container.message))
    const coverage = signature && this.#check(CHECKS.coverage, () => this.#coverage(signature))
    if (signature !== undefined) this.#judge(signature, coverage, parties)
    if (parties !== undefined) this.#describe(parties, coverage)
    const indication = concluded(this.#checks)
    const verdict = indication.indication === 'TOTAL-PASSED' ? 'valid' : 'invalid'
    return { verdict, ...indication, ...this.#draft, checks: this.#checks }
  }

  #absent: readonly string[] = []

  #judge(signature: ReadSignature, coverage: Coverage | undefined, parties: Parties | undefined): void {
    const { certificate, signingTime } = signature
    if (signingTime !== undefined) this.#draft.signedAt = signingTime.toISOString()
    this.#draft.certificate = {
      subject: certificate.subject.text,
      issuer: certificate.issuer.text,
      serialNumber: `${certificate.serialNumber}`,
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
    }
    const stamped = this.#check(CHECKS.timestamp, () => this.#timestamp(signature))
    const { verifyChain } = coverage ?? {}
    if (verifyChain) this.#absent = this.#check(CHECKS.chain, verifyChain) ?? []
    this.#check(CHECKS.certificate, () => verifyCertificateUse(signature))
    if (parties) this.#check(CHECKS.signer, () => verifySigner(signature, parties.signer, this.#trust))
    this.#check(CHECKS.value, () => verifyValue(signature))
    for (const { uri, verify } of coverage?.references ?? []) this.#check(`${CHECKS.digest} ${uri}`, verify)
    if (parties) this.#check(CHECKS.attachments, () => this.#attachments(parties))
    // Without a proven time nothing can be said of the certificate's state then (EN 319 102-1 §5.6).
    if (parties && stamped) this.#check(CHECKS.path, () => this.#path(signature, parties, stamped))
  }

  #check<T>(name: string, run: () => T): T | undefined {
    try {
      const value = run()
      this.#checks.push({ name, ok: true })
      return value
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error
      this.#checks.push({ name, ok: false, code: error.code, detail: error.message })
      return undefined
    }
  }

  /** Everything that the container brings must be signed. */
  #coverage(signature: ReadSignature): Coverage {
    const { attachments, chain, chainResult, message } = this.#container
    const parts: ChainData[] = [{ name: '/message.xml', digest: (algorithm) => digest(algorithm, message) }]
    for (const [name, digests] of attachments)
      parts.push({ name: `/${name}`, digest: (algorithm) => digests.get(algorithm) })
    // SOAP attachments of batch-signed messages are never logged (§8.1): the chain's own digests stand for what is not here.
    return coverageOf(signature, { parts, chain, chainResult, mayBeAbsent: () => true }, signature.signedProperties)
  }

  /** wire-message §7.5. The genTime is the time at which everything else is judged. */
  #timestamp(signature: ReadSignature): Date {
    const { timestampToken, timestampResult, timestampChain } = this.#container
    const bytes = timestampToken ?? signature.timestamp
    if (bytes === undefined) throw new EvidenceError('asic_timestamp_not_found', 'The container has no time-stamp')
    let stamped = signature.value
    if (timestampResult !== undefined && timestampChain !== undefined) {
      this.#timestampChain(timestampResult, timestampChain)
      stamped = timestampResult
    }
    try {
      const token = parseTimestampToken(bytes)
      if (!equalBytes(digest(token.digest, stamped), token.imprint))
        throw new EvidenceError('malformed_signature', 'The time-stamp is over other data')
      const approved = this.#trust.tsas.map(({ certificate }) => certificate)
      const { genTime, tsa } = verifyTimestampToken(token, approved)
      this.#draft.timestamp = { genTime: genTime.toISOString(), authority: tsa.subject.text }
      return genTime
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause
      throw new EvidenceError('timestamp_invalid', cause.message, { cause })
    }
  }

  #timestampChain(result: Uint8Array, chain: Uint8Array): void {
    const { signature } = this.#container
    const data = { name: SIGNATURES_ENTRY, digest: (algorithm: DigestName) => digest(algorithm, signature) }
    try {
      verifyHashChain({ result, chain, file: TS_HASH_CHAIN, inputs: [data] })
    } catch (cause) {
      throw new EvidenceError('malformed_signature', `Time-stamp: ${(cause as Error).message}`, { cause })
    }
  }

  /** A REST body belongs to its head; attachments of SOAP messages may be kept elsewhere. */
  #attachments({ protocol }: Parties): void {
    if (protocol === 'REST' && this.#absent.length > 0)
      throw new EvidenceError(
        'asic_attachment_not_found',
        `The signature covers ${this.#absent.join(', ')}, which is not in the container`,
      )
  }

  #path(signature: ReadSignature, parties: Parties, at: Date): void {
    const { responder, producedAt, thisUpdate } = verifyTrust(signature, parties.signer.instance, this.#trust, at)
    this.#draft.ocsp = {
      responder: responder.subject.text,
      producedAt: producedAt.toISOString(),
      thisUpdate: thisUpdate.toISOString(),
    }
  }

  #describe({ protocol, direction, signer }: Parties, coverage: Coverage | undefined): void {
    const { attachments, others, chain, chainResult } = this.#container
    const unsigned = [...others]
    if (coverage?.form !== 'batch' && chain !== undefined && chainResult !== undefined)
      unsigned.push('sig-hashchainresult.xml', 'sig-hashchain.xml')
    this.#draft.signer = shortId(signer)
    this.#draft.message = {
      protocol,
      direction,
      attachments: [...attachments.keys()],
      absent: this.#absent.map((name) => name.replace(/^\//, '')),
      unsigned,
    }
  }
}
