// Proofs as files (C2SP tlog-proof): where an entry stands, the way to the root, the checkpoint with its signatures.
import { setTimeout as pause } from 'node:timers/promises'
import { formatLogProof } from '#transparency'
import type { EntryProof, SignedLog } from '#transparent-log'
import { HistoryError } from './error.ts'
import type { Tree } from './opening.ts'
import { compareRecord, type RecordSource } from './records.ts'

/** A proof waits this long for its entry to be signed. */
const PATIENCE_MS = 5_000
const LOOK_MS = 50

/** Of a record, with its salt and encoding: who has the proof can compute the leaf. Throws HistoryError. */
export async function recordProof({ log, leaves }: Tree, source: RecordSource, seq: number): Promise<Uint8Array> {
  const { records, removedTo } = source.messageLog.status()
  if (!Number.isSafeInteger(seq) || seq < leaves.first || seq > records)
    throw new HistoryError('record_not_found', `the log has no record ${seq}`)
  const proof = await whenSigned(log, () => (leaves.has(seq) ? leaves.indexOf(seq) : undefined))
  if (proof === undefined) throw new HistoryError('not_signed_yet', `no checkpoint has record ${seq} yet`)
  const evidence = await compareRecord(source, seq, proof.entry)
  if (evidence === undefined)
    throw new HistoryError(
      'record_not_found',
      seq <= removedTo
        ? `record ${seq} was archived and removed; its proof lies beside the archive`
        : `record ${seq} is one of those that were lost (transparency.lostRecords)`,
    )
  return fileOf(proof, Buffer.concat([evidence.salt, evidence.record]))
}

/** Of any entry. Throws HistoryError. */
export async function entryProof(log: SignedLog, index: number, extra?: Uint8Array): Promise<Uint8Array> {
  const proof = await whenSigned(log, () => (index >= 0 && index < log.tree.size ? index : undefined))
  if (proof === undefined) throw new HistoryError('not_signed_yet', `no checkpoint has entry ${index} yet`)
  return fileOf(proof, extra)
}

async function whenSigned(log: SignedLog, indexOf: () => number | undefined): Promise<EntryProof | undefined> {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const index = indexOf()
    const proof = index === undefined ? undefined : await log.prove(index)
    if (proof !== undefined || performance.now() > until) return proof
    await pause(LOOK_MS)
  }
}

function fileOf({ index, hashes, checkpoint }: EntryProof, extra: Uint8Array | undefined): Uint8Array {
  return formatLogProof({ index, proof: hashes, note: checkpoint.note, ...(extra === undefined ? {} : { extra }) })
}
