// Where a PostgreSQL is, as a configuration file says it. The same keys in every process that keeps a store.
import type { z } from 'zod'
import { filePath } from './config.ts'
import { load } from './lazy.ts'
import { withoutUndefined } from './schema.ts'

export interface DatabaseSettings {
  /** Names, addresses or folders of Unix sockets, asked in this order; the first that accepts writes is taken. */
  readonly hosts: readonly string[]
  readonly port: number
  readonly database: string
  readonly user: string
  /** Read at each connection, so that a password can change while the process runs. */
  readonly passwordFile?: string
  /** False on a Unix socket, on this machine, and where the file says so. */
  readonly tls: false | { readonly ca?: string; readonly serverName?: string }
}

export interface PostgresSettings extends DatabaseSettings {
  /** Holds everything that this process keeps there, and nobody else's. */
  readonly schema: string
}

/** Where a process keeps its stores; absent, in SQLite files in its directory. */
export interface StoreSettings {
  readonly postgres: PostgresSettings
}

/**
 * The key `store` of a configuration file.
 *
 * @param schema What the schema is called when the file does not say.
 */
export function storeSetting(schema: string): z.ZodType<StoreSettings | undefined> {
  const { z } = load<typeof import('zod')>('zod')
  const postgres = databaseSetting({
    database: z.string().min(1).max(63).default('saadik'),
    user: z.string().min(1).max(63).default('saadik'),
    schema: z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,62}$/, 'lower-case letters, digits and underscores')
      .refine((name) => !name.startsWith('pg_'), 'names in pg_ are PostgreSQL’s own')
      .default(schema),
  })
  return z.strictObject({ postgres }).optional()
}

/**
 * Keys that say where a database is and as whom to connect.
 *
 * @param more Further keys beside them; a key that is named here as well is read so.
 */
export function databaseSetting<S extends z.ZodRawShape>(
  more: S,
): z.ZodType<DatabaseSettings & z.output<z.ZodObject<S>>> {
  const { z } = load<typeof import('zod')>('zod')
  const host = z
    .string()
    .max(255)
    .regex(/^(\/[^\0]+|[A-Za-z0-9:][A-Za-z0-9.:_-]*)$/, 'a host name, an address, or the folder of a Unix socket')
  const tls = z.strictObject({
    /** PEM of the authorities that the server's certificate may come from; without it those that Node trusts. */
    ca: filePath.optional(),
    /** The name in the server's certificate, where it is not the host's. */
    serverName: z.string().min(1).optional(),
  })
  const where = z.strictObject({
    /** One or several: with several, the first that accepts writes is taken, which is how a standby takes over. */
    host: z.union([host, z.array(host).min(1).max(8)]),
    port: z.int().min(1).max(65_535).default(5432),
    database: z.string().min(1).max(63),
    user: z.string().min(1).max(63),
    /** File with the password and nothing else (0600); absent where the server asks for none (peer authentication). */
    passwordFile: filePath.optional(),
    /** Between machines TLS is demanded and the certificate judged; `false` must be said. Never used on a Unix socket. */
    tls: z.union([z.literal(false), tls]).optional(),
  })
  const setting = z.strictObject({ ...where.shape, ...more }).transform((value) => {
    const { host: named, tls: said, passwordFile, ...rest } = value as z.output<typeof where>
    const hosts = Array.isArray(named) ? named : [named]
    const asked = said ?? (hosts.every(isHere) ? false : {})
    return {
      ...rest,
      hosts,
      ...(passwordFile === undefined ? {} : { passwordFile }),
      tls: asked === false ? false : withoutUndefined(asked),
    }
  })
  return setting as unknown as z.ZodType<DatabaseSettings & z.output<z.ZodObject<S>>>
}

/** What leads there does not leave this machine. */
function isHere(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host)
}
