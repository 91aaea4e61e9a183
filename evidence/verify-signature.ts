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
  digest,
  equalBytes,
  isSigningCertificate,
  judgeOcsp,
  type OcspVerdict,
  parseOcspResponse,
  rawToDerEcdsa,
  TrustError,
  verifyPath,
  verifySignature,
} from '#trust'
import { canonicalize } from './c14n.ts'
import { EvidenceError } from './error.ts'
import { type ChainData, verifyHashChain } from './hash-chain.ts'
import { type ReadSignature, readSignature } from './signature-reader.ts'
import { type MessagePart, SIG_HASH_CHAIN_RESULT } from './signature-writer.ts'

export interface VerifiedSignature {
  /** One reference to the message; a hash chain; a reference for each part. */
  readonly form: 'plain' | 'batch' | 'references'
  readonly certificate: Certificate
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
  const signature = readSignature(input.signature)
  const form = verifyCoverage(signature, input)
  verifyCertificateUse(signature)
  const signer = verifySigner(signature, input.signer, input.trust)
  verifyValue(signature)
  const ocsp = verifyTrust(signature, input.signer.instance, input.trust, input.at)
  return { form, certificate: signature.certificate, signer, signedAt: signature.signingTime, ocsp }
}

type Coverage = Pick<VerifyInput, 'chain' | 'chainResult' | 'parts'>

/** Every part is covered, nothing is referenced that is not there, every digest is right (rows 3 and 6 of §6.3). */
export function verifyCoverage(
  signature: ReadSignature,
  input: Coverage & { readonly absent?: (name: string) => boolean },
): VerifiedSignature['form'] {
  let form: VerifiedSignature['form'] | undefined
  let properties = false
  const missing = new Set(input.parts.map((part) => part.name))
  for (const reference of signature.references) {
    if (reference.uri.startsWith('#')) {
      if (reference.uri !== `#${signature.signedPropertiesId}`)
        throw malformed(`reference ${reference.uri} is not to the signed properties`)
      compare(reference, canonicalize(signature.signedProperties, reference.mode))
      properties = true
    } else if (reference.uri === SIG_HASH_CHAIN_RESULT) {
      if (input.chainResult === undefined || input.chain === undefined)
        throw malformed('it is over a hash chain that did not come with it')
      verifyHashChain({
        result: input.chainResult,
        chain: input.chain,
        inputs: input.parts.map(chainData),
        ...(input.absent ? { absent: input.absent } : {}),
      })
      compare(reference, input.chainResult)
      missing.clear()
      form = 'batch'
    } else {
      const part = input.parts.find((one) => one.name === reference.uri)
      if (part === undefined) throw malformed(`it references ${reference.uri}, which is not part of the message`)
      if (part.bytes !== undefined) compare(reference, part.bytes)
      else if (reference.digest !== 'SHA-512' || !equalBytes(reference.value, part.digest))
        throw wrongDigest(reference.uri)
      missing.delete(reference.uri)
      form ??= signature.references.length > 2 ? 'references' : 'plain'
    }
  }
  if (!properties) throw malformed('it does not cover its own signed properties')
  if (form === undefined) throw malformed('it references neither the message nor a hash chain')
  if (missing.size > 0) throw malformed(`it does not cover ${[...missing].join(', ')}`)
  return form
}

function chainData(part: MessagePart): ChainData {
  const { bytes } = part
  return {
    name: part.name,
    digest: (algorithm) =>
      algorithm === 'SHA-512' ? part.digest : bytes === undefined ? undefined : digest(algorithm, bytes),
  }
}

function compare(reference: ReadSignature['references'][number], bytes: Uint8Array): void {
  if (!equalBytes(digest(reference.digest, bytes), reference.value)) throw wrongDigest(reference.uri)
}

function wrongDigest(uri: string): EvidenceError {
  return new EvidenceError('invalid_signature_value', `The digest of ${uri} is not the one that was signed`)
}

/** Row 4, and the certificate digest that the reference does not compare. */
export function verifyCertificateUse(signature: ReadSignature): void {
  const { certificate, signingCertificate } = signature
  if (!isSigningCertificate(certificate))
    throw malformed(`${certificate.subject.text} is not a certificate for signing`)
  if (
    signingCertificate !== undefined &&
    !equalBytes(digest(signingCertificate.digest, certificate.der), signingCertificate.value)
  )
    throw malformed('its signed properties name another certificate')
}

