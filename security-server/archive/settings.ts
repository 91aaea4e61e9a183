// What of the archive can be set; a part of the server's configuration file.
import { z } from 'zod'
import { filePath } from '#host'

const hours = z.number().min(0.01).max(168)

const folder = z.strictObject({
  /** Made where it is not there. Archives appear in it whole, under their names; they may be taken away at any time. */
  folder: filePath,
})

const s3 = z.strictObject({
  /** Any store that speaks S3, `https://HOST[:PORT]`. */
  endpoint: z.url({ protocol: /^https?$/ }),
  region: z.string().min(1).default('us-east-1'),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be the name of a bucket'),
  /** Before each name: `interior/`. */
  prefix: z
    .string()
    .max(200)
    .regex(/^[A-Za-z0-9._\-/]*$/, 'may have letters, digits and . _ - / only')
    .default(''),
  /** The bucket in the host name (`BUCKET.HOST`) instead of in the path. */
  virtualHost: z.boolean().default(false),
  /**
   * An AWS credentials file, of which the profile `default` is read at each run. Absent: the environment variables AWS_ACCESS_KEY_ID,
   * AWS_SECRET_ACCESS_KEY and, where there is one, AWS_SESSION_TOKEN.
   */
  credentialsFile: filePath.optional(),
  /** PEM of the authorities that the store's TLS certificate may come from; absent, those that Node trusts. */
  ca: filePath.optional(),
  /** Nobody can delete or replace an archive for so long (GOVERNANCE: nobody without a special right). The bucket must allow it. */
  lock: z.strictObject({ mode: z.enum(['GOVERNANCE', 'COMPLIANCE']), days: z.int().min(1).max(36_500) }).optional(),
})

/** INSTANCE/CLASS/CODE = recipient, one a line, in X-Road's format (`sealing/member-keys.ts`). Members without a line have the default ones. */
const memberKeys = filePath.optional()

const encryption = z.discriminatedUnion('method', [
  z.strictObject({
    method: z.literal('age'),
    /** `age1…`, as `age-keygen` prints them. */
    recipients: z.array(z.string().regex(/^age1[a-z0-9]+$/, 'must be an age recipient (age1…)')).min(1),
    memberKeys,
  }),
  z.strictObject({
    method: z.literal('openpgp'),
    /** Public keys of all recipients, as `gpg --export` writes them, armoured or not. */
    keyring: filePath,
    /** Fingerprints, key ids of 16 digits, or a part of a user id that only one key has. */
    recipients: z.array(z.string().min(1)).min(1),
    memberKeys,
    /** The secret key that signs archives, as `gpg --export-secret-keys` writes it. */
    signingKey: filePath,
    passphraseFile: filePath.optional(),
  }),
])

export const archiveSchema = z
  .strictObject({
    /** False archives nothing, and then nothing is ever cleaned either. */
    enabled: z.boolean().default(true),
    intervalHours: hours.default(6),
    /** Whose records share a file and a hash chain: everybody's, one member's, or one subsystem's. */
    grouping: z.enum(['none', 'member', 'subsystem']).default('none'),
    /** A file ends with the container that takes the sum of its containers beyond this. */
    maxFileBytes: z
      .int()
      .min(1)
      .max(2 ** 40)
      .default(32 * 1024 * 1024),
    /** Of the hash chain. */
    hash: z.enum(['SHA-256', 'SHA-384', 'SHA-512']).default('SHA-512'),
    /** Where files go; absent, the folder `archive` in `directory`. */
    destination: z.union([folder, z.strictObject({ s3 })]).optional(),
    /** Absent: not encrypted. */
    encryption: encryption.optional(),
    /** Records older than this are removed from the log once they are archived, read back and proved; `forever` keeps them. */
    keepDays: z.union([z.number().min(0).max(36_500), z.literal('forever')]).default(30),
  })
  .refine(({ grouping, encryption }) => grouping !== 'none' || encryption?.memberKeys === undefined, {
    path: ['encryption', 'memberKeys'],
    message: 'needs grouping by member or subsystem: an archive of everybody has no member',
  })

export type ArchiveSettings = z.infer<typeof archiveSchema>
export type EncryptionSettings = z.infer<typeof encryption>
export type S3Settings = z.infer<typeof s3>
