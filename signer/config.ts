// The one configuration file of a signer.

import { z } from 'zod'
import { filePath } from '#host'

export const signerSchema = z.strictObject({
  /** Keys, certificates, audit trail, token. Trusted with everything the signer is: who can write here can destroy the keys, who also knows the PIN has them. */
  directory: filePath,
  /** Where the PIN comes from at the start. Without it the signer starts locked and waits for `saadik keys unlock`. */
  pin: z
    .union([
      z.strictObject({ file: filePath }),
      /** An open file descriptor, read to its end at the start. */
      z.strictObject({ descriptor: z.int().min(0).max(1023) }),
      /** Asked for on the terminal. */
      z.literal('prompt'),
    ])
    .optional(),
  /** Unix socket; by default in the runtime folder, found by everyone who knows `directory`. */
  socket: filePath.optional(),
  /** Who can read it may use the keys while the signer is unlocked, each for its purpose. Default: `token` in `directory`, made at the first start. */
  tokenFile: filePath.optional(),
  /** Folder of the audit trail. Default: `audit` in `directory`; on another disk it survives more. */
  audit: filePath.optional(),
  logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
})

export type SignerConfig = z.infer<typeof signerSchema>
