// Is this the signature of that member over these parts? The checks of wire-message §6.3 in their order, with what the reference leaves out:
// every part must be covered, the signing certificate of the properties must be the one of KeyInfo, base64 must be canonical.
import {
  type Authority,
  authorityFor,
  type ClientId,
  memberFromCertificate,
  memberOf,
  sameId,
  shortId,
  type TrustMaterial,
} from '#protocol'
import {
  type Certificate,
  certIdMatches,
  digest,
  equalBytes,
  isSigningCertificate,
  judgeOcsp,
  type OcspResponse,
  type OcspVerdict,
  parseOcspResponse,
  rawToDerEcdsa,
  TrustError,
  verifyPath,
  verifySignature,
} from '#trust'
import { coverageOf, partData, type SignatureForm } from './coverage.ts'
import { EvidenceError, malformedSignature as malformed } from './error.ts'
import { castSignature, learn } from './moulds.ts'
import { proven, provenKey, remember } from './proven.ts'
import { type ReadSignature, readSignature, type SignatureFacts } from './signature-reader.ts'
import type { MessagePart } from './signature-writer.ts'

export interface VerifiedSignature {
  readonly form: SignatureForm
  readonly certificate: Certificate
  /** The member; a subsystem signs through its member. */
  readonly signer: ClientId
  /** What the signer claims; a time-stamp proves. */
  readonly signedAt: Date | undefined
  readonly ocsp: OcspVerdict
}

export interface VerifyInput {
  readonly signature: Uint8Array
  readonly chainResult?: Uint8Array
  readonly chain?: Uint8Array
  readonly parts: readonly MessagePart[]
  /** The member (or a subsystem of it) that must have signed. */
  readonly signer: ClientId
  readonly trust: TrustMaterial
  readonly at: Date
}

/** Throws EvidenceError with the sub-code that goes after `signature_verification.`. */
export function verifyMessage(input: VerifyInput): VerifiedSignature {
  const { chain, chainResult } = input
  // A signature over one message is met once; one over a round comes with each of its messages.
  const key = chain === undefined || chainResult === undefined ? undefined : provenKey(input.signature)
  const known = key === undefined ? undefined : proven(key)
  if (known !== undefined) return judge(known, undefined, input)
  const cast = castSignature(input.signature)
  const signature = cast ?? readSignature(input.signature)
  const verified = judge(signature, signature, input)
  if (cast === undefined) learn(input.signature, signature)
  if (key !== undefined && verified.form === 'batch') remember(key, signature, input.signature.length)
  return verified
}

/** The checks in their order; without `unproven`, those that depend on the octets of the signature alone have been made. */
function judge(
  facts: SignatureFacts,
  unproven: ReadSignature | undefined,
  { chain, chainResult, parts, signer: expected, trust, at }: VerifyInput,
): VerifiedSignature {
  const covered = { parts: parts.map(partData), chain, chainResult }
  const coverage = coverageOf(facts, covered, unproven?.signedProperties ?? 'proven')
  coverage.verifyChain?.()
  if (unproven) verifyCertificateUse(unproven)
  const signer = verifySigner(facts, expected, trust)
  if (unproven) verifyValue(unproven)
  for (const reference of coverage.references) reference.verify()
  const ocsp = verifyTrust(facts, expected.instance, trust, at)
  return { form: coverage.form, certificate: facts.certificate, signer, signedAt: facts.signingTime, ocsp }
}

/** Row 4, and the certificate digest that the reference does not compare. */
export function verifyCertificateUse({ certificate, signingCertificates }: SignatureFacts): void {
  if (!isSigningCertificate(certificate))
    throw malformed(`${certificate.subject.text} is not a certificate for signing`)
  for (const named of signingCertificates)
    if (!equalBytes(digest(named.digest, certificate.der), named.value))
      throw malformed('its signed properties name another certificate')
}

/** Row 5: the profile of the CA says which member a certificate is of; subsystems speak through their member. */
export function verifySigner({ certificate }: SignatureFacts, expected: ClientId, trust: TrustMaterial): ClientId {
  const { profile } = signingAuthority(certificate, expected.instance, trust)
  const owner = memberOf(expected)
  const incorrect = (why: string, cause?: unknown) => new EvidenceError('incorrect_certificate', why, { cause })
  let member: ClientId
  try {
    member = memberFromCertificate(profile, certificate, expected.instance)
  } catch (cause) {
    throw incorrect(`No member can be read from ${certificate.subject.text}`, cause)
  }
  if (!sameId(member, owner)) throw incorrect(`Signed by ${shortId(member)}, not by ${shortId(owner)}`)
  return member
}

