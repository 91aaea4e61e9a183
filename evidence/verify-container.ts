// A container judged offline, with trust as an argument and the time-stamp as the clock: all checks are made and all failures told,
// in the words of ETSI EN 319 102-1 (wire-message §10.2, and stricter: docs/divergences.md).
import { shortId, type TrustMaterial } from '#protocol'
import { type DigestName, digest, equalBytes, parseTimestampToken, TrustError, verifyTimestampToken } from '#trust'
import { type AttachmentDigest, type ReadContainer, readContainer } from './container.ts'
import { EvidenceError } from './error.ts'
import { verifyHashChain } from './hash-chain.ts'
import { partiesOf } from './parties.ts'
import { type ReadSignature, readSignature } from './signature-reader.ts'
import { type MessagePart, SIG_HASH_CHAIN_RESULT } from './signature-writer.ts'
import { SIGNATURES_ENTRY } from './timestamp.ts'
import { verifyCertificateUse, verifyCoverage, verifySigner, verifyTrust, verifyValue } from './verify-signature.ts'
import type { ZipLimits } from './zip-reader.ts'

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** X-Road's code of the failure. */
  readonly code?: string
  readonly detail?: string
}

export interface Report {
  /** `unreadable` when it is no container at all. */
  readonly verdict: 'valid' | 'invalid' | 'unreadable'
  readonly indication: 'TOTAL-PASSED' | 'TOTAL-FAILED' | 'INDETERMINATE'
  readonly subIndication?: string
  readonly signer?: string
  /** What the signer claims. */
  readonly signedAt?: string
  readonly certificate?: {
    readonly subject: string
    readonly issuer: string
    readonly serialNumber: string
    readonly notBefore: string
    readonly notAfter: string
  }
  readonly ocsp?: { readonly responder: string; readonly producedAt: string; readonly thisUpdate: string }
  /** What the time-stamping authority proves. */
  readonly timestamp?: { readonly genTime: string; readonly authority: string }
  readonly message?: { readonly protocol: string; readonly direction: string; readonly attachments: readonly string[] }
  readonly checks: readonly Check[]
}

/** Judges a container as it streams by. Never throws for what is wrong with it. */
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
    return {
      verdict: 'unreadable',
      indication: 'TOTAL-FAILED',
      subIndication: 'FORMAT_FAILURE',
      checks: [{ name: 'container', ok: false, code: error.code, detail: error.message }],
    }
  }
  return new Judge(container, trust).report()
}

type Draft = { -readonly [K in keyof Report]?: Report[K] }

class Judge {
  readonly #container: ReadContainer
  readonly #trust: TrustMaterial
  readonly #checks: Check[] = [{ name: 'container', ok: true }]
  readonly #draft: Draft = {}

  constructor(container: ReadContainer, trust: TrustMaterial) {
    this.#container = container
    this.#trust = trust
  }

