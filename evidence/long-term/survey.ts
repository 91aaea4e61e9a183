// Everything that makes a container last: its time-stamps from the signature's own to the last one that renews them, each over what it should
// be over, each in time. Whether the signature is good at all is verify-container.ts's to say.
import type { TrustMaterial } from '#protocol'
import { type DigestName, digest, equalBytes } from '#trust'
import { EvidenceError } from '../error.ts'
import { NOBODY, type TrustOverTime, trustAt } from '../trust-over-time.ts'
import { Contents, type Source } from './contents.ts'
import { RECORD_ENTRY, RECORD_MANIFEST_ENTRY, SIGNATURES_ENTRY } from './entry-names.ts'
import { LongTermError } from './error.ts'
import { archiveImprint, signatureValueOctets } from './imprint.ts'
import { believe, type ProvenTime, readToken } from './proven-time.ts'
import { type EvidenceRecord, readRecord } from './record.ts'
import { readRecordManifest } from './record-manifest.ts'
import { isArchiveTimestamp, isSignatureTimestamp, readTimestamp, viewSignature } from './signature-view.ts'
import { verifyRecord } from './verify-record.ts'

export type Layout = 'X-Road' | 'XAdES-B-T' | 'XAdES-B-LTA'

export interface Survey {
  readonly contents: Contents
  readonly layout: Layout
  readonly record: EvidenceRecord | undefined
  /** In the order in which they were made: the first is the signature's own, the last keeps all before it. */
  readonly times: readonly (ProvenTime & { readonly kind: TimeKind })[]
}

export type TimeKind = 'time-stamp' | 'signature time-stamp' | 'archive time-stamp' | 'evidence record'

/** Throws LongTermError for the first that does not hold, EvidenceError for what cannot be read. */
export async function surveyContainer(open: Source, trust: TrustMaterial | TrustOverTime): Promise<Survey> {
  const contents = await Contents.read(open)
  const signed = await signatureTimes(contents, trust)
  const { record, times } = await recordTimes(contents, trust)
  const all = [...signed.times, ...times]
  inTime(all)
  return { contents, layout: signed.layout, record, times: all }
}

type Times = Survey['times']

async function signatureTimes(
  contents: Contents,
  trust: TrustMaterial | TrustOverTime,
): Promise<{ layout: Layout; times: Times }> {
  const xml = contents.meta(SIGNATURES_ENTRY)
  if (xml === undefined) throw new EvidenceError('asic_signature_not_found', 'The container has no signature')
  const view = viewSignature(xml)
  const batch = contents.meta('META-INF/timestamp.tst')
  if (batch !== undefined || view.read.timestampOver === undefined) {
    const token = batch ?? view.read.timestamp
    if (token === undefined) throw new EvidenceError('asic_timestamp_not_found', 'The container has no time-stamp')
    return { layout: 'X-Road', times: [{ kind: 'time-stamp', ...believeToken(token, trust) }] }
  }
  const times: Times[number][] = []
  for (const [at, element] of view.unsigned.entries()) {
    const isArchive = isArchiveTimestamp(element)
    if (!isArchive && !isSignatureTimestamp(element)) continue
    const { token, mode } = readTimestamp(element)
    const name = readToken(token).digest
    const over = isArchive
      ? await archiveImprint(view, view.unsigned.slice(0, at), mode, name, (uri) =>
          contents.body(uri.replace(/^\//, '')),
        )
      : digest(name, signatureValueOctets(view, mode))
    if (!equalBytes(over, readToken(token).imprint))
      throw new LongTermError('wrong_imprint', `The token in ${element.local} is over other data`)
    times.push({ kind: isArchive ? 'archive time-stamp' : 'signature time-stamp', ...believeToken(token, trust) })
  }
  return { layout: times.some(({ kind }) => kind === 'archive time-stamp') ? 'XAdES-B-LTA' : 'XAdES-B-T', times }
}

async function recordTimes(
  contents: Contents,
  trust: TrustMaterial | TrustOverTime,
): Promise<{ record: EvidenceRecord | undefined; times: Times }> {
  const bytes = contents.meta(RECORD_ENTRY)
  const manifest = contents.meta(RECORD_MANIFEST_ENTRY)
  if (bytes === undefined && manifest === undefined) return { record: undefined, times: [] }
  if (bytes === undefined || manifest === undefined)
    throw new LongTermError(
      'malformed_evidence_record',
      'The container has an evidence record or its manifest, not both',
    )
  const record = readRecord(bytes)
  await compareManifest(manifest, contents)
  const names = new Set(record.chains.flatMap((chain) => chain.map((stamp) => stamp.digest)))
  const digests = new Map<DigestName, ReadonlyMap<string, Uint8Array>>()
  for (const name of names) digests.set(name, await contents.digests(name))
  const files = [...(await contents.digests([...names][0] ?? 'SHA-512')).keys()]
  const times = verifyRecord(
    record,
    files.map((file) => (name) => digests.get(name)?.get(file)),
    (token) => tsasAt(trust, token.genTime),
  )
  return { record, times: times.map((time) => ({ kind: 'evidence record', ...time })) }
}

/** The manifest names every file and no other, with the digests that they have. */
async function compareManifest(xml: Uint8Array, contents: Contents): Promise<void> {
  const named = readRecordManifest(xml)
  const names = new Set<string>()
  for (const { name, digest: algorithm, value } of named) {
    const actual = (await contents.digests(algorithm)).get(name)
    if (actual === undefined || !equalBytes(actual, value))
      throw new LongTermError('wrong_imprint', `${name} is not what the manifest of the evidence record says`)
    names.add(name)
  }
  const [unnamed] = [...(await contents.digests(named[0]?.digest ?? 'SHA-512')).keys()].filter(
    (name) => !names.has(name),
  )
  if (unnamed !== undefined) throw new LongTermError('wrong_imprint', `The evidence record is not over ${unnamed}`)
}

function believeToken(der: Uint8Array, trust: TrustMaterial | TrustOverTime): ProvenTime {
  const token = readToken(der)
  return believe(token, tsasAt(trust, token.genTime))
}

function tsasAt(trust: TrustMaterial | TrustOverTime, time: Date) {
  return (trustAt(trust, time)?.trust ?? NOBODY).tsas.map(({ certificate }) => certificate)
}

/** Each is renewed by the next while its authority's certificate is valid. Dates of algorithms are forecasts, and no ground to refuse what was done. */
function inTime(times: Times): void {
  for (const [at, time] of times.entries()) {
    const before = times[at - 1]
    if (before === undefined) continue
    if (time.genTime < before.genTime)
      throw new LongTermError(
        'out_of_order',
        `The ${time.kind} of ${time.genTime.toISOString()} is older than what it renews`,
      )
    if (time.genTime > before.tsa.notAfter)
      throw new LongTermError(
        'renewed_late',
        `The ${before.kind} of ${before.genTime.toISOString()} was renewed on ${time.genTime.toISOString()}, after the certificate of its authority ended`,
      )
  }
}
