// The certification authority as one service: what the control socket, the schedule and the start all go through.

import { isIP } from 'node:net'
import { type Log, turnstile } from '#host'
import { encodeBase64 as base64, type Certificate, decodeBase64, parseRequest } from '#trust'
import { type CeremonyContext, type CeremonyResult, ceremonyBegun, holdCeremony, issuerOf } from './ceremony.ts'
import type {
  CaStatus,
  CeremonyAnswer,
  CertificatePage,
  CertificateRecord,
  IssueAnswer,
  IssueRequest,
  RevocationReason,
  RevokeAnswer,
  RevokeRequest,
} from './contract.ts'
import { PkiError } from './error.ts'
import { issuingDesk } from './issue.ts'
import { type Crl, currentCrl, ensureCrl } from './revocation.ts'
import { signerFault } from './signer-fault.ts'
import { authority } from './store/authorities.ts'
import {
  abandonPrepared,
  type CertificateRow,
  counts,
  page,
  recordRevocation,
  serialText,
} from './store/certificates.ts'
import type { AuthorityRole, IssuerRole } from './store/schema.ts'

const ISSUERS: readonly IssuerRole[] = ['root', 'issuing']
const ROLES: readonly AuthorityRole[] = ['root', 'issuing', 'ocsp', 'root-ocsp', 'tsa']
/** A PKCS#10 request with an RSA-4096 key and a long name is under 2 KiB. */
const MAX_REQUEST_TEXT = 16_384

export interface CaContext extends CeremonyContext {
  readonly crlSeconds: number
  readonly log: Log
}

export interface CertificationAuthority {
  /** Closes what a crash left open, finishes a begun ceremony, renews what is due. Never fails: what it cannot do now is logged and tried at the next `tend`. */
  start(): Promise<void>
  /** Scheduled work: CRLs and responder certificates. Never fails, as `start`. */
  tend(): Promise<void>
  ceremony(): Promise<CeremonyAnswer>
  issue(request: IssueRequest): Promise<IssueAnswer>
  revoke(request: RevokeRequest): Promise<RevokeAnswer>
  certificates(after: number, limit: number): Promise<CertificatePage>
  status(): Promise<CaStatus>
  /** The issuer's certificate, or undefined before the ceremony. */
  certificateOf(issuer: IssuerRole): Promise<Certificate | undefined>
  /** The issuer's newest CRL, or undefined before the ceremony. */
  crl(issuer: IssuerRole): Promise<Crl | undefined>
}

