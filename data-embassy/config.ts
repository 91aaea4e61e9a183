// The configuration files of the two processes: the agent at home and the embassy abroad. Unknown keys are refused with their path (#host).
import { z } from 'zod'
import { databaseSetting, filePath } from '#host'
import { parseVerifierKey } from '#transparency'

const signer = z.strictObject({
  /** Unix socket of the process's own signer. */
  socket: filePath,
  /** File with the token that admits to it (mode 0600). */
  tokenFile: filePath,
})
const listen = z.strictObject({ host: z.string().min(1), port: z.int().min(0).max(65_535) })
const name = z.string().regex(/^[^\s/+]{1,100}$/u, 'a name without spaces, slashes, plus signs')
const identifier = z.string().regex(/^[^\s/]+(?:\/[^\s/]+){2,5}$/u, 'an identifier as INSTANCE/CLASS/MEMBER/SUBSYSTEM')
const epoch = z.int().min(1).max(999_999_999)
const logLevel = z.enum(['error', 'warn', 'info', 'debug']).default('info')

/** What others verify with: `name+id+base64` (signed-note). */
const verifierKey = z.string().transform((text, context) => {
  try {
    return parseVerifierKey(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
})

/** Who may change what an embassy does: more than half of the holders. */
const decreeKeys = z.strictObject({
  /** Of the set; decrees name it. */
  version: z.int().min(1),
  threshold: z.int().min(1).max(64),
  /** Verifier keys in text, one of each holder. */
  keys: z.array(z.string()).min(1).max(64),
})

const ceremony = z.strictObject({
  /** The manifest of the ceremony, a signed note. */
  manifest: filePath,
  /** Whoever signs manifests. */
  keys: z.array(verifierKey).min(1).max(16),
})

/** Before a register: what is answered only when it is durable (gate.ts). */
const gate = z.strictObject({
  listen,
  /** The register's own program. */
  upstream: z.url({ protocol: /^http$/ }),
  /** Paths whose POST only reads. */
  readPaths: z.array(z.string().startsWith('/')).default([]),
})

/** `data-embassy/main.ts agent --config FILE` */
export const agentSchema = z.strictObject({
  /** Logs and spools of the registers. Trusted: who can write here can stop replication, not forge it. */
  directory: filePath,
  instance: name,
  signer,
  /** The institution's own security server, and as whom the agent sends. One client for several registers hides which of them wrote. */
  securityServer: z.strictObject({ url: z.url({ protocol: /^https?$/ }), client: identifier }),
  ceremony,
  decrees: decreeKeys,
  embassies: z
    .array(
      z.strictObject({
        name,
        /** The carrier service, `DEMO/GOV/70000003/carrier/continuity`. */
        service: identifier,
        /** With which its mirror cosigns: nothing else is a receipt. */
        mirrorKey: verifierKey,
      }),
    )
    .min(1)
    .max(16),
  registers: z
    .array(
      z
        .strictObject({
          name,
          epoch: epoch.default(1),
          /** The decree that began the epoch, a signed note; of every epoch but the first. */
          decree: filePath.optional(),
          /** `strict`: a write is acknowledged when enough embassies have it; `available`: when home has it. */
          durability: z.enum(['strict', 'available']),
          /** w: so many receipts make a write of a strict register durable. */
          receipts: z.int().min(1).max(16).default(1),
          source: z.union([
            z.strictObject({
              /** A register on SQLite, in write-ahead mode. */
              sqlite: filePath,
            }),
            z.strictObject({
              /** A register on PostgreSQL, which was prepared (`prepare-postgres.ts`). */
              postgres: databaseSetting({
                /** Of the replication slot, and of us among the server's standbys: what `synchronous_standby_names` has for a strict register. */
                slot: z
                  .string()
                  .regex(/^[a-z0-9_]{1,63}$/, 'lower-case letters, digits and underscores')
                  .default('saadik'),
              }),
            }),
          ]),
          gate: gate.optional(),
        })
        .refine((register) => register.epoch > 1 === (register.decree !== undefined), {
          error: 'an epoch after the first is begun by a decree, the first by none',
        }),
    )
    .min(1)
    .max(100),
  /** d: a decree is active once so many embassies recorded it; w + d must be more than there are embassies. */
  takeover: z.int().min(1).max(16).default(1),
  logLevel,
})
export type AgentConfig = z.infer<typeof agentSchema>

/** `data-embassy/main.ts embassy --config FILE` */
export const embassySchema = z.strictObject({
  /** Mirrors and the authority log. Trusted with nothing but being there: what it holds is sealed and proved. */
  directory: filePath,
  instance: name,
  /** The subsystem that decrees name, `DEMO/GOV/70000003/embassy`. */
  embassy: identifier,
  signer,
  /** The carrier service, for this embassy's own security server alone. */
  listen,
  ceremony,
  decrees: decreeKeys,
  /** Home's own age recipient (age1pq1…), deposited beforehand: what is written abroad after a take-over is sealed to it too, for the way back. */
  returnRecipient: z.string().startsWith('age1pq1').max(4096).optional(),
  /** Where registers lie while they are open: a file system in memory (tmpfs), or one whose key ends with the machine. */
  work: filePath,
  registers: z
    .array(
      z.strictObject({
        name,
        /** The client that may send: the institution's courier. */
        client: identifier,
        epochs: z
          .array(z.strictObject({ epoch, logKeys: z.array(verifierKey).min(1).max(8) }))
          .min(1)
          .max(64),
        /** How the register's own program is started over what was restored, and where it is offered to the standby security server. */
        service: z
          .strictObject({
            /** With `{database}`, `{folder}` and `{port}` in place of the restored file, its folder, and the port to listen at on loopback. */
            command: z.array(z.string().min(1)).min(1).max(64),
            gate: gate.omit({ upstream: true }),
          })
          .optional(),
      }),
    )
    .max(100),
  logLevel,
})
export type EmbassyConfig = z.infer<typeof embassySchema>
