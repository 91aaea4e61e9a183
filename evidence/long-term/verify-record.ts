// What an evidence record proves: that files existed, unchanged, at the time of its first time-stamp (RFC 4998 §4.3, §5.3). Each later one
// vouches for the one before; whether it came in time is for survey.ts to say.
import { type Certificate, type DigestName, digest, equalBytes, type TimestampToken } from '#trust'
import { LongTermError } from './error.ts'
import { hashSet, rootOf } from './hash-tree.ts'
import { believe, type ProvenTime } from './proven-time.ts'
import { type ArchiveTimestamp, chainsHash, type EvidenceRecord, lastTokenHash, nextStep } from './record.ts'

/** Digest of a file by algorithm; undefined where it cannot be had any more. */
export type FileDigest = (name: DigestName) => Uint8Array | undefined

/**
 * @param files Everything that the record must be over, and it must be over nothing else.
 * @param tsasFor Whom time is believed of; who that is may depend on the time that a token says.
 * @returns The times, in the order in which they were proven.
 * @throws LongTermError `wrong_imprint` when it is not over these files, `timestamp_invalid`.
 */
export function verifyRecord(
  record: EvidenceRecord,
  files: readonly FileDigest[],
  tsasFor: (token: TimestampToken) => readonly Certificate[],
): readonly ProvenTime[] {
  const times: ProvenTime[] = []
  record.chains.forEach((chain, at) => {
    const before = record.chains.slice(0, at)
    chain.forEach((stamp, index) => {
      const hashes = index === 0 ? fileHashes(stamp.digest, files, before) : [lastTokenHash(chain.slice(0, index))]
      verifyImprint(stamp, hashes)
      times.push(believe(stamp.token, tsasFor(stamp.token)))
    })
  })
  return times
}

function fileHashes(
  name: DigestName,
  files: readonly FileDigest[],
  before: EvidenceRecord['chains'],
): readonly Uint8Array[] {
  const older = before.length === 0 ? undefined : chainsHash(name, before)
  return files.map((file) => {
    const hash = file(name)
    if (hash === undefined) throw mismatch(`${name} of a file is not known`)
    return older === undefined ? hash : digest(name, hash, older)
  })
}

/** Every hash is in the first list, and nothing else where it is over files: a file that was taken away would leave its hash. */
function verifyImprint({ digest: name, tree, token }: ArchiveTimestamp, hashes: readonly Uint8Array[]): void {
  const [first] = tree
  const expected = hashSet(hashes)
  if (first !== undefined) {
    if (!expected.every((hash) => first.some((one) => equalBytes(one, hash)))) throw mismatch('it is over other data')
    if (expected.length > 1 && hashSet(first).length !== expected.length)
      throw mismatch('it is over data that is not here')
  } else if (expected.length !== 1) throw mismatch('it has no hash tree for so many files')
  const root = rootOf(name, tree) ?? expected[0]
  if (root === undefined || !equalBytes(root, token.imprint)) throw mismatch('its time-stamp is over another hash tree')
}

/** The hashes that a new time-stamp has to be over: of the last token, or of the files under another digest. */
export function hashesToStamp(
  record: EvidenceRecord | undefined,
  name: DigestName,
  files: readonly FileDigest[],
): readonly Uint8Array[] {
  const last = nextStep(record, name) === 'time-stamp' ? record?.chains.at(-1) : undefined
  return last === undefined ? hashSet(fileHashes(name, files, record?.chains ?? [])) : [lastTokenHash(last)]
}

function mismatch(why: string): LongTermError {
  return new LongTermError('wrong_imprint', `The evidence record does not fit: ${why}`)
}
