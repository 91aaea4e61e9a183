// The thread that rewrites one description (hide.ts).
import { parentPort, workerData } from 'node:worker_threads'
import type { DescriptionKind, Hidden } from './hide.ts'

const { kind, bytes } = workerData as { readonly kind: DescriptionKind; readonly bytes: Uint8Array }

let answer: Hidden
try {
  answer = { body: await rewrite() }
} catch (error) {
  answer = { failure: (error as Error).message }
}
parentPort?.postMessage(answer)

/** Each reader is loaded where it is needed. */
async function rewrite(): Promise<Uint8Array> {
  if (kind === 'wsdl') return (await import('./wsdl-addresses.ts')).hideAddresses(bytes)
  return (await import('./openapi-servers.ts')).hideServers(bytes, kind === 'openapi-json')
}