  report(): Report {
    const signature = this.#check('signature structure', () => readSignature(this.#container.signature))
    const parties = this.#check('message', () => partiesOf(this.#container.message))
    if (parties !== undefined) {
      this.#draft.signer = shortId(parties.signer)
      this.#draft.message = {
        protocol: parties.protocol,
        direction: parties.direction,
        attachments: [...this.#container.attachments.keys()],
      }
    }
    if (signature !== undefined) {
      const { certificate } = signature
      if (signature.signingTime !== undefined) this.#draft.signedAt = signature.signingTime.toISOString()
      this.#draft.certificate = {
        subject: certificate.subject.text,
        issuer: certificate.issuer.text,
        serialNumber: `${certificate.serialNumber}`,
        notBefore: certificate.notBefore.toISOString(),
        notAfter: certificate.notAfter.toISOString(),
      }
      const stamped = this.#check('time-stamp', () => this.#timestamp(signature))
      this.#check('message and attachments', () => this.#coverage(signature))
      this.#check('signing certificate', () => verifyCertificateUse(signature))
      this.#check('signature value', () => verifyValue(signature))
      if (parties !== undefined) {
        this.#check('signer', () => verifySigner(signature, parties.signer, this.#trust))
        // Without a proven time nothing can be said of the certificate's state then (EN 319 102-1 §5.6).
        if (stamped !== undefined) {
          const ocsp = this.#check('certificate path and revocation', () =>
            verifyTrust(signature, parties.signer.instance, this.#trust, stamped),
          )
          if (ocsp !== undefined)
            this.#draft.ocsp = {
              responder: ocsp.responder.subject.text,
              producedAt: ocsp.producedAt.toISOString(),
              thisUpdate: ocsp.thisUpdate.toISOString(),
            }
        }
      }
    }
    return this.#conclude()
  }

  #check<T>(name: string, run: () => T): T | undefined {
    try {
      const value = run()
      this.#checks.push({ name, ok: true })
      return value
    } catch (error) {
      const code =
        error instanceof EvidenceError ? error.code : error instanceof TrustError ? 'timestamp_invalid' : undefined
      if (code === undefined) throw error
      this.#checks.push({ name, ok: false, code, detail: (error as Error).message })
      return undefined
    }
  }

  /** wire-message §7.5. The genTime is the time at which everything else is judged. */
  #timestamp(signature: ReadSignature): Date {
    const { timestampToken, timestampResult, timestampChain } = this.#container
    const bytes = timestampToken ?? signature.timestamp
    if (bytes === undefined) throw new EvidenceError('asic_timestamp_not_found', 'The container has no time-stamp')
    let stamped = signature.value
    if (timestampResult !== undefined && timestampChain !== undefined) {
      const data = {
        name: SIGNATURES_ENTRY,
        digest: (algorithm: DigestName) => digest(algorithm, this.#container.signature),
      }
      verifyHashChain({ result: timestampResult, chain: timestampChain, inputs: [data] })
      stamped = timestampResult
    }
    const token = parseTimestampToken(bytes)
    if (!equalBytes(digest(token.digest, stamped), token.imprint))
      throw new EvidenceError('malformed_signature', 'The time-stamp is over other data')
    const { genTime, tsa } = verifyTimestampToken(
      token,
      this.#trust.tsas.map((one) => one.certificate),
    )
    this.#draft.timestamp = { genTime: genTime.toISOString(), authority: tsa.subject.text }
    return genTime
  }

  /** Everything the container brings must be what was signed; what a batch names beyond it is told, and must not be a REST body. */
  #coverage(signature: ReadSignature): void {
    const { attachments, chain, chainResult, message } = this.#container
    const isBatch = signature.references.some((reference) => reference.uri === SIG_HASH_CHAIN_RESULT)
    const known = [...attachments].map(
      ([name, digests]): MessagePart => ({ name: `/${name}`, digest: digests['SHA-512' satisfies AttachmentDigest] }),
    )
    verifyCoverage(signature, {
      parts: [{ name: '/message.xml', digest: digest('SHA-512', message), bytes: message }, ...known],
      // Chain files that the signature does not reference are not evidence of anything (wire-message §10.3, invalid-not-signed-hashchain).
      ...(isBatch && chain !== undefined && chainResult !== undefined ? { chain, chainResult } : {}),
      // SOAP attachments of batch-signed messages are never logged (§8.1): the chain's own digests stand for what is not here.
      absent: () => true,
    })
  }

  #conclude(): Report {
    const failed = this.#checks.filter((check) => !check.ok)
    const draft = { ...this.#draft, checks: this.#checks }
    const [first] = failed
    if (first === undefined) return { verdict: 'valid', indication: 'TOTAL-PASSED', ...draft }
    const worst =
      failed
        .map(indicationOf)
        .sort((a, b) => (a.indication === b.indication ? 0 : a.indication === 'TOTAL-FAILED' ? -1 : 1))[0] ??
      indicationOf(first)
    return { verdict: 'invalid', ...worst, ...draft }
  }
}

/** EN 319 102-1 §5.1.3, tables 5 and 6. */
function indicationOf(check: Check): Pick<Report, 'indication' | 'subIndication'> {
  const { code = '', name } = check
  const failed = (subIndication: string) => ({ indication: 'TOTAL-FAILED', subIndication }) as const
  const open = (subIndication: string) => ({ indication: 'INDETERMINATE', subIndication }) as const
  if (name === 'time-stamp') return open('NO_POE')
  if (name === 'signer') return open('SIG_CONSTRAINTS_FAILURE')
  if (name === 'message and attachments')
    return code === 'malformed_signature' ? failed('FORMAT_FAILURE') : failed('HASH_FAILURE')
  if (name === 'signature value') return failed('SIG_CRYPTO_FAILURE')
  if (code === 'cannot_create_cert_path') return open('NO_CERTIFICATE_CHAIN_FOUND')
  if (code === 'invalid_cert_path.cert_validation') return failed('REVOKED')
  if (code === 'invalid_cert_path.incorrect_validation_info') return open('TRY_LATER')
  if (code === 'invalid_cert_path') return open('CERTIFICATE_CHAIN_GENERAL_FAILURE')
  return failed('FORMAT_FAILURE')
}
