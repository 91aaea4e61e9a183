// The registry of what this server speaks for and offers. Everything that changes it comes through `apply`.
import { type Log, type StorePlace, turnstile } from '#host'
import { type ServerId, shortId } from '#protocol'
import { describeChanges } from './changes.ts'
import { readDocument } from './document.ts'
import type { FetchText } from './document-checks.ts'
import { createSnapshot, type ServiceSnapshot } from './snapshot.ts'
import { openServiceStore } from './store.ts'

export interface ServiceRegistry {
  /** The picture of now; never changes once taken. */
  snapshot(): ServiceSnapshot
  /**
   * Makes the registry what the document says (server.yaml as an object). Applying the same again changes nothing; descriptions
   * are fetched again each time, so that this is also how they are refreshed. Calls are taken one after another. Durable when it resolves.
   *
   * @returns What changed, in words.
   * @throws ServicesError `invalid_services` with every fault of the document; nothing has changed then.
   */
  apply(document: unknown): Promise<{ readonly changes: readonly string[] }>
  close(): Promise<void>
}

/**
 * Opens the registry, empty at the first start.
 */
export async function openServices(options: {
  readonly place: StorePlace
  readonly server: ServerId
  readonly fetchText: FetchText
  readonly log: Log
}): Promise<ServiceRegistry> {
  const { server, fetchText, log } = options
  const store = openServiceStore(options.place)
  let entries = await store.read()
  let snapshot = createSnapshot(entries)
  const takeTurns = turnstile()

  async function apply(document: unknown): Promise<{ changes: readonly string[] }> {
    const wanted = await readDocument(document, server, fetchText)
    const changes = describeChanges(entries, wanted)
    if (changes.length === 0) return { changes }
    const next = createSnapshot(wanted)
    await store.replace(wanted)
    // A crash here leaves the new registry in the store, and the next start serves it.
    entries = wanted
    snapshot = next
    log.info('services changed', { server: shortId(server), changes })
    return { changes }
  }

  return {
    snapshot: () => snapshot,
    apply: (document) => takeTurns(() => apply(document)),
    close: () => store.close(),
  }
}
