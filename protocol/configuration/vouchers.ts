// Keys that an anchor does not name and that are believed all the same: a central server lists its next key in the shared parameters before
// it signs with it (wire-conf §2.6), so an earlier generation that the anchor's key signed vouches for a later one.
import type { Certificate } from '#trust'
import type { Anchor } from './anchor.ts'
import { malformed } from './elements.ts'
import { partsToTake } from './instance.ts'
import { parseSharedParameters } from './read-shared.ts'
import { isPart, verifySignedDirectory } from './signed-directory.ts'

/** An earlier generation: its signed directory and its shared parameters. */
export interface Voucher {
  readonly signed: Uint8Array
  readonly shared: Uint8Array
}

/** Vouchers are believed whatever their age: they speak for keys, not for members. */
const WHENEVER = new Date(0)

/**
 * The keys of the anchor, and those for which a chain of vouchers speaks that begins with them.
 *
 * @param vouchers Oldest first.
 * @throws ProtocolError: one of them is not what it must be
 */
export function believedKeys(anchor: Anchor, vouchers: readonly Voucher[]): readonly Certificate[] {
  const believed = anchor.sources.flatMap(({ certificates }) => certificates)
  for (const { signed, shared } of vouchers) {
    const directory = verifySignedDirectory(signed, believed, WHENEVER)
    const meant = partsToTake(directory, anchor.instance, 'federated').some(({ part }) => isPart(part, shared))
    if (!meant) throw malformed(`a voucher of ${anchor.instance} is not what was signed`)
    const { sources } = parseSharedParameters(shared, directory.version)
    believed.push(...sources.flatMap(({ internal, external }) => [...internal, ...external]))
  }
  return believed
}
