// `reconciliation` in the server's configuration file.
import { z } from 'zod'

export const reconciliationSchema = z.strictObject({
  /** Whether other members may have the exchanges with them compared. It costs no right and shows nothing to anybody else. */
  answers: z.boolean().default(true),
  /** Messages of one side in one comparison; a longer period is compared in parts. A million take some 150 MB while they are compared. */
  maxMessages: z.int().min(1).max(10_000_000).default(2_000_000),
})

export type ReconciliationSettings = z.infer<typeof reconciliationSchema>