export function certificationAuthority(context: CaContext): CertificationAuthority {
  const { db, signer, clock, log, crlSeconds } = context
  const takeTurns = turnstile()
  let fault: string | undefined

  const freshCrl = async (role: IssuerRole) =>
    ensureCrl(await issuerOf(role, context), { db, signer, clock, validSeconds: crlSeconds })

  const hold = (): Promise<CeremonyResult> =>
    takeTurns(async () => {
      const result = await holdCeremony(context)
      for (const role of ISSUERS) await freshCrl(role)
      for (const role of result.made)
        log.info('authority certified', { role, subject: result.certificates[role].subject.text })
      fault = undefined
      return result
    })

  async function tend(): Promise<void> {
    try {
      if (await ceremonyBegun(db)) await hold()
    } catch (error) {
      fault = error instanceof Error ? error.message : String(error)
      log.error('the authority cannot do its scheduled work; trying again later', { error })
    }
  }

  return {
    tend,

    async start() {
      const abandoned = await abandonPrepared(db)
      if (abandoned > 0) log.warn('certificates that were being signed at the last stop are abandoned', { abandoned })
      await tend()
    },

    async ceremony() {
      const { certificates, made } = await hold()
      return {
        root: base64(certificates.root.der),
        issuing: base64(certificates.issuing.der),
        ocsp: base64(certificates.ocsp.der),
        rootOcsp: base64(certificates['root-ocsp'].der),
        tsa: base64(certificates.tsa.der),
        made,
      }
    },

    async issue(request) {
      const csr = readRequest(request.csr)
      const issuer = await issuerOf('issuing', context)
      const root = await issuerOf('root', context)
      if (request.ipAddresses?.some((address) => isIP(address) === 0)) {
        throw new PkiError('invalid_request', 'ipAddresses: not an address')
      }
      const desk = issuingDesk(issuer, context)
      const token = await desk.prepare({
        profile: request.profile,
        subject: request.subject ?? csr.subject.attributes,
        spki: csr.spki,
        dnsNames: request.dnsNames ?? csr.dnsNames,
        ...(request.ipAddresses === undefined ? {} : { ipAddresses: request.ipAddresses }),
        ...(request.validSeconds === undefined ? {} : { validSeconds: request.validSeconds }),
      })
      const certificate = await desk.issue(token)
      const serialNumber = serialText(certificate.serialNumber)
      log.info('certificate issued', { profile: request.profile, serialNumber, subject: certificate.subject.text })
      return {
        certificate: base64(certificate.der),
        chain: [base64(issuer.certificate.der), base64(root.certificate.der)],
        serialNumber,
        notAfter: certificate.notAfter.toISOString(),
      }
    },

    async revoke({ serialNumber, reason }) {
      // Durable first: from here on the OCSP responder says "revoked", whatever becomes of the CRL.
      const row = await recordRevocation(db, serialNumber.toLowerCase(), reason, clock.now())
      const revokedAt = new Date(row.revoked_at ?? 0).toISOString()
      log.warn('certificate revoked', { serialNumber: row.serial, subject: row.subject, reason: row.reason })
      const answer = { serialNumber: row.serial, revokedAt, reason: row.reason as RevocationReason }
      try {
        const { number } = await takeTurns(() => freshCrl(row.issuer))
        return { ...answer, crlNumber: number }
      } catch (error) {
        fault = 'a revocation is not on the CRL yet'
        log.error('the CRL could not be signed; OCSP says revoked already, the CRL follows', { error })
        return answer
      }
    },

    async certificates(after, limit) {
      const rows = await page(db, after, limit)
      const last = rows.at(-1)
      return {
        certificates: rows.map(record),
        ...(last !== undefined && rows.length === limit ? { next: last.row } : {}),
      }
    },

    async status() {
      const [states, crl] = await Promise.all([counts(db), currentCrl(db, 'issuing')])
      const authorities = await Promise.all(ROLES.map((role) => authority(db, role)))
      const certified = authorities.flatMap((found) =>
        found?.certificate ? [[found.role, found.certificate] as const] : [],
      )
      const reason =
        certified.length < ROLES.length ? 'the key ceremony has not been held' : ((await signerFault(signer)) ?? fault)
      return {
        ready: reason === undefined,
        ...(reason === undefined ? {} : { reason }),
        issued: states.get('issued') ?? 0,
        revoked: states.get('revoked') ?? 0,
        ...(crl === undefined ? {} : { crl: { number: crl.number, nextUpdate: crl.nextUpdate.toISOString() } }),
        expires: Object.fromEntries(certified.map(([role, certificate]) => [role, certificate.notAfter.toISOString()])),
      }
    },

    async certificateOf(issuer) {
      return (await authority(db, issuer))?.certificate
    },

    async crl(issuer) {
      return await currentCrl(db, issuer)
    },
  }
}

/** PEM text or base64 of the DER; trust checks form and proof of possession. */
function readRequest(text: string): ReturnType<typeof parseRequest> {
  if (text.length > MAX_REQUEST_TEXT) throw new PkiError('invalid_request', 'csr: too long')
  const bytes = text.includes('-----BEGIN') ? Buffer.from(text, 'latin1') : decodeBase64(text)
  if (bytes === undefined) throw new PkiError('invalid_request', 'csr: neither PEM nor base64')
  try {
    return parseRequest(bytes)
  } catch (cause) {
    throw new PkiError('invalid_request', `csr: ${cause instanceof Error ? cause.message : 'unreadable'}`, { cause })
  }
}

function record(row: CertificateRow): CertificateRecord {
  return {
    row: row.row,
    serialNumber: row.serial,
    issuer: row.issuer,
    profile: row.profile,
    subject: row.subject,
    notBefore: new Date(row.not_before).toISOString(),
    notAfter: new Date(row.not_after).toISOString(),
    state: row.state,
    ...(row.revoked_at === null ? {} : { revokedAt: new Date(row.revoked_at).toISOString() }),
    ...(row.reason === null ? {} : { reason: row.reason as RevocationReason }),
    ...(row.der === null ? {} : { certificate: base64(row.der) }),
  }
}
