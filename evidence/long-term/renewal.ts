// A container renewed: one more archive time-stamp over all of it, in its evidence record (RFC 4998). No other file in it changes, so whoever
// read it before still does, X-Road's tools included.
import type { DigestName } from '#trust'
import { ASICE_MIME_TYPE } from '../container.ts'
import { readZip } from '../zip-reader.ts'
import { writeZip, type ZipEntry } from '../zip-writer.ts'
import { changed, type Source, unchanged } from './contents.ts'
import { RECORD_ENTRY, RECORD_MANIFEST_ENTRY } from './entry-names.ts'
import { LongTermError } from './error.ts'
import { type Addition, extendRecord, type HashList } from './record.ts'
import { writeRecordManifest } from './record-manifest.ts'
import type { Survey } from './survey.ts'
import { hashesToStamp } from './verify-record.ts'

/**
 * What a new time-stamp has to be over for this container; many share one time-stamp (hash-tree.ts).
 *
 * @param at when it will be made
 * @throws LongTermError `renewed_late`: evidence that still is what it was would become evidence that was renewed too late
 */
export async function hashesToRenew(survey: Survey, name: DigestName, at: Date): Promise<HashList> {
  const { contents, record, times } = survey
  const last = times.at(-1)
  if (last !== undefined && at > last.tsa.notAfter)
    throw new LongTermError(
      'renewed_late',
      `The certificate of ${last.tsa.subject.text}, behind the last time-stamp, ended on ${last.tsa.notAfter.toISOString()}`,
    )
  const digests = await contents.digests(name)
  return hashesToStamp(
    record,
    name,
    [...digests.values()].map((value) => (algorithm) => (algorithm === name ? value : undefined)),
  )
}

/**
 * The container with the addition.
 *
 * @throws LongTermError `wrong_imprint` when it is not what was surveyed any more.
 */
export async function* writeRenewed(open: Source, survey: Survey, addition: Addition): AsyncGenerator<Uint8Array> {
  const { digest } = addition
  const digests = await survey.contents.digests(digest)
  const record = extendRecord(survey.record, addition)
  const files = [...digests].map(([name, value]) => ({ name, digest, value }))
  // The manifest stays as it was first: no file changes, and DSS compares it with the record's first time-stamp.
  const manifest = survey.contents.meta(RECORD_MANIFEST_ENTRY) ?? writeRecordManifest(files)
  yield* writeZip(entries(open, digests, digest, { record, manifest }), COMMENT)
}

const COMMENT = `mimetype=${ASICE_MIME_TYPE}`

async function* entries(
  open: Source,
  digests: ReadonlyMap<string, Uint8Array>,
  digest: DigestName,
  added: { readonly record: Uint8Array; readonly manifest: Uint8Array },
): AsyncGenerator<ZipEntry> {
  const missing = new Set(digests.keys())
  let modifiedAt = new Date(0)
  for await (const entry of readZip(open())) {
    const { name, body } = entry
    if (name === RECORD_ENTRY || name === RECORD_MANIFEST_ENTRY || name.endsWith('/')) continue
    modifiedAt = entry.modifiedAt
    missing.delete(name)
    // Where the type stands uncompressed at a fixed place, there it stays.
    if (name === 'mimetype') yield { name, modifiedAt, body: await small(body), compress: !entry.stored }
    else yield { name, modifiedAt, body: () => unchanged(name, body, digest, digests.get(name)), compress: true }
  }
  const [gone] = missing
  if (gone !== undefined) throw changed(gone)
  yield { name: RECORD_MANIFEST_ENTRY, modifiedAt, body: added.manifest, compress: true }
  yield { name: RECORD_ENTRY, modifiedAt, body: added.record, compress: true }
}

async function small(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}
