// A description is rewritten in a thread of its own: it comes from a service, anybody registered may ask for it, and reading ten megabytes of
// YAML takes seconds that the messages of others do not have. The thread lives for one description, within bounds of time and memory.
import { Worker } from 'node:worker_threads'

export type DescriptionKind = 'wsdl' | 'openapi-json' | 'openapi-yaml'

/** Rewritten, or what is wrong with it: the same each time. */
export type Hidden = { readonly body: Uint8Array } | { readonly failure: string }

const TIME_MS = 20_000
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 }

/**
 * The description without the addresses of its service.
 *
 * @throws Error: the thread came to no end within its bounds.
 */
export async function hide(kind: DescriptionKind, bytes: Uint8Array): Promise<Hidden> {
  const worker = new Worker(entry(), { workerData: { kind, bytes }, resourceLimits: LIMITS })
  const { promise, resolve, reject } = Promise.withResolvers<Hidden>()
  const timer = setTimeout(() => reject(new Error(`it could not be read within ${TIME_MS / 1000} s`)), TIME_MS)
  worker.once('message', resolve)
  worker.once('error', reject)
  worker.once('exit', () => reject(new Error('it could not be read')))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    void worker.terminate()
  }
}

/** Beside this file; `.ts` in a checkout and `.js` in the published package. */
function entry(): URL {
  const extension = import.meta.filename.slice(import.meta.filename.lastIndexOf('.'))
  return new URL(`./hide-thread${extension}`, import.meta.url)
}
