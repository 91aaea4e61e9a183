// A pinned list: whom an auditor believes, as a document that he brings himself (docs/verification.md has the format). Every entry is valid
// for its dates; evidence is judged by the entries that were valid when it was time-stamped.
import { z } from 'zod'
import {
  type Authority,
  type ClientId,
  idKey,
  isProfile,
  memberOf,
  parseClientId,
  profileClassName,
  type TrustMaterial,
} from '#protocol'
import { type Certificate, decodeBase64, parseCertificate, TrustError, unpem } from '#trust'
import { VerificationError } from './error.ts'
import { type LogPolicy, readLogPolicy } from './log-policy.ts'

/** From when to when something holds; both ends included, open where they are missing. */
export interface Dates {
  readonly from?: Date
  readonly until?: Date
}

export interface Pinned {
  readonly authorities: readonly (Dates & { readonly authority: Authority })[]
  readonly tsas: readonly (Dates & { readonly tsa: TrustMaterial['tsas'][number] })[]
  readonly members: readonly (Dates & { readonly key: string; readonly name: string })[]
  readonly logs: readonly (Dates & { readonly policy: LogPolicy })[]
  /** Absent: as the configuration has it that is believed beside, or X-Road's 3600. */
  readonly ocspFreshnessSeconds?: number
  readonly verifyNextUpdate?: boolean
}

const FORMAT = 'saadik pinned trust 1'
const MAX_ENTRIES = 10_000
const MAX_TEXT = 64 * 1024
const DAY_MS = 86_400_000

/** A day counts from its first to its last moment, in UTC. */
const DATE = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/

const moment = (end: boolean) =>
  z.string().transform((text, context) => {
    const time = new Date(DATE.test(text) || TIME.test(text) ? text : Number.NaN)
    if (Number.isNaN(time.getTime())) {
      context.addIssue({
        code: 'custom',
        message: 'must be a date (2027-01-31) or a time with its zone (2027-01-31T12:00:00Z)',
      })
      return z.NEVER
    }
    return DATE.test(text) && end ? new Date(time.getTime() + DAY_MS - 1) : time
  })

const dates = { from: moment(false).optional(), until: moment(true).optional() }

const certificate = z
  .string()
  .max(MAX_TEXT)
  .transform((text, context): Certificate => {
    try {
      return oneCertificate(text)
    } catch (error) {
      if (!(error instanceof TrustError)) throw error
      context.addIssue({
        code: 'custom',
        message: `must be one certificate, as PEM or base64 of DER: ${error.message}`,
      })
      return z.NEVER
    }
  })

function oneCertificate(text: string): Certificate {
  if (!text.includes('-----BEGIN')) {
    const der = decodeBase64(text.trim(), { whitespace: true })
    if (der === undefined) throw new TrustError('malformed_pem', 'It is not base64')
    return parseCertificate(der)
  }
  const [der, ...more] = unpem(text, 'CERTIFICATE')
  if (der === undefined || more.length > 0)
    throw new TrustError('malformed_pem', `It holds ${more.length + (der ? 1 : 0)}`)
  return parseCertificate(der)
}

const member = z.string().transform((text, context): ClientId => {
  try {
    const id = parseClientId(text)
    if (id.subsystemCode === undefined) return id
  } catch {
    // Told below.
  }
  context.addIssue({ code: 'custom', message: 'must be INSTANCE/CLASS/CODE' })
  return z.NEVER
})

const policy = z
  .string()
  .max(MAX_TEXT)
  .transform((text, context): LogPolicy => {
    const read = readLogPolicy(text)
    if (typeof read !== 'string') return read
    context.addIssue({ code: 'custom', message: `must be a tlog-policy: ${read}` })
    return z.NEVER
  })

const name = z.string().min(1).max(300)
const list = <T extends z.ZodType>(entry: T) => z.array(entry).max(MAX_ENTRIES).default([])

const schema = z.strictObject({
  format: z.literal(FORMAT),
  authorities: list(
    z.strictObject({
      instance: z.string().min(1).max(255),
      name: name.optional(),
      certificate,
      profile: z.string().refine(isProfile, 'must be a certificate profile that is known here, such as Basic'),
      responders: z.array(certificate).max(100).default([]),
      ...dates,
    }),
  ),
  timestampAuthorities: list(z.strictObject({ name: name.optional(), certificate, ...dates })),
  members: list(z.strictObject({ id: member, name, ...dates })),
  logs: list(z.strictObject({ policy, ...dates })),
  ocspFreshnessSeconds: z
    .int()
    .min(1)
    .max(366 * 86_400)
    .optional(),
  verifyNextUpdate: z.boolean().optional(),
})

/**
 * Reads a pinned list from the document that YAML or JSON gave.
 *
 * @throws {VerificationError} `malformed_pinned`, with everything that is wrong with it
 */
export function readPinned(document: unknown): Pinned {
  const { success, data, error } = schema.safeParse(document)
  if (!success) throw malformed(z.prettifyError(error))
  const { authorities, timestampAuthorities, members, logs, ocspFreshnessSeconds, verifyNextUpdate } = data
  const entries = [...authorities, ...timestampAuthorities, ...members, ...logs]
  if (entries.length === 0) throw malformed('it names nobody')
  const backwards = entries.find(({ from, until }) => from !== undefined && until !== undefined && from > until)
  if (backwards !== undefined)
    throw malformed(
      `an entry ends (${backwards.until?.toISOString()}) before it begins (${backwards.from?.toISOString()})`,
    )
  return {
    authorities: authorities.map((each) => ({ ...datesOf(each), authority: authorityOf(each) })),
    tsas: timestampAuthorities.map((each) => ({
      ...datesOf(each),
      tsa: { name: each.name ?? each.certificate.subject.text, url: '', certificate: each.certificate },
    })),
    members: members.map((each) => ({ ...datesOf(each), key: idKey(memberOf(each.id)), name: each.name })),
    logs: logs.map((each) => ({ ...datesOf(each), policy: each.policy })),
    ...(ocspFreshnessSeconds === undefined ? {} : { ocspFreshnessSeconds }),
    ...(verifyNextUpdate === undefined ? {} : { verifyNextUpdate }),
  }
}

interface AuthorityEntry {
  readonly instance: string
  readonly name?: string | undefined
  readonly certificate: Certificate
  readonly profile: string
  readonly responders: readonly Certificate[]
}

function authorityOf({ instance, name: called, certificate: own, profile, responders }: AuthorityEntry): Authority {
  return {
    instance,
    name: called ?? own.subject.text,
    certificate: own,
    responders,
    ocspUrls: [],
    profile: profileClassName(profile),
    authenticationOnly: false,
  }
}

function datesOf({ from, until }: { readonly from?: Date | undefined; readonly until?: Date | undefined }): Dates {
  return { ...(from && { from }), ...(until && { until }) }
}

/** Whether it holds at that moment. */
export function holdsAt({ from, until }: Dates, at: Date): boolean {
  return (from === undefined || from <= at) && (until === undefined || at <= until)
}

function malformed(why: string): VerificationError {
  return new VerificationError('malformed_pinned', `The pinned list cannot be used: ${why}`)
}