/** Row 6, the value itself, over the canonical SignedInfo. */
export function verifyValue(signature: ReadSignature): void {
  const { algorithm, certificate, value } = signature
  const der = algorithm.key === 'ec' ? rawToDerEcdsa(value) : value
  try {
    if (der !== undefined && verifySignature(algorithm, certificate.publicKey, signature.signedInfo(), der)) return
  } catch (cause) {
    throw new EvidenceError('invalid_signature_value', `The key of ${certificate.subject.text} is not accepted`, {
      cause,
    })
  }
  throw new EvidenceError('invalid_signature_value', 'The signature value is wrong')
}

/** Row 8: path to the approved CA at that time, and a good OCSP answer inside the signature for every certificate on it. */
export function verifyTrust(signature: SignatureFacts, instance: string, trust: TrustMaterial, at: Date): OcspVerdict {
  const { certificate, ocspAnswers, intermediates } = signature
  if (ocspAnswers.length === 0) throw malformed('it carries no OCSP answer')
  const anchor = signingAuthority(certificate, instance, trust)
  let path: readonly Certificate[]
  try {
    path = verifyPath(certificate, anchor.certificate, intermediates, at)
  } catch (cause) {
    throw new EvidenceError(pathCode(cause), (cause as Error).message, { cause })
  }
  const [verdict] = path.map((link) => judgeLink(link, ocspAnswers, instance, trust, at))
  if (verdict === undefined) throw new EvidenceError('cannot_create_cert_path', 'The signer is a CA')
  return verdict
}

function pathCode(cause: unknown): 'cannot_create_cert_path' | 'invalid_cert_path' {
  return cause instanceof TrustError && cause.code === 'cannot_create_cert_path' ? cause.code : 'invalid_cert_path'
}

function judgeLink(
  link: Certificate,
  answers: readonly Uint8Array[],
  instance: string,
  trust: TrustMaterial,
  at: Date,
): OcspVerdict {
  const authority = authorityFor(trust, link, instance)
  if (authority === undefined)
    throw new EvidenceError('cannot_create_cert_path', `No approved CA issued ${link.subject.text}`)
  const judge = {
    issuer: authority.certificate,
    responders: authority.responders,
    authorities: views(trust).certificates,
  }
  const policy = { at, freshnessSeconds: trust.ocspFreshnessSeconds, verifyNextUpdate: trust.verifyNextUpdate }
  try {
    return judgeOcsp(link, answerFor(link, authority.certificate, answers), judge, policy)
  } catch (cause) {
    const revoked = cause instanceof TrustError && cause.code === 'cert_validation'
    throw new EvidenceError(
      revoked ? 'invalid_cert_path.cert_validation' : 'invalid_cert_path.incorrect_validation_info',
      (cause as Error).message,
      { cause },
    )
  }
}

/** Answers are found by what they are about, so their order does not matter (wire-message §1.7). */
function answerFor(link: Certificate, issuer: Certificate, answers: readonly Uint8Array[]): OcspResponse {
  const candidates = parsed(answers).filter(({ responses: [single] }) => single?.serialNumber === link.serialNumber)
  // Another CA may have issued a certificate with the same serial number.
  const found =
    candidates.length > 1
      ? candidates.find(({ responses: [single] }) => single !== undefined && certIdMatches(single.certId, issuer))
      : candidates[0]
  if (found === undefined)
    throw new TrustError('incorrect_validation_info', `It carries no OCSP answer for ${link.subject.text}`)
  return found
}

const answersOf = new WeakMap<readonly Uint8Array[], readonly OcspResponse[]>()

/** What a reading found is read again for each message that it serves, and never changes. */
function parsed(answers: readonly Uint8Array[]): readonly OcspResponse[] {
  let known = answersOf.get(answers)
  if (known === undefined) {
    known = answers.map((der) => parseOcspResponse(der))
    answersOf.set(answers, known)
  }
  return known
}

/** The authority whose certificates may sign messages; those for authentication only are not considered (wire-conf §5.4). */
function signingAuthority(certificate: Certificate, instance: string, trust: TrustMaterial): Authority {
  const authority = authorityFor(views(trust).signing, certificate, instance)
  if (authority === undefined)
    throw new EvidenceError(
      'cannot_create_cert_path',
      `No approved CA of ${instance} for signing issued ${certificate.subject.text}`,
    )
  return authority
}

interface Views {
  /** The same trust without authorities for authentication only. */
  readonly signing: TrustMaterial
  readonly certificates: readonly Certificate[]
}

const viewsOf = new WeakMap<TrustMaterial, Views>()

/** Trust material never changes, so what is derived from it is derived once. */
function views(trust: TrustMaterial): Views {
  let derived = viewsOf.get(trust)
  if (derived === undefined) {
    const authorities = trust.authorities.filter(({ authenticationOnly }) => !authenticationOnly)
    derived = {
      signing: { ...trust, authorities },
      certificates: trust.authorities.map(({ certificate }) => certificate),
    }
    viewsOf.set(trust, derived)
  }
  return derived
}
