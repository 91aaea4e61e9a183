// A round of time-stamping: which signatures it covers, and what the authority is asked to time-stamp (wire-message §7.2).
import type { DatabaseSync } from 'node:sqlite'
import { signatureValueOf, timestampInput } from '#evidence'
import { type DigestName, digest } from '#trust'
import type { LogError } from './error.ts'
import type { Segments } from './segments.ts'

/** Signatures, hash-chain results and imprints are hashed with it. */
export const IMPRINT_DIGEST: DigestName = 'SHA-512'

/** Which records a round takes: the oldest, or these; never one that has its time-stamp. */
export type Selection = { readonly oldest: number } | { readonly seqs: readonly number[] }

export interface Round {
  readonly seqs: readonly number[]
  readonly imprint: Uint8Array
  /** The hash-chain result of a batch; a single record is covered directly. */
  readonly result: Uint8Array | null
  /** One for each of `seqs`, of a batch. */
  readonly chains: readonly Uint8Array[] | null
}

/**
 * The single form when exactly one record waits, a hash chain over all when there are more. A record that is damaged has no single form; one
 * that was asked for throws LogError `record_damaged`, the oldest goes with the next, or waits for it.
 */
export function prepareRound(db: DatabaseSync, segments: Segments, selection: Selection): Round | null {
  const seqs = select(db, selection)
  const [only] = seqs
  if (only === undefined) return null
  if (seqs.length > 1) return roundOver(seqs, batchInput(db, seqs))
  try {
    return roundOver(seqs, [singleInput(db, segments, only)])
  } catch (error) {
    if (!('oldest' in selection) || (error as LogError).code !== 'record_damaged') throw error
  }
  const two = select(db, { oldest: 2 })
  return two.length === 1 ? null : roundOver(two, batchInput(db, two))
}

export function roundOver(seqs: readonly number[], signatures: readonly SignatureInput[]): Round {
  const { imprint, result, chains } = timestampInput(signatures, IMPRINT_DIGEST)
  return { seqs, imprint, result: result ?? null, chains: result === undefined ? null : chains }
}

export type SignatureInput = Parameters<typeof timestampInput>[0][number]

/** Of one record the decoded signature value itself is time-stamped. */
function singleInput(db: DatabaseSync, segments: Segments, seq: number): SignatureInput {
  const row = db.prepare('SELECT segment, place FROM records WHERE seq = ?').get(seq)
  const place = { segment: row?.['segment'] as number, offset: row?.['place'] as number }
  const { signature } = segments.record(seq, place)
  return { signatureDigest: digest(IMPRINT_DIGEST, signature), signatureValue: signatureValueOf(signature) }
}

/** Of many, the digests of their signature documents; the documents themselves are not read again. */
function batchInput(db: DatabaseSync, seqs: readonly number[]): SignatureInput[] {
  const digestOf = db.prepare('SELECT signature_digest FROM untimestamped WHERE seq = ?')
  const unused = new Uint8Array()
  return seqs.map((seq) => ({
    signatureDigest: digestOf.get(seq)?.['signature_digest'] as Uint8Array,
    signatureValue: unused,
  }))
}

function select(db: DatabaseSync, selection: Selection): number[] {
  if ('oldest' in selection)
    return db
      .prepare('SELECT seq FROM untimestamped ORDER BY seq LIMIT ?')
      .all(selection.oldest)
      .map((row) => row['seq'] as number)
  const waits = db.prepare('SELECT 1 FROM untimestamped WHERE seq = ?')
  return [...new Set(selection.seqs)].sort((a, b) => a - b).filter((seq) => waits.get(seq) !== undefined)
}
