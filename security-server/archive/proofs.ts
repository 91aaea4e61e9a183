// The file of proofs beside an archive: for each container, that its record stands in this server's transparent log. It holds what the
// log will have forgotten when the record is cleaned away: its salt, and with it any way to prove it.
import { writeZip, type ZipEntry } from '#evidence'

/** Who makes proofs: the wiring of the transparent log. */
export interface ProofMaker {
  /** The last record whose proof can be kept: it is in the tree and, where there are witnesses, witnessed. */
  provableUpTo(): number
  /** A C2SP tlog-proof of a record, with its salt and encoding. */
  proofOf(seq: number): Promise<Uint8Array>
}

export interface ArchivedRecord {
  readonly seq: number
  /** Of its container. */
  readonly name: string
  readonly at: Date
}

/** `<container>.tlog-proof` for each container, in their order. */
export function writeProofs(proofs: ProofMaker, records: readonly ArchivedRecord[]): AsyncIterable<Uint8Array> {
  return writeZip(entries(proofs, records))
}

async function* entries(proofs: ProofMaker, records: readonly ArchivedRecord[]): AsyncGenerator<ZipEntry> {
  for (const { seq, name, at } of records)
    yield { name: `${name}.tlog-proof`, modifiedAt: at, compress: true, body: await proofs.proofOf(seq) }
}
