// Issuing in two steps (boulder's way). `prepare` builds the certificate, signs it with a throw-away key and lints those
// bytes; `issue` alone reaches the real key, with a token that works once and only at the issuer that gave it. What was
// linted is what is signed, because it is the same TBSCertificate.

import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Clock } from '#host'
import type { SignerClient } from '#signer'
import {
  type Certificate,
  digest,
  type KeyObject,
  parseCertificate,
  publicKeyFromSpki,
  readDer,
  type SignatureAlgorithm,
  signatureFor,
  verifySignature,
  write,
  writeName,
} from '#trust'
import { draftCertificate, type SigningKind } from './draft.ts'
import { PkiError } from './error.ts'
import { keyIdentifier } from './key-identifier.ts'
import { lint } from './lint.ts'
import { PROFILES, type ProfileName, type SubjectRules, subjectRule } from './profiles.ts'
import { recordIssued, recordPreparation } from './store/certificates.ts'
import type { IssuerRole, PkiTables } from './store/schema.ts'

/** Clocks differ a little: a certificate must not be "not yet valid" at the neighbour's. Seconds. */
const BACKDATED_SECONDS = 300

/** Someone who signs certificates: the root, or the issuing CA. */
export interface Issuer {
  readonly role: IssuerRole
  /** The signer's id of its key. */
  readonly keyId: string
  readonly spki: Uint8Array
  /** Absent for the root until it has signed itself. */
  readonly certificate?: Certificate
}

export interface IssueInput {
  readonly profile: ProfileName
  /** First RDN first. */
  readonly subject: readonly { readonly oid: string; readonly value: string }[]
  readonly spki: Uint8Array
  readonly dnsNames?: readonly string[]
  readonly ipAddresses?: readonly string[]
  /** Seconds; shorter than the profile's. */
  readonly validSeconds?: number
}

/** Proof that a draft passed lint. Opaque; works once. */
export interface IssuanceToken {
  readonly serialNumber: bigint
}

export interface IssuingContext {
  readonly db: Kysely<PkiTables>
  readonly signer: SignerClient
  readonly clock: Clock
  readonly subjectRules: SubjectRules
  /** Where relying parties find things; written into certificates. */
  readonly locations: (issuer: IssuerRole) => { readonly crl: string; readonly issuer: string; readonly ocsp?: string }
}

export interface IssuingDesk {
  /** Builds and lints. Throws PkiError `lint_refused` with every fault. Nothing is recorded, no key is touched. */
  prepare(input: IssueInput): Promise<IssuanceToken>
  /**
   * Records, signs, records, returns. Throws PkiError `token_spent` for a token of another desk or used before,
   * `key_already_certified`; SignerError when the signer will not sign. A failed token is spent: prepare again.
   */
  issue(token: IssuanceToken): Promise<Certificate>
}

/** The algorithm an authority's key signs with: the curve's own digest, SHA-256 for RSA. */
export function authorityAlgorithm(key: KeyObject): SignatureAlgorithm {
  return signatureFor(key, key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'SHA-384' : 'SHA-256')
}

