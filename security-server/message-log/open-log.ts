// The log, put together over its store.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Bodies } from './bodies.ts'
import { LogError } from './error.ts'
import type { MessageLog, MessageLogOptions } from './index.ts'
import { KeyRing } from './key-ring.ts'
import { readKeys } from './keys-file.ts'
import { OpenKeys, requireKeys } from './log-keys.ts'
import type { LogStore, StoreKeys } from './log-store.ts'
import { OpenLog } from './message-log.ts'
import { openSegments, type Replaceable } from './open-segments.ts'
import { openPostgres } from './postgres/open.ts'
import { Removal } from './removal.ts'
import { Timestamper } from './timestamper.ts'

export async function openLog(options: MessageLogOptions, replaced: Replaceable = {}): Promise<MessageLog> {
  const { settings, clock, log } = options
  const source = settings.encryption
  const held = source && (await readKeys(source))
  const secrets = (held ?? []).map(({ secret }) => secret)
  const ring = new KeyRing(secrets)
  const store = await openStore(
    options,
    { ring, secrets, require: (uses) => requireKeys(uses, ring, source) },
    replaced,
  )
  try {
    const keys = new OpenKeys({
      source,
      keys: held ?? [],
      ring,
      add: (secret) => store.addKey(secret),
      uses: () => store.records.keyUses(),
      clock,
      log,
    })
    if (source !== undefined && held === undefined) await keys.create()
    const bodies = new Bodies({
      files: store.bodyFiles,
      keepUpTo: settings.maxLoggedBodyBytes ?? Number.POSITIVE_INFINITY,
      keys: ring,
    })
    const timestamper = new Timestamper({
      store,
      configuration: options.configuration,
      intervalSeconds: settings.timestampIntervalSeconds,
      acceptableFailureSeconds: settings.acceptableFailureSeconds,
      clock,
      log,
    })
    timestamper.start()
    const removal = new Removal({ store: store.removal, bodies, log })
    removal.resume()
    return new OpenLog({
      immediate: settings.timestamping === 'immediate',
      textSearch: settings.textSearch ?? false,
      store,
      bodies,
      ring,
      keys,
      timestamper,
      removal,
      log,
      refusal: options.refusal,
    })
  } catch (error) {
    await store.close()
    throw error
  }
}

async function openStore(
  { directory, store, log }: MessageLogOptions,
  keys: StoreKeys,
  replaced: Replaceable,
): Promise<LogStore> {
  if (store === undefined) return await openSegments(directory, keys, log, replaced)
  // Two halves of a log would be one that nobody can show to be whole.
  if (existsSync(join(directory, 'log.db')))
    throw new LogError(
      'store_foreign',
      `There is a message log in ${directory}, and the configuration names a PostgreSQL for it: move it away with its evidence, or keep to it`,
    )
  return await openPostgres(store.postgres, keys, log)
}
