// `tracker` in the server's configuration file. What is tracked, and who is answered, stands in server.yaml.
import { z } from 'zod'

export const trackerSchema = z.strictObject({
  /** How often a statement is made: what was used later has no proof until then. */
  intervalSeconds: z
    .number()
    .min(1)
    .max(86_400 * 7)
    .default(3_600),
  /**
   * How long uses are told of. `log`: as long as the log holds their records. What is older is erased: that there was a use, and on which day, is
   * left of it, because the chain needs it.
   */
  keepDays: z.union([z.number().min(1).max(36_500), z.literal('log')]).default('log'),
})

export type TrackerSettings = z.infer<typeof trackerSchema>