/** The same in the words of draft.ts: the throw-away key must leave the same AlgorithmIdentifier in the TBSCertificate. */
function signingKind(key: KeyObject, { digest: hash }: SignatureAlgorithm): SigningKind {
  if (key.asymmetricKeyType === 'rsa') return { key: 'rsa', hash }
  return { key: key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256', hash }
}

/** 16 octets: random but for the top two bits, which keep it positive and of full length. */
function newSerialNumber(): Uint8Array {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}

/** The desk of one issuer. May be used concurrently. */
export function issuingDesk(issuer: Issuer, context: IssuingContext): IssuingDesk {
  const { db, signer, clock, subjectRules } = context
  const publicKey = publicKeyFromSpki(issuer.spki)
  const algorithm = authorityAlgorithm(publicKey)
  const issuerKeyId = keyIdentifier(issuer.spki)
  const drafts = new WeakMap<IssuanceToken, { draft: Certificate; profile: ProfileName }>()

  async function prepare(input: IssueInput): Promise<IssuanceToken> {
    const profile = PROFILES[input.profile]
    const subject = writeName(input.subject)
    const { notBefore, notAfter } = validity(input)
    const draft = parseCertificate(
      await draftCertificate({
        profile,
        serialNumber: newSerialNumber(),
        issuer: issuer.certificate?.subject.der ?? subject,
        subject,
        spki: input.spki,
        publicKey: publicKeyFromSpki(input.spki),
        issuerKeyId,
        subjectKeyId: keyIdentifier(input.spki),
        notBefore,
        notAfter,
        dnsNames: input.dnsNames ?? [],
        ipAddresses: input.ipAddresses ?? [],
        ...(profile.locations ? { locations: context.locations(issuer.role) } : {}),
        signing: signingKind(publicKey, algorithm),
      }),
    )
    lint({
      draft,
      profile,
      subjectRule: subjectRule(input.profile, subjectRules),
      issuerKeyId,
      ...(issuer.certificate === undefined ? {} : { issuer: issuer.certificate }),
    })
    const token: IssuanceToken = { serialNumber: draft.serialNumber }
    drafts.set(token, { draft, profile: input.profile })
    return token
  }

  /** Whole seconds, a little into the past, inside the issuer's life. */
  function validity({ profile, validSeconds }: IssueInput): { notBefore: Date; notAfter: Date } {
    const now = Math.floor(clock.now().getTime() / 1000)
    const longest = PROFILES[profile].validSeconds - BACKDATED_SECONDS
    const earliest = (issuer.certificate?.notBefore.getTime() ?? 0) / 1000
    const latest = (issuer.certificate?.notAfter.getTime() ?? Number.POSITIVE_INFINITY) / 1000
    const notBefore = Math.max(now - BACKDATED_SECONDS, earliest)
    const notAfter = Math.min(now + Math.min(validSeconds ?? longest, longest), latest)
    return { notBefore: new Date(notBefore * 1000), notAfter: new Date(notAfter * 1000) }
  }

  async function issue(token: IssuanceToken): Promise<Certificate> {
    const prepared = drafts.get(token)
    if (prepared === undefined)
      throw new PkiError('token_spent', 'this draft was issued before, or prepared at another desk')
    drafts.delete(token)
    const { draft, profile } = prepared

    // Durable before the key is touched: whatever the signer ever signed has its serial number in the register.
    await recordPreparation(db, {
      draft,
      issuer: issuer.role,
      profile,
      keyHash: Buffer.from(digest('SHA-256', draft.spki)).toString('hex'),
      tbsHash: Buffer.from(digest('SHA-256', draft.tbs)).toString('hex'),
      at: clock.now(),
    })
    const signature = await signer.sign({
      key: issuer.keyId,
      purpose: 'certificate',
      algorithm: algorithm.name,
      data: draft.tbs,
    })
    // A signer that holds another key under this id would make a certificate that nobody can verify, and we would have vouched for it.
    if (!verifySignature(algorithm, publicKey, draft.tbs, signature)) {
      throw new PkiError('signature_mismatch', `the signer's key ${issuer.keyId} is not the ${issuer.role} CA's`)
    }
    const certificate = parseCertificate(assemble(draft, signature))
    // Durable before it leaves. A crash above leaves a `prepared` row and no certificate; the next start abandons it.
    await recordIssued(db, certificate)
    return certificate
  }

  return { prepare, issue }
}

/** Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue }: the draft with the real signature in place. */
function assemble(draft: Certificate, signature: Uint8Array): Uint8Array {
  const [tbs, algorithm] = readDer(draft.der).children()
  if (!tbs || !algorithm) throw new TypeError('a Certificate was expected')
  return write.sequence(tbs.raw, algorithm.raw, write.bits(signature))
}
