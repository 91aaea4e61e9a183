// A verdict in words that a court knows: checks one by one, and the indications of ETSI EN 319 102-1 that follow from them.

export interface Check {
  readonly name: string
  readonly ok: boolean
  /** X-Road's code of the failure. */
  readonly code?: string
  readonly detail?: string
}

/**
 * `valid`: every check passed. `invalid`: a check failed in a way that no further evidence can mend. `indeterminate`: what is here proves
 * neither. `unreadable`: it is no container at all.
 */
export type Verdict = 'valid' | 'invalid' | 'indeterminate' | 'unreadable'

export interface Report {
  readonly verdict: Verdict
  /** Of the signature, by EN 319 102-1. What the standard does not speak of (a log's proof, a second opinion) changes the verdict only. */
  readonly indication: Indication['indication']
  readonly subIndication?: string
  /** Whose message it says it is: the client of a request, the provider of a response. */
  readonly signer?: string
  /** What those who are believed call this member. */
  readonly signerName?: string
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
    /** The message id: `X-Road-Id`. */
    readonly id: string
    /** In the container, and covered by the signature when the verdict is valid. */
    readonly attachments: readonly string[]
    /** Signed, but not in the container: only their digests can be proved by it. */
    readonly absent: readonly string[]
    /** In the container, but covered by no signature that was judged: they prove nothing. */
    readonly unsigned: readonly string[]
  }
  /** Of signed parts that are not here, as the signature has them: whoever shows such a part later proves that it is the one. */
  readonly provenDigests?: readonly ProvenDigest[]
  readonly proof?: LogProof
  readonly opinions?: readonly Opinion[]
  readonly lasting?: Lasting
  /** By whose word it was judged at that time, in words. */
  readonly believed?: readonly string[]
  /** In the order in which they were made; all of them, whatever failed before. */
  readonly checks: readonly Check[]
}

export interface ProvenDigest {
  /** `message.xml`, `attachment1`, … */
  readonly name: string
  readonly algorithm: string
  /** Hex. */
  readonly value: string
}

/** What is known of the record's place in a transparent log. */
export interface LogProof {
  /** `not judged`: nobody said which logs to believe. */
  readonly state: 'witnessed' | 'included' | 'not witnessed' | 'failed' | 'not judged'
  /** Of the checkpoint that the proof leads to. */
  readonly origin?: string
  readonly size?: number
  /** Of the leaf. */
  readonly index?: number
  /** The record as the log committed to it: its number, when and on which side it was written, of which member. */
  readonly record?: {
    readonly seq: number
    readonly at: string
    readonly side: string
    readonly member: string
  }
  /** Those of the policy that signed the checkpoint, and when. */
  readonly witnesses?: readonly { readonly name: string; readonly at: string }[]
}

/** What keeps a container good for long: archive time-stamps of XAdES, an evidence record. */
export interface Lasting {
  readonly layout: string
  /** From the signature's own to the one that keeps all before it. */
  readonly timestamps: readonly {
    readonly kind: string
    readonly genTime: string
    readonly digest: string
    readonly authority: string
  }[]
  /** When the last one ceases to stand, and what ends then. */
  readonly until: string
  readonly because: string
}

/** What an implementation that is not ours says of the signature. */
export interface Opinion {
  readonly by: string
  readonly says: 'valid' | 'invalid' | 'nothing'
  /** Why it says nothing, or what it had against it. */
  readonly detail?: string
}

export const CHECKS = {
  container: 'container',
  trust: 'trust at the time of signing',
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
  withheld: 'withheld parts',
  path: 'certificate path and revocation',
  record: 'record in the log',
  inclusion: 'inclusion in the log',
  witnesses: 'witnesses',
  opinion: 'second opinion',
  lasting: 'what keeps it for long',
} as const

/** Of these the standard does not speak. */
const BEYOND: ReadonlySet<string> = new Set([
  CHECKS.record,
  CHECKS.inclusion,
  CHECKS.witnesses,
  CHECKS.opinion,
  CHECKS.lasting,
])
/** Codes of failures that say only that something is not known yet. */
const UNSETTLED: ReadonlySet<string> = new Set([
  'not_witnessed',
  'no_second_opinion',
  'timestamp_invalid',
  'renewed_late',
])

export interface Indication {
  readonly indication: 'TOTAL-PASSED' | 'TOTAL-FAILED' | 'INDETERMINATE'
  readonly subIndication?: string
}

/** What all checks say together: a failure outweighs what could not be determined, the earlier check the later one. */
export function concluded(checks: readonly Check[]): Indication {
  const worst = checks.filter(({ ok, name }) => !ok && !BEYOND.has(name)).map(indicationOf)
  return worst.find(({ indication }) => indication === 'TOTAL-FAILED') ?? worst[0] ?? { indication: 'TOTAL-PASSED' }
}

/** The word for all of it: what the standard says of the signature, and the checks that it does not know. */
export function verdictOf({ indication }: Indication, checks: readonly Check[]): Verdict {
  const beyond = checks.filter(({ ok, name }) => !ok && BEYOND.has(name))
  if (indication === 'TOTAL-FAILED' || beyond.some(({ code = '' }) => !UNSETTLED.has(code))) return 'invalid'
  return indication === 'TOTAL-PASSED' && beyond.length === 0 ? 'valid' : 'indeterminate'
}

/** The report with more checks, and what follows from them. */
export function withChecks(report: Report, checks: readonly Check[], facts: Partial<Report> = {}): Report {
  const all = [...report.checks, ...checks]
  if (report.verdict === 'unreadable') return { ...report, ...facts, checks: all }
  return { ...report, ...facts, verdict: verdictOf(report, all), checks: all }
}

/** Tables 5 and 6 of EN 319 102-1 §5.1.3. */
function indicationOf({ name, code = '' }: Check): Indication {
  if (name === CHECKS.timestamp) return indeterminate('NO_POE')
  if (name === CHECKS.trust) return indeterminate('NO_CERTIFICATE_CHAIN_FOUND')
  if (name === CHECKS.value) return failed('SIG_CRYPTO_FAILURE')
  if (name === CHECKS.chain || name.startsWith(CHECKS.digest)) return failed('HASH_FAILURE')
  if (name === CHECKS.attachments || name === CHECKS.withheld) return indeterminate('SIGNED_DATA_NOT_FOUND')
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
