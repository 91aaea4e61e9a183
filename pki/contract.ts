// What the authorities' control sockets speak: paths and shapes, no behaviour. Faces (cli, demo) and tests import this and nothing else of the room.

/** Control socket names under the runtime folder of the authorities' directory (`runtimeSocket(directory, name)`). */
export type AuthorityProcess = 'ca' | 'ocsp' | 'tsa'

/** Profiles a certificate can be asked for. The authorities' own (root, issuing) come from the ceremony only. */
export const ISSUABLE_PROFILES = ['authentication', 'signing', 'tls', 'ocsp', 'tsa'] as const
export type IssuableProfile = (typeof ISSUABLE_PROFILES)[number]

/**
 * Why a certificate was revoked (RFC 5280 §5.3.1). `certificateHold` and `removeFromCRL` are left out: a hold is a
 * revocation that may be taken back, and evidence signed in between would be valid today and invalid tomorrow.
 */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const
export type RevocationReason = keyof typeof REVOCATION_REASONS

/** `POST /issue` (CA). The profile decides usages, validity and extensions; whatever else the request asks for is ignored. */
export interface IssueRequest {
  readonly profile: IssuableProfile
  /** PKCS#10: base64 of the DER, or PEM text. Its signature proves possession of the key. */
  readonly csr: string
  /** Replaces the subject of the request, when the registrar knows better. Object identifiers, first RDN first. */
  readonly subject?: readonly { readonly oid: string; readonly value: string }[] | undefined
  /** Replaces the dNSNames of the request, for profiles that carry names. */
  readonly dnsNames?: readonly string[] | undefined
  /** Addresses for profiles that carry names; a request cannot ask for them. */
  readonly ipAddresses?: readonly string[] | undefined
  /** Shorter life than the profile's, in seconds; never longer. */
  readonly validSeconds?: number | undefined
}

export interface IssueAnswer {
  /** Base64 of the DER. */
  readonly certificate: string
  /** Base64 of the DER of each certificate above it: issuing CA first, root last. */
  readonly chain: readonly string[]
  /** Hexadecimal, lower case, as `POST /revoke` wants it. */
  readonly serialNumber: string
  readonly notAfter: string
}

/** `POST /revoke` (CA). Revoking twice keeps the first reason and time, and says so by returning them. */
export interface RevokeRequest {
  readonly serialNumber: string
  readonly reason: RevocationReason
}

export interface RevokeAnswer {
  readonly serialNumber: string
  readonly revokedAt: string
  readonly reason: RevocationReason
  /** Number of the CRL that lists it; absent when that CRL could not be signed yet (it follows by itself). */
  readonly crlNumber?: number
}

/**
 * `prepared`: on record, not yet signed. `abandoned`: the process died between; no certificate of that serial number ever left.
 */
export type CertificateState = 'prepared' | 'issued' | 'revoked' | 'abandoned'

/** `GET /certificates?after=<row>&limit=<1..500>` (CA), oldest first. */
export interface CertificateRecord {
  /** Dense, growing; the value for `after`. */
  readonly row: number
  readonly serialNumber: string
  readonly issuer: 'root' | 'issuing'
  readonly profile: string
  readonly subject: string
  readonly notBefore: string
  readonly notAfter: string
  readonly state: CertificateState
  readonly revokedAt?: string
  readonly reason?: RevocationReason
  /** Base64 of the DER; absent while prepared or abandoned. */
  readonly certificate?: string
}

export interface CertificatePage {
  readonly certificates: readonly CertificateRecord[]
  /** Value of `after` for the next page; absent on the last. */
  readonly next?: number
}

/** `POST /ceremony` (CA): makes what is missing, changes nothing that is there. Base64 of the DER. */
export interface CeremonyAnswer {
  readonly root: string
  readonly issuing: string
  /** Responder for what the issuing CA issued; delegated by it. */
  readonly ocsp: string
  /** Responder for what the root issued, i.e. the issuing CA. */
  readonly rootOcsp: string
  readonly tsa: string
  /** Which of them this call made; empty when all was there. */
  readonly made: readonly string[]
}

/** `GET /status` of each process. `ready` is false until the ceremony is done and the signer is unlocked. */
export interface CaStatus {
  readonly ready: boolean
  readonly reason?: string
  readonly issued: number
  readonly revoked: number
  readonly crl?: { readonly number: number; readonly nextUpdate: string }
  readonly expires: Readonly<Record<string, string>>
}

export interface OcspStatus {
  readonly ready: boolean
  readonly reason?: string
  readonly url: string
  readonly answered: number
  readonly signed: number
  readonly refused: number
  readonly expires?: string
}

export interface TsaStatus {
  readonly ready: boolean
  readonly reason?: string
  readonly url: string
  readonly granted: number
  readonly refused: number
  readonly expires?: string
}
