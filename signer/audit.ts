// The signer's audit trail: what was done with which key, with what outcome. It never holds data, PINs or keys; only digests of what was
// signed. Every operation but a message signature is on the disk before it is answered. Message signatures are answered at once: a killed
// process loses the last lines of them (the message log of the security server has those signatures). When the disk refuses, nothing more is
// signed until it takes the lines again.
import { hash } from 'node:crypto'
import { type Clock, HostError, openAuditTrail, readAuditTrail, type AuditTrail as Trail } from '#host'
import type { AuditEntry } from './contract.ts'
import { SignerError } from './error.ts'

type Said = Omit<AuditEntry, 'seq' | 'at'>

/** Its `flush` and `read` reject with SignerError `store_failed`. */
export type AuditTrail = Trail<Said>

/** @throws {SignerError} `store_failed` when the trail was edited */
export async function openAudit(directory: string, clock: Clock, fileBytes?: number): Promise<AuditTrail> {
  const trail = await openAuditTrail<Said>(directory, clock, fileBytes).catch(refuse)
  return {
    get failing() {
      return trail.failing
    },
    record: ({ op, key, purpose, digest, outcome }) => trail.record({ op, key, purpose, digest, outcome } as Said),
    flush: () => trail.flush().catch(refuse),
    read: (after, limit) => trail.read(after, limit).catch(refuse),
    close: () => trail.close(),
  }
}

/**
 * Every line from the file that holds `from`, each checked against its chain.
 *
 * @throws {SignerError} `store_failed` at the first line that was edited, or where lines are missing
 */
export async function* readTrail(directory: string, from = 1): AsyncGenerator<AuditEntry & { readonly chain: string }> {
  try {
    yield* readAuditTrail<Said>(directory, from)
  } catch (error) {
    refuse(error)
  }
}

function refuse(error: unknown): never {
  if (!(error instanceof HostError)) throw error
  throw new SignerError('store_failed', error.message, { cause: error.cause ?? error })
}

/** SHA-256 of what an operation was about, for its line. */
export function auditDigest(data: Uint8Array): string {
  return hash('sha256', data, 'hex')
}
