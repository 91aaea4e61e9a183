// What of monitoring can be set; a part of the server's configuration file.
import { z } from 'zod'

const port = z.int().min(0).max(65_535)

export const monitoringSchema = z.strictObject({
  operational: z
    .strictObject({
      /** Records that may wait for the store; above it the oldest are dropped. 0 keeps no records at all (X-Road's meaning). */
      queueRecords: z.int().min(0).max(1_000_000).default(20_000),
      /** Records are stored together, this long after the first of them; 100 of them sooner. */
      storeIntervalSeconds: z.number().min(0.1).max(30).default(5),
      keepDays: z.int().min(1).max(3650).default(7),
      /** Above it the oldest end before their days; a million take about a gigabyte. */
      keepRecords: z.int().min(1000).max(1_000_000_000).default(10_000_000),
      /** Records of one answer, besides those of its last second. */
      maxRecordsInAnswer: z.int().min(1).max(100_000).default(10_000),
    })
    .prefault({}),
  health: z
    .strictObject({
      /** What getSecurityServerHealthData looks back on. */
      periodSeconds: z.int().min(60).max(86_400).default(600),
    })
    .prefault({}),
  environment: z
    .strictObject({
      /** Shows all but the owner the operating system and the certificates only. */
      limitRemoteDataSet: z.boolean().default(false),
    })
    .prefault({}),
  /** Where Prometheus finds /metrics; absent opens no port. It tells of failures and certificates: not for everybody. */
  prometheus: z.strictObject({ host: z.string().min(1).default('127.0.0.1'), port }).optional(),
  /** Where spans go; absent makes none. */
  traces: z
    .strictObject({
      /** The collector's OTLP/HTTP address; /v1/traces is added. */
      collector: z.url({ protocol: /^https?$/ }),
      /** The share of exchanges whose trace is sent, the same ones on every server. */
      sampleRatio: z.number().min(0).max(1).default(1),
    })
    .optional(),
})

export type MonitoringSettings = z.infer<typeof monitoringSchema>
