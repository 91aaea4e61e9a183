// `transparency` and `witness` in the server's configuration file.
import { z } from 'zod'
import { parseVerifierKey, type VerifierKey } from '#transparency'
import { networks } from '#transparent-log'

const port = z.int().min(0).max(65_535)

const verifierKey = z.string().transform((text, context): VerifierKey => {
  try {
    return parseVerifierKey(text)
  } catch (error) {
    context.addIssue(`must be a verifier key as 'saadik keys list' shows it: ${(error as Error).message}`)
    return z.NEVER
  }
})

const network = z.string().refine(
  (text) => {
    try {
      networks([text])
      return true
    } catch {
      return false
    }
  },
  { error: "must be a network as '10.0.0.0/8', or one address" },
)

/** HTTP or HTTPS, without what a path would be put behind. */
const url = z
  .url({ protocol: /^https?$/ })
  .refine((text) => !/[?#]/.test(text), { error: 'must have neither a query nor a fragment' })
  .transform((text) => text.replace(/\/+$/, ''))

export const transparencySchema = z
  .strictObject({
    /** Where the log can be read and, of a witness, checkpoints are handed in. Absent: nowhere. */
    listen: z
      .strictObject({
        host: z.string().min(1),
        port: port.default(5580),
        /** Who may: networks as `10.0.0.0/8`, or addresses. Default: this machine. */
        allow: z.array(network).min(1).max(1000).default(['127.0.0.0/8', '::1']),
      })
      .optional(),
    /** Who cosigns the log's checkpoints: servers of other members, or any witness that speaks C2SP tlog-witness. */
    witnesses: z
      .array(
        z.strictObject({
          /** What `add-checkpoint` is put behind. */
          url,
          /** As the witness's operator tells it, by a way that is not this network. */
          key: verifierKey,
        }),
      )
      .max(16)
      .default([]),
    /** So many of them make a checkpoint witnessed. Default: more than half. */
    quorum: z.int().min(1).max(16).optional(),
    /** Exchange stops when a record is older than this and no checkpoint (witnessed, where there are witnesses) has it. */
    stopAfterSeconds: z
      .number()
      .min(10)
      .max(86_400 * 30)
      .default(14_400),
    /** How often the newest checkpoint is time-stamped and kept. */
    timestampIntervalSeconds: z
      .number()
      .min(60)
      .max(86_400 * 30)
      .default(3_600),
    /**
     * Which log this is over the records of this server. After a loss that cannot be mended (a message log that was restored from a copy) the
     * next number begins a new log, with another name and key; its first leaf names the last checkpoint of the one before.
     */
    epoch: z.int().min(1).max(1_000_000).default(1),
    /** Records that are damaged or gone beyond repair: nobody looks for them any more, and every check names them. */
    lostRecords: z.array(z.int().min(1)).max(10_000).default([]),
    /** Keys that signed this log and are lost. Checkpoints of theirs that lie here are believed; nothing else is. */
    formerKeys: z.array(verifierKey).max(16).default([]),
  })
  .superRefine(({ witnesses, quorum }, context) => {
    if ((quorum ?? 0) > witnesses.length)
      context.addIssue({ code: 'custom', path: ['quorum'], message: `there are ${witnesses.length} witnesses` })
    const names = witnesses.map(({ key }) => `${key.name}+${key.id}`)
    if (new Set(names).size < names.length)
      context.addIssue({ code: 'custom', path: ['witnesses'], message: 'one witness is there twice' })
    for (const [index, { key }] of witnesses.entries())
      if (key.type === 'note')
        context.addIssue({
          code: 'custom',
          path: ['witnesses', index, 'key'],
          message: "is a log's key, not a witness's",
        })
  })

export type TransparencySettings = z.infer<typeof transparencySchema>

export const witnessSchema = z
  .strictObject({
    /** The logs whose checkpoints this server cosigns for others, by their keys; the name of a key is the origin of its log. */
    logs: z
      .array(z.strictObject({ key: verifierKey }))
      .min(1)
      .max(1000),
  })
  .superRefine(({ logs }, context) => {
    for (const [index, { key }] of logs.entries())
      if (key.type === 'cosignature')
        context.addIssue({ code: 'custom', path: ['logs', index, 'key'], message: "is a witness's key, not a log's" })
  })

export type WitnessSettings = z.infer<typeof witnessSchema>

/** How many witnesses are enough. */
export function quorumOf({ witnesses, quorum }: TransparencySettings): number {
  return quorum ?? (witnesses.length === 0 ? 0 : Math.floor(witnesses.length / 2) + 1)
}
