// The key `auditor` of the configuration file.
import { z } from 'zod'
import { filePath } from '#host'

export const auditorSchema = z.strictObject({
  listen: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(0).max(65_535).default(5590),
  }),
  /** Who may ask, and for what (docs/auditors.md). Read again when it changes; nobody may while it cannot be read. */
  auditors: filePath,
  /** What the listener shows; absent, the certificate of port 8443. */
  tls: z.strictObject({ certificate: filePath, key: filePath }).optional(),
})

export type AuditorSettings = z.infer<typeof auditorSchema>
