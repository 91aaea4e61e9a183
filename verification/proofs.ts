// The side file of an archive: `<container>.tlog-proof` for each of its containers.
import { EvidenceError, PROOF_SUFFIX, readZip } from '#evidence'

const MAX_PROOFS = 100_000
const MAX_PROOF_BYTES = 256 * 1024
/** Some hundred thousand proofs; an archive has a few thousand. */
const MAX_SIDE_BYTES = 256 * 1024 * 1024

/**
 * Reads it from a stranger; gives the proofs by the names of their containers.
 *
 * @throws EvidenceError `asic_malformed_zip`, `malformed_bundle`
 */
export async function readProofs(source: AsyncIterable<Uint8Array>): Promise<ReadonlyMap<string, Uint8Array>> {
  const proofs = new Map<string, Uint8Array>()
  for await (const { name, body } of readZip(source, { maxBytes: MAX_SIDE_BYTES, maxEntries: MAX_PROOFS })) {
    const [container, end] = [name.slice(0, -PROOF_SUFFIX.length), name.slice(-PROOF_SUFFIX.length)]
    if (end !== PROOF_SUFFIX) throw new EvidenceError('malformed_bundle', `${name} is no proof`)
    const chunks: Uint8Array[] = []
    let size = 0
    for await (const chunk of body) {
      size += chunk.length
      if (size > MAX_PROOF_BYTES)
        throw new EvidenceError('malformed_bundle', `${name} is larger than ${MAX_PROOF_BYTES} octets`)
      chunks.push(chunk)
    }
    proofs.set(container, Buffer.concat(chunks))
  }
  return proofs
}
