// The key ceremony: root key, root certificate, issuing key and certificate, the two OCSP responders, the TSA.
// Each step is durable before the next begins and is skipped when its result is there, so a repeated start continues
// where the last one stopped, and a finished ceremony can be held again without anything happening.

import type { Kysely } from 'kysely'
import type { KeyInfo, SignerClient } from '#signer'
import { type Certificate, oids } from '#trust'
import type { CaConfig } from './config.ts'
import { PkiError } from './error.ts'
import { type Issuer, type IssuingContext, issuingDesk } from './issue.ts'
import type { ProfileName } from './profiles.ts'
import { type Authority, authority, recordCertificate, recordKey } from './store/authorities.ts'
import type { AuthorityRole, IssuerRole, PkiTables } from './store/schema.ts'

/** A responder's certificate is renewed, over the same key, when fewer seconds than this are left of it: 60 days. */
const RENEW_SECONDS = 60 * 86_400

interface Step {
  readonly role: AuthorityRole
  readonly use: KeyInfo['use']
  readonly profile: ProfileName
  readonly signedBy: IssuerRole
  readonly title: string
}

/** In the order of need: who signs stands before what it signs. */
const STEPS: readonly Step[] = [
  { role: 'root', use: 'certificate', profile: 'root', signedBy: 'root', title: 'Root CA' },
  { role: 'issuing', use: 'certificate', profile: 'issuing', signedBy: 'root', title: 'Issuing CA' },
  // Each CA delegates to a responder of its own: a responder must be issued by the very CA it speaks for (RFC 6960 §4.2.2.2).
  // Names differ, so that a ResponderID by name finds one certificate only.
  { role: 'ocsp', use: 'ocsp', profile: 'ocsp', signedBy: 'issuing', title: 'OCSP' },
  { role: 'root-ocsp', use: 'ocsp', profile: 'ocsp', signedBy: 'root', title: 'Root OCSP' },
  { role: 'tsa', use: 'timestamp', profile: 'tsa', signedBy: 'issuing', title: 'TSA' },
]

export interface CeremonyContext extends IssuingContext {
  readonly identity: Pick<CaConfig, 'name' | 'organization' | 'country' | 'keyAlgorithm'>
}

export interface CeremonyResult {
  readonly certificates: Readonly<Record<AuthorityRole, Certificate>>
  /** Roles whose certificate this run made. */
  readonly made: readonly AuthorityRole[]
}

/**
 * Holds what is left of the ceremony. Must not run twice at once (ca.ts takes turns). Throws SignerError when the signer
 * is locked or away; holding it again continues.
 */
export async function holdCeremony(context: CeremonyContext): Promise<CeremonyResult> {
  const certificates: Partial<Record<AuthorityRole, Certificate>> = {}
  const made: AuthorityRole[] = []
  for (const step of STEPS) {
    const { keyId, certificate } = await ensureKey(step, context)
    if (certificate !== undefined && !renewalDue(step, certificate, context.clock.now())) {
      certificates[step.role] = certificate
      continue
    }
    certificates[step.role] = await certify(step, keyId, context)
    made.push(step.role)
  }
  return { certificates: certificates as Record<AuthorityRole, Certificate>, made }
}

/** Whether a ceremony was begun here: then a start of the CA may finish it unasked. */
export async function ceremonyBegun(db: Kysely<PkiTables>): Promise<boolean> {
  return (await authority(db, 'root')) !== undefined
}

/** Responders only. Root, issuing CA and TSA are pinned in global configurations; replacing them is a decision, not a schedule. */
function renewalDue({ profile }: Step, certificate: Certificate, now: Date): boolean {
  return profile === 'ocsp' && certificate.notAfter.getTime() - now.getTime() < RENEW_SECONDS * 1000
}

/**
 * The role's key. A crash between "the signer made it" and "we wrote its id down" leaves a key in the signer that nobody
 * names; its label finds it again, so there is never a second one.
 */
async function ensureKey({ role, use }: Step, { db, signer, identity }: CeremonyContext): Promise<Authority> {
  const known = await authority(db, role)
  if (known !== undefined) return known
  const label = `${identity.name} ${role}`
  const keys = await signer.keys()
  const key =
    keys.find((candidate) => candidate.use === use && candidate.label === label) ??
    (await signer.generate({ use, algorithm: identity.keyAlgorithm, label }))
  await recordKey(db, role, key.id)
  return { role, keyId: key.id }
}

/** Issues the role's certificate through the same desk as everybody's, and writes it down as the role's. */
async function certify(step: Step, keyId: string, context: CeremonyContext): Promise<Certificate> {
  const { db, signer, identity } = context
  const spki = await publicKeyOf(signer, keyId)
  const issuer =
    step.role === 'root' ? ({ role: 'root', keyId, spki } as const) : await issuerOf(step.signedBy, context)
  const desk = issuingDesk(issuer, context)
  const token = await desk.prepare({ profile: step.profile, subject: subjectOf(step, identity), spki })
  const certificate = await desk.issue(token)
  // A crash before the next line leaves an issued certificate that no role has; the next run issues another for the same key.
  await recordCertificate(db, step.role, certificate)
  return certificate
}

function subjectOf({ title }: Step, { name, organization, country }: CeremonyContext['identity']) {
  return [
    ...(country === undefined ? [] : [{ oid: oids.country, value: country }]),
    { oid: oids.organization, value: organization ?? name },
    { oid: oids.commonName, value: `${name} ${title}` },
  ]
}

async function publicKeyOf(signer: SignerClient, keyId: string): Promise<Uint8Array> {
  const key = (await signer.keys()).find(({ id }) => id === keyId)
  if (key === undefined)
    throw new PkiError('not_ready', `the signer has lost key ${keyId}: restore its directory from backup`)
  return Buffer.from(key.spki, 'base64')
}

/** An issuer that has its certificate. Throws PkiError `not_ready` before the ceremony came that far. */
export async function issuerOf(
  role: IssuerRole,
  { db }: Pick<CeremonyContext, 'db'>,
): Promise<Issuer & { certificate: Certificate }> {
  const found = await authority(db, role)
  if (found?.certificate === undefined)
    throw new PkiError('not_ready', 'the key ceremony has not been held: POST /ceremony')
  return { role, keyId: found.keyId, spki: found.certificate.spki, certificate: found.certificate }
}
