// A verdict in words that a court knows: checks one by one, and the indications of ETSI EN 319 102-1 that follow from them.

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
  readonly indication: Indication['indication']
  readonly subIndication?: string
  /** Whose message it says it is: the client of a request, the provider of a response. */
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
  readonly message?: {
    readonly protocol: 'REST' | 'SOAP'
    readonly direction: 'request' | 'response'
    /** In the container, and covered by the signature when the verdict is valid. */
    readonly attachments: readonly string[]
    /** Signed, but not in the container: only their digests can be proved by it. */
    readonly absent: readonly string[]
    /** In the container, but covered by no signature that was judged: they prove nothing. */
    readonly unsigned: readonly string[]
  }
  /** In the order in which they were made; all of them, whatever failed before. */
  readonly checks: readonly Check[]
}

export const CHECKS = {
  container: 'container',
  structure: 'signature structure',
  message: 'message',
  coverage: 'signed parts',
  timestamp: 'time-stamp',
  chain: 'hash chain',
  certificate: 'signing certificate',
  signer: 'signer',
  value: 'signature value',
  /** Followed by what the digest is of. */
  digest: 'digest of',
  attachments: 'attachments',
  path: 'certificate path and revocation',
} as const

export interface Indication {
  readonly indication: 'TOTAL-PASSED' | 'TOTAL-FAILED' | 'INDETERMINATE'
  readonly subIndication?: string
}

/** What all checks say together: a failure outweighs what could not be determined, the earlier check the later one. */
export function concluded(checks: readonly Check[]): Indication {
  const worst = checks.filter(({ ok }) => !ok).map(indicationOf)
  return worst.find(({ indication }) => indication === 'TOTAL-FAILED') ?? worst[0] ?? { indication: 'TOTAL-PASSED' }
}

/** Tables 5 and 6 of EN 319 102-1 §5.1.3. */
function indicationOf({ name, code = '' }: Check): Indication {
  if (name === CHECKS.timestamp) return indeterminate('NO_POE')
  if (name === CHECKS.value) return failed('SIG_CRYPTO_FAILURE')
  if (name === CHECKS.chain || name.startsWith(CHECKS.digest)) return failed('HASH_FAILURE')
  if (name === CHECKS.attachments) return indeterminate('SIGNED_DATA_NOT_FOUND')
  if (code === 'cannot_create_cert_path') return indeterminate('NO_CERTIFICATE_CHAIN_FOUND')
  if (name === CHECKS.signer || name === CHECKS.certificate) return indeterminate('SIG_CONSTRAINTS_FAILURE')
  switch (code) {
    case 'invalid_cert_path.cert_validation':
      return failed('REVOKED')
    case 'invalid_cert_path.incorrect_validation_info':
      return indeterminate('TRY_LATER')
    case 'invalid_cert_path':
      return indeterminate('CERTIFICATE_CHAIN_GENERAL_FAILURE')
    default:
      return failed('FORMAT_FAILURE')
  }
}

function failed(subIndication: string): Indication {
  return { indication: 'TOTAL-FAILED', subIndication }
}

function indeterminate(subIndication: string): Indication {
  return { indication: 'INDETERMINATE', subIndication }
}
