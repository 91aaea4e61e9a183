// node central-server/main.ts --config FILE. Checked whole before anything starts.
import { z } from 'zod'
import { filePath, storeSetting } from '#host'
import { CONFIGURATION_VERSIONS } from '#protocol'
import { KEY_ALGORITHMS } from '#signer'

/** Names and addresses as they stand in URLs; a port may follow. */
const HOST = '(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\\[[0-9A-Fa-f:.]+\\])'

export const centralServerConfig = z
  .strictObject({
    /** Registry and the published files. Who can write here says who is a member, within what the keys sign. */
    directory: filePath,
    /** The registry in a PostgreSQL (host/postgres-settings.ts); absent, SQLite in `directory`. */
    store: storeSetting('central_server'),
    signer: z.strictObject({
      /** The signer's Unix socket. */
      socket: filePath,
      /** File with the token that the signer made at its first start (0600). */
      tokenFile: filePath,
    }),
    /** The configuration is given out here, by plain HTTP: it is signed. */
    listen: z.strictObject({
      host: z.string().min(1),
      /** 0 takes any free port. */
      port: z.int().min(0).max(65_535),
    }),
    /** Under which others reach `listen`: host name or address, with the port unless it is 80. Goes into anchors and sources. */
    address: z.string().regex(new RegExp(`^${HOST}(?::\\d{1,5})?$`), 'a host name or address, perhaps with a port'),
    /** Seconds between two publications. */
    intervalSeconds: z.int().min(1).max(3600).default(60),
    /** Life of a published configuration in seconds: without a newer one, traffic stops after it. */
    expireSeconds: z.int().min(2).max(604_800).default(600),
    /** Lowest version that is published; raise it when no server reads it any more. */
    minimumVersion: z.union(CONFIGURATION_VERSIONS.map((version) => z.literal(version))).default(2),
    /** Of signing keys to be made. */
    keyAlgorithm: z.enum(KEY_ALGORITHMS).default('EC-P256'),
    logLevel: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
  })
  .refine(({ intervalSeconds, expireSeconds }) => expireSeconds > intervalSeconds, {
    path: ['expireSeconds'],
    message: 'must be longer than intervalSeconds: a configuration would expire before the next one',
  })
export type CentralServerConfig = z.infer<typeof centralServerConfig>
