// One file per process, checked whole before anything starts. The three share `directory`, and trust its store: who can
// write it can make the OCSP responder call a revoked certificate good, but cannot sign; the keys are the signer's.

import { z } from 'zod'
import { filePath, storeSetting } from '#host'
import { KEY_ALGORITHMS } from '#signer'

const signer = z.strictObject({
  /** The signer's Unix socket. */
  socket: filePath,
  /** File with the token that the signer made at its first start (0600). */
  tokenFile: filePath,
})

/** The authorities' stores in a PostgreSQL (host/postgres-settings.ts), the same for all three; absent, SQLite in `directory`. */
const store = storeSetting('authorities')

const listen = z.strictObject({
  host: z.string().min(1),
  /** 0 takes any free port. */
  port: z.int().min(0).max(65_535),
})

const httpUrl = z
  .string()
  .regex(/^http:\/\/[^\s/?#]+(\/[^\s?#]*)?$/, 'an http:// URL without query (RFC 5280 §8: not https)')
const directoryText = z.string().min(1).max(64)
const logLevel = z.enum(['error', 'warn', 'info', 'debug']).default('info')

/** `node pki/main.ts ca --config FILE`. */
export const caConfig = z.strictObject({
  /** Where the store lies, shared with the OCSP responder and the TSA. */
  directory: filePath,
  store,
  /** The authority's name; certificates are called `<name> Root CA`, `<name> Issuing CA`, `<name> OCSP`, `<name> TSA`. */
  name: z.string().min(1).max(48),
  /** organizationName of the authority's certificates; default `name`. */
  organization: directoryText.optional(),
  /** countryName of the authority's certificates, two capital letters. */
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'two capital letters')
    .optional(),
  signer,
  /** Root and issuing certificates and CRLs are served here. */
  listen,
  /** What others reach `listen` under; goes into certificates. Default `http://host:port`. */
  publicUrl: httpUrl.optional(),
  /** The OCSP responder's URL; goes into certificates. Without it they name none, and servers take it from the global configuration. */
  ocspUrl: httpUrl.optional(),
  /** Algorithm of the authority's keys, fixed by the ceremony. */
  keyAlgorithm: z.enum(KEY_ALGORITHMS).default('EC-P256'),
  /** Which subjects institutions' certificates must have: the certificate profile of the global configuration. */
  subjectRules: z.enum(['Basic', 'FiVRK', 'Ejbca']).default('Basic'),
  /** Life of a CRL in seconds; a new one is made at half of it. */
  crlSeconds: z.int().min(2).max(31_536_000).default(86_400),
  logLevel,
})
export type CaConfig = z.infer<typeof caConfig>

/** `node pki/main.ts ocsp --config FILE`. */
export const ocspConfig = z.strictObject({
  directory: filePath,
  store,
  signer,
  listen,
  /** Seconds from thisUpdate to nextUpdate; 0 leaves nextUpdate out ("newer is always available", RFC 6960 §2.4). */
  nextUpdateSeconds: z.int().min(0).max(604_800).default(3600),
  /** How long a signed answer without nonce is given again; a change of the certificate's status ends it at once. */
  cacheSeconds: z.int().min(0).max(600).default(10),
  logLevel,
})
export type OcspConfig = z.infer<typeof ocspConfig>

/** `node pki/main.ts tsa --config FILE`. */
export const tsaConfig = z.strictObject({
  directory: filePath,
  store,
  signer,
  listen,
  /** Policy under which tokens are made. The default is a UUID (ITU-T X.667), registered to nobody: "as Saadik's TSA does it". */
  policy: z
    .string()
    .regex(/^[0-2](\.(0|[1-9]\d*)){1,30}$/, 'an object identifier')
    .default('2.25.187417736174192509133950134164864946388'),
  logLevel,
})
export type TsaConfig = z.infer<typeof tsaConfig>
