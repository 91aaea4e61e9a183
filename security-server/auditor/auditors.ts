// Who may search this log: the file of auditors, which says of each how he is known and what he may see. It holds no secret, only digests.
import { hash, timingSafeEqual } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { z } from 'zod'
import { type Clock, type Log, loadConfig, reasonOf } from '#host'
import { type ClientId, parseClientId } from '#protocol'

const DIGEST = /^sha256:[0-9a-f]{64}$/
const digest = z.string().regex(DIGEST, 'must be sha256: and 64 hexadecimal digits, in lower case')
const client = z.string().transform((text, context): ClientId => {
  try {
    return parseClientId(text)
  } catch (error) {
    context.addIssue(reasonOf(error))
    return z.NEVER
  }
})

const entry = z
  .strictObject({
    /** As the audit trail names him. */
    name: z
      .string()
      .min(1)
      .max(100)
      .regex(/^[^\p{Cc}]+$/u, 'must not have control characters')
      .refine((name) => name !== 'operator', 'is the name of who speaks to the control socket'),
    /** Digests of tokens (`saadik auditor new`). */
    tokens: z.array(digest).default([]),
    /** Digests of client certificates (DER). */
    certificates: z.array(digest).default([]),
    /** Messages of which one of these is a party: a member with all its subsystems, or a subsystem. */
    members: z.union([z.literal('all'), z.array(client).min(1)]),
    /** Whether he may see what was said, and take containers; otherwise who asked whom for what, and when. */
    content: z.boolean().default(false),
    /** From then on nobody knows him. */
    until: z.iso
      .datetime({ offset: true })
      .transform((text) => new Date(text))
      .optional(),
  })
  .refine(({ tokens, certificates }) => tokens.length + certificates.length > 0, 'needs a token or a certificate')

const fileSchema = z.strictObject({ auditors: z.array(entry) }).superRefine(({ auditors }, context) => {
  const seen = new Set<string>()
  for (const [index, { name, tokens, certificates }] of auditors.entries())
    for (const known of [
      `name ${name}`,
      ...tokens.map((one) => `token ${one}`),
      ...certificates.map((one) => `certificate ${one}`),
    ]) {
      if (seen.has(known))
        context.addIssue({ code: 'custom', path: ['auditors', index], message: `${known} is given twice` })
      seen.add(known)
    }
})

export interface Auditor {
  readonly name: string
  readonly members: 'all' | readonly ClientId[]
  readonly content: boolean
}

type Entry = z.infer<typeof entry>

/** How somebody shows who he is. */
export interface Shown {
  /** Of `Authorization: Bearer`. */
  readonly token?: string | undefined
  /** DER, of the TLS connection, proved by its key. */
  readonly certificate?: { readonly der: Uint8Array; readonly notBefore: Date; readonly notAfter: Date } | undefined
}

export class Auditors {
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Log
  #read: { readonly version: string; readonly entries: readonly Entry[] } | undefined

  constructor(path: string, clock: Clock, log: Log) {
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  /** Throws where the file cannot be read: a server whose configuration names one starts only with it. */
  async open(): Promise<void> {
    this.#read = { version: await this.#version(), entries: loadConfig(this.#path, fileSchema).auditors }
  }

  /** The auditor who shows this; undefined for nobody. A file that cannot be read knows nobody. */
  async find({ token, certificate }: Shown): Promise<Auditor | undefined> {
    const now = this.#clock.now()
    const entries = (await this.#entries()).filter(({ until }) => until === undefined || now < until)
    if (token !== undefined) {
      const shown = digestOf(Buffer.from(token))
      return entries.find(({ tokens }) => tokens.some((one) => same(one, shown)))
    }
    if (certificate === undefined || now < certificate.notBefore || now > certificate.notAfter) return undefined
    const shown = digestOf(certificate.der)
    return entries.find(({ certificates }) => certificates.includes(shown))
  }

  /** Read again when it changed: who was taken out of it is unknown from the next request on. */
  async #entries(): Promise<readonly Entry[]> {
    try {
      const version = await this.#version()
      if (this.#read?.version !== version)
        this.#read = { version, entries: loadConfig(this.#path, fileSchema).auditors }
    } catch (error) {
      this.#log.error('the file of auditors cannot be read: nobody is admitted', { reason: reasonOf(error) })
      this.#read = undefined
    }
    return this.#read?.entries ?? []
  }

  async #version(): Promise<string> {
    const { ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  }
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${hash('sha256', bytes, 'hex')}`
}

function same(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(a), Buffer.from(b))
}
