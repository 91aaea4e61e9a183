// The one configuration file of a security server. Unknown keys are refused with their path, all faults at once (#host).

import { z } from 'zod'
import { filePath, storeSetting } from '#host'
import { archiveSchema } from './archive/settings.ts'
import { auditorSchema } from './auditor/settings.ts'
import { bodyLoggingSchema } from './exchange/body-logging.ts'
import { monitoringSchema } from './monitoring/index.ts'
import { reconciliationSchema } from './reconciliation/index.ts'
import { trackerSchema } from './tracker/index.ts'
import { transparencySchema, witnessSchema } from './transparency/index.ts'

const port = z.int().min(0).max(65_535)
const seconds = z
  .number()
  .min(1)
  .max(86_400 * 365)

const signer = z.strictObject({
  /** Unix socket of the server's own signer. */
  socket: filePath,
  /** File with the token that admits to it (mode 0600). */
  tokenFile: filePath,
})

const file = z.strictObject({
  /** Everything the server keeps: message log, registry, configuration copies, OCSP answers. Trusted: who owns it owns the evidence. */
  directory: filePath,
  /** The message log, services and all other records in a PostgreSQL (host/postgres-settings.ts); absent, in files in `directory`. */
  store: storeSetting('security_server'),
  /** Own identifier, `INSTANCE/CLASS/CODE/SERVER`. */
  server: z.string().regex(/^[^/]+\/[^/]+\/[^/]+\/[^/]+$/, 'must be INSTANCE/CLASS/CODE/SERVER'),
  /** The anchor of the own instance: where the global configuration comes from and who signs it. */
  anchor: filePath,
  signer,
  listen: z.strictObject({
    host: z.string().min(1).default('0.0.0.0'),
    /** Plain HTTP for information systems. */
    client: port.default(8080),
    /** The same over TLS; the certificate is the server's internal one. */
    clientTls: port.default(8443),
    /** Messages from other security servers. */
    servers: port.default(5500),
    /** OCSP answers for other security servers. */
    ocsp: port.default(5577),
    /** Health for load balancers. */
    health: port.default(5588),
  }),
  /** Where other security servers listen; one number for a whole instance (wire-message §1.1). */
  peers: z
    .strictObject({
      port: port.default(5500),
      ocspPort: port.default(5577),
      connectTimeoutSeconds: seconds.default(30),
      /** Until the answer begins. 0 waits for ever, as X-Road does; the provider's own service time-out is what ends a call. */
      responseTimeoutSeconds: z.number().min(0).max(86_400).default(0),
      /** How long the fastest of several servers is remembered. */
      fastestMemorySeconds: z.number().min(0).max(86_400).default(3600),
      /** Oldest consumer that is served, as a semantic version; absent serves all. */
      minimumVersion: z
        .string()
        .regex(/^\d+\.\d+\.\d+$/)
        .optional(),
    })
    .prefault({}),
  configuration: z
    .strictObject({
      intervalSeconds: seconds.default(60),
      /** Federated instances whose members may be spoken to. */
      allowedFederations: z.union([z.literal('none'), z.literal('all'), z.array(z.string().min(1))]).default('none'),
    })
    .prefault({}),
  ocsp: z
    .strictObject({
      /** Overrides the interval of the global configuration (default 1200 s there). */
      fetchIntervalSeconds: seconds.optional(),
    })
    .prefault({}),
  messageLog: z
    .strictObject({
      timestamping: z.enum(['batch', 'immediate']).default('batch'),
      /** Overrides the interval of the global configuration. */
      timestampIntervalSeconds: seconds.optional(),
      /** Messages are refused once time-stamping has failed for longer; 0 never refuses (X-Road's meaning). */
      acceptableFailureSeconds: z
        .number()
        .min(0)
        .max(86_400 * 30)
        .default(14_400),
      /** Lets searches look into messages and their bodies (docs/auditors.md). */
      textSearch: z.boolean().default(false),
      /** Longer bodies are logged by digest and size only; absent logs them whole. */
      maxLoggedBodyBytes: z.int().min(0).optional(),
      bodyLogging: bodyLoggingSchema.prefault({}),
      /**
       * Encrypts messages and bodies on the disk (docs/operations.md), by keys in a file of this server's alone, or in a variable of the
       * environment. The file is made with its first key where there is none and no record needs one.
       */
      encryption: z
        .union([z.strictObject({ keysFile: filePath }), z.strictObject({ keysVariable: z.string().min(1) })])
        .optional(),
    })
    .prefault({}),
  archive: archiveSchema.prefault({}),
  /** Opens the message log to auditors (docs/auditors.md); absent, nobody but the operator searches it. */
  auditor: auditorSchema.optional(),
  limits: z
    .strictObject({
      /**
       * Who sends or takes a message, or an answer that has begun, must not pause for longer: the connection is cut. An answer
       * whose information system has gone is waited for as long. Above the longest pause of a service within its answers.
       */
      idleSeconds: seconds.default(60),
      /** Connections to each listener; more are closed as they come. */
      maxConnections: z.int().min(1).max(100_000).default(5000),
    })
    .prefault({}),
  /** The transparent log over the message log (docs/transparency.md). */
  transparency: transparencySchema.prefault({}),
  /** Makes this server a witness of other servers' logs; it is asked at `transparency.listen`. */
  witness: witnessSchema.optional(),
  monitoring: monitoringSchema.prefault({}),
  /** Logs compared with those of other parties (docs/auditors.md). */
  reconciliation: reconciliationSchema.prefault({}),
  /** How the data tracker states and how long it tells (docs/auditors.md); what it tells stands in server.yaml. */
  tracker: trackerSchema.prefault({}),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
})

export const securityServerSchema = file.superRefine(({ witness, transparency }, context) => {
  if (witness !== undefined && transparency.listen === undefined)
    context.addIssue({ code: 'custom', path: ['witness'], message: 'needs transparency.listen, where it is asked' })
})

export type SecurityServerConfig = z.infer<typeof securityServerSchema>
