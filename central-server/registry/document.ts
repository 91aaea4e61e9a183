// The shape of a federation document (contract.ts), judged before its sense is (federation.ts).
import { readFileSync, statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { COST_TYPES, isProfile, MAX_ID_LENGTH, parseAnchor, parseClientId, profileClassName } from '#protocol'
import { type Certificate, decodeBase64, parseCertificate } from '#trust'

const MAX_FILE_BYTES = 1 << 20

/** Control characters and what nobody sees (wire-conf §1.3). */
const INVISIBLE = /[\p{Cc}\uFEFF\u200B]/u
const text = z
  .string()
  .max(MAX_ID_LENGTH)
  .refine((value) => value.trim() !== '' && !INVISIBLE.test(value) && value.isWellFormed(), 'must be readable text')
/** One part of an identifier: what X-Road's legacy rule allows. */
const part = text.refine((value) => !/[:;/\\%]/.test(value), 'must not have any of : ; / \\ %')

/** Runs a parser of ours as a check; its words become the fault. */
function read<T>(parse: (value: string) => T) {
  return z.string().transform((value, context) => {
    try {
      return parse(value)
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message })
      return z.NEVER
    }
  })
}

/** `GOV/70000001/sub`, judged as if an instance stood before it. */
const client = read((value) => {
  const { memberClass, memberCode, subsystemCode } = parseClientId(`X/${value}`)
  return { memberClass, memberCode, ...(subsystemCode !== undefined && { subsystemCode }) }
})
const member = client.refine((ref) => ref.subsystemCode === undefined, 'must be a member, CLASS/CODE')

const certificate = read((value): Certificate => parseCertificate(bytesOf(value)))
const anchor = read((value) => {
  const bytes = value.trimStart().startsWith('<') ? Buffer.from(value) : readFile(value)
  return { ...parseAnchor(bytes), xml: bytes.toString('utf8') }
})

/** PEM text, base64 of DER or of PEM, or an absolute path: neither of the others begins like one. */
function bytesOf(value: string): Uint8Array {
  if (value.includes('-----BEGIN')) return Buffer.from(value)
  if (isAbsolute(value)) return readFile(value)
  const decoded = decodeBase64(value, { whitespace: true })
  if (decoded === undefined) throw new Error('is neither PEM, base64 nor an absolute path')
  return decoded
}

function readFile(path: string): Buffer {
  if (!isAbsolute(path)) throw new Error('must be an absolute path: this server does not know where the document lies')
  if (statSync(path).size > MAX_FILE_BYTES) throw new Error(`${path} is larger than ${MAX_FILE_BYTES} bytes`)
  return readFileSync(path)
}

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(2048)
const costType = z.enum(COST_TYPES).optional()
const ocsp = z.array(z.strictObject({ url: httpUrl, certificate: certificate.optional(), costType })).default([])
const seconds = (min: number, max: number) => z.int().min(min).max(max)

export const federationDocument = z.strictObject({
  instance: part,
  memberClasses: z.record(part, text),
  members: z.array(
    z.strictObject({
      class: part,
      code: part,
      name: text,
      subsystems: z.array(z.strictObject({ code: part, name: text.optional() })).default([]),
    }),
  ),
  securityServers: z
    .array(
      z.strictObject({
        owner: member,
        code: part,
        address: z
          .string()
          .max(MAX_ID_LENGTH)
          .regex(/^[A-Za-z0-9._:[\]-]+$/, 'must be a host name or address')
          .optional(),
        authenticationCertificates: z.array(certificate).default([]),
        clients: z.array(client).default([]),
        maintenance: z.strictObject({ message: text.optional() }).optional(),
      }),
    )
    .default([]),
  globalGroups: z
    .array(z.strictObject({ code: part, description: text, members: z.array(client).default([]) }))
    .default([]),
  authorities: z
    .array(
      z.strictObject({
        name: text.optional(),
        certificate,
        ocsp,
        intermediates: z.array(z.strictObject({ certificate, ocsp })).default([]),
        profile: z.string().refine(isProfile, 'is not a certificate profile that is known').transform(profileClassName),
        authenticationOnly: z.boolean().default(false),
        csrFormat: z.enum(['PEM', 'DER']).optional(),
        acme: z
          .strictObject({
            directoryUrl: httpUrl,
            ipAddress: text.optional(),
            authenticationProfileId: text.optional(),
            signingProfileId: text.optional(),
          })
          .optional(),
      }),
    )
    .default([]),
  timestampingAuthorities: z.array(z.strictObject({ name: text, url: httpUrl, certificate, costType })).default([]),
  managementService: z.strictObject({
    provider: client,
    address: httpUrl.optional(),
    certificate: certificate.optional(),
  }),
  settings: z
    .strictObject({
      ocspFreshnessSeconds: seconds(1, 31_536_000).default(3600),
      timestampingIntervalSeconds: seconds(1, 86_400).default(60),
      ocspFetchIntervalSeconds: seconds(60, 86_400).optional(),
      verifyNextUpdate: z.boolean().optional(),
      monitoringClient: client.optional(),
    })
    .default({ ocspFreshnessSeconds: 3600, timestampingIntervalSeconds: 60 }),
  trustedAnchors: z.array(anchor).default([]),
})
export type Federation = z.infer<typeof federationDocument>
