// A time-stamp that was believed, and until when it can be: its authority's certificate ends, and algorithms are relied on for a time only.
import {
  type Certificate,
  type DigestName,
  oids,
  parseTimestampToken,
  type TimestampToken,
  TrustError,
  verifyTimestampToken,
} from '#trust'
import { LongTermError } from './error.ts'

export interface ProvenTime {
  readonly genTime: Date
  readonly tsa: Certificate
  /** Of the imprint. */
  readonly digest: DigestName
  readonly standing: Standing
}

/** Until when a time-stamp can be relied on without another over it, and what ends then. */
export interface Standing {
  readonly until: Date
  /** A sentence for people. */
  readonly because: string
}

/** Throws LongTermError `timestamp_invalid`. */
export function believe(token: TimestampToken, tsas: readonly Certificate[]): ProvenTime {
  try {
    const { genTime, tsa } = verifyTimestampToken(token, tsas)
    return { genTime, tsa, digest: token.digest, standing: standingOf(token, tsa) }
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new LongTermError('timestamp_invalid', cause.message, { cause })
  }
}

/** Throws LongTermError `malformed_timestamps`. */
export function readToken(der: Uint8Array): TimestampToken {
  try {
    return parseTimestampToken(der)
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause
    throw new LongTermError('malformed_timestamps', cause.message, { cause })
  }
}

/** ETSI TS 119 312 v1.5.1; docs/policy.md says the same and changes first. What has no date there has none here. */
const RELIED_UNTIL = new Date('2029-01-01T00:00:00Z')
const DIGESTS_UNTIL: Partial<Record<DigestName, Date>> = {
  'SHA-1': new Date('2012-08-01T00:00:00Z'),
  'SHA-224': RELIED_UNTIL,
}
const PSS_BITS_WITHOUT_DATE = 3000

function standingOf(token: TimestampToken, tsa: Certificate): Standing {
  const ends: Standing[] = [{ until: tsa.notAfter, because: `the certificate of ${tsa.subject.text} ends` }]
  for (const name of new Set([token.digest, token.signed.signer.digest.name])) {
    const until = DIGESTS_UNTIL[name]
    if (until !== undefined) ends.push({ until, because: noLonger(name) })
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = tsa.publicKey
  const bits = asymmetricKeyDetails?.modulusLength ?? 0
  const isPss = asymmetricKeyType === 'rsa-pss' || token.signed.signer.algorithm.child(0).oid() === oids.rsaPss
  if (asymmetricKeyType !== 'ec' && (!isPss || bits < PSS_BITS_WITHOUT_DATE))
    ends.push({
      until: RELIED_UNTIL,
      because: noLonger(`${isPss ? 'RSA-PSS' : 'RSA with PKCS#1 v1.5'} of ${bits} bits`),
    })
  return ends.reduce((first, end) => (end.until < first.until ? end : first))
}

function noLonger(what: string): string {
  return `ETSI TS 119 312 relies on ${what} no longer`
}