/** Row 5: the profile of the CA says which member a certificate is of; subsystems speak through their member. */
export function verifySigner(signature: ReadSignature, expected: ClientId, trust: TrustMaterial): ClientId {
  const authority = signingAuthority(signature.certificate, expected.instance, trust)
  let member: ClientId
  try {
    member = memberFromCertificate(authority.profile, signature.certificate, expected.instance)
  } catch (cause) {
    throw new EvidenceError(
      'incorrect_certificate',
      `No member can be read from ${signature.certificate.subject.text}`,
      { cause },
    )
  }
  if (!sameId(member, memberOf(expected)))
    throw new EvidenceError(
      'incorrect_certificate',
      `Signed by ${shortId(member)}, not by ${shortId(memberOf(expected))}`,
    )
  return member
}

function signingAuthority(certificate: Certificate, instance: string, trust: TrustMaterial): Authority {
  const authority = authorityFor(trust, certificate, instance)
  if (authority === undefined || authority.authenticationOnly)
    throw new EvidenceError(
      'cannot_create_cert_path',
      `No approved CA of ${instance} for signing issued ${certificate.subject.text}`,
    )
  return authority
}

/** Row 6, the value itself, over the canonical SignedInfo. */
export function verifyValue(signature: ReadSignature): void {
  const { algorithm, certificate } = signature
  const value = algorithm.key === 'ec' ? rawToDerEcdsa(signature.value) : signature.value
  const signed = canonicalize(signature.signedInfo, signature.signedInfoMode)
  try {
    if (value !== undefined && verifySignature(algorithm, certificate.publicKey, signed, value)) return
  } catch (cause) {
    throw new EvidenceError('invalid_signature_value', `The key of ${certificate.subject.text} is not accepted`, {
      cause,
    })
  }
  throw new EvidenceError('invalid_signature_value', 'The signature value is wrong')
}

/** Row 8: path to the approved CA at that time, and a good OCSP answer inside the signature for every certificate on it. */
export function verifyTrust(signature: ReadSignature, instance: string, trust: TrustMaterial, at: Date): OcspVerdict {
  const { certificate, ocspAnswers } = signature
  if (ocspAnswers.length === 0) throw malformed('it carries no OCSP answer')
  const anchor = signingAuthority(certificate, instance, trust)
  let path: readonly Certificate[]
  try {
    path = verifyPath(certificate, anchor.certificate, signature.intermediates, at)
  } catch (cause) {
    const code =
      cause instanceof TrustError && cause.code === 'cannot_create_cert_path'
        ? 'cannot_create_cert_path'
        : 'invalid_cert_path'
    throw new EvidenceError(code, (cause as Error).message, { cause })
  }
  const verdicts = path.map((link) => judgeLink(link, ocspAnswers, instance, trust, at))
  const [first] = verdicts
  if (first === undefined) throw new EvidenceError('cannot_create_cert_path', 'The signer is a CA')
  return first
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
    authorities: trust.authorities.map((one) => one.certificate),
  }
  const policy = { at, freshnessSeconds: trust.ocspFreshnessSeconds, verifyNextUpdate: trust.verifyNextUpdate }
  try {
    const answer = answers
      .map((der) => parseOcspResponse(der))
      .find((one) => one.responses[0]?.serialNumber === link.serialNumber)
    if (answer === undefined)
      throw new TrustError('incorrect_validation_info', `It carries no OCSP answer for ${link.subject.text}`)
    return judgeOcsp(link, answer, judge, policy)
  } catch (cause) {
    const revoked = cause instanceof TrustError && cause.code === 'cert_validation'
    throw new EvidenceError(
      revoked ? 'invalid_cert_path.cert_validation' : 'invalid_cert_path.incorrect_validation_info',
      (cause as Error).message,
      { cause },
    )
  }
}

function malformed(why: string): EvidenceError {
  return new EvidenceError('malformed_signature', `The signature is malformed: ${why}`)
}
