// A log with time-stamped records of several members, an archive beside it, and what came out of it.
import { createHash } from 'node:crypto'
import { createReadStream, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type ArchiveReport, readZip, signMessage, verifyArchive } from '#evidence'
import type { ClientId } from '#protocol'
import { type Archive, archiveSchema, openArchive, type ProofMaker } from '../../../../security-server/archive/index.ts'
import type { LogRecord, MessageLog } from '../../../../security-server/message-log/index.ts'
import { placeIn } from '../../../stores.ts'
import {
  atEnd,
  configurationWith,
  openLog,
  record as plainRecord,
  TestClock,
  TestLog,
  type TestLogOptions,
} from '../message-log/fixture.ts'
import { makeMember } from '../message-log/member.ts'
import { startTsa } from '../message-log/tsa.ts'

export const AT = new Date('2026-03-01T12:00:00Z')
const DOCUMENT = await signMessage(
  [{ name: '/message.xml', digest: new Uint8Array(64) }],
  (await makeMember(AT)).signer,
  AT,
)

/** In the order of archives. */
export const MEMBERS: readonly ClientId[] = [
  { instance: 'DEMO', memberClass: 'COM', memberCode: '9', subsystemCode: 'z' },
  { instance: 'DEMO', memberClass: 'GOV', memberCode: '1', subsystemCode: 'a' },
  { instance: 'DEMO', memberClass: 'GOV', memberCode: '1', subsystemCode: 'b' },
  { instance: 'DEMO', memberClass: 'GOV', memberCode: '1' },
  { instance: 'DEMO', memberClass: 'GOV', memberCode: '2', subsystemCode: 'a' },
]

/** With a whole signature document, over nothing, and with a value of its own; of one member after another, backwards. */
export function record(facts: Parameters<typeof plainRecord>[0] = {}, index = 0): LogRecord {
  const member = MEMBERS.at(-1 - (index % MEMBERS.length))
  const plain = plainRecord({ ...(member && { member }), at: new Date(AT.getTime() + index * 1000), ...facts })
  const value = createHash('sha512').update(plain.queryId).digest('base64')
  const xml = Buffer.from(DOCUMENT.xml).toString()
  return { ...plain, signature: Buffer.from(xml.replace(/(<ds:SignatureValue[^>]*>)[^<]*/, `$1${value}`)) }
}

/** A log whose authority answers. */
export async function openStampedLog(t: TestContext, options: TestLogOptions): Promise<MessageLog> {
  const tsa = await startTsa(t)
  return openLog(t, { configuration: () => configurationWith([tsa]), ...options })
}

/** Appends records and has them time-stamped. */
export async function fill(
  log: MessageLog,
  count: number,
  facts: Parameters<typeof plainRecord>[0] = {},
): Promise<readonly number[]> {
  const seqs = await Promise.all(Array.from({ length: count }, (_, index) => log.append(record(facts, index))))
  await log.timestampNow(seqs)
  return seqs
}

export interface TestArchiveOptions {
  readonly directory: string
  readonly log: MessageLog
  readonly settings?: Parameters<typeof archiveSchema.parse>[0]
  readonly proofs?: ProofMaker
  readonly clock?: TestClock
  readonly said?: TestLog
}

/** Opens an archive; it is closed at the end of the test. Nothing runs by itself in that time. */
export async function openTestArchive(t: TestContext, options: TestArchiveOptions): Promise<Archive> {
  const { directory, log, settings = {}, proofs, clock = new TestClock(), said = new TestLog() } = options
  const archive = await openArchive({
    directory,
    place: placeIn(directory, 'archive'),
    messageLog: log,
    settings: archiveSchema.parse({ intervalHours: 168, ...(settings as object) }),
    proofs,
    clock,
    log: said,
  })
  atEnd(t, () => archive.close())
  return archive
}

export interface Found {
  readonly name: string
  readonly report: ArchiveReport
  /** Numbers of the records, from the names of their containers. */
  readonly seqs: readonly number[]
}

/** All archives of a folder, each judged by itself. */
export async function archivesIn(folder: string): Promise<readonly Found[]> {
  const found: Found[] = []
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.zip') || name.endsWith('.proofs.zip')) continue
    const seqs: number[] = []
    const report = await verifyArchive(createReadStream(join(folder, name)), 'anywhere', {
      container: async (container) => {
        seqs.push(seqOf(container))
      },
    })
    found.push({ name, report, seqs })
  }
  return found
}

export function seqOf(container: string): number {
  return Number.parseInt(/-([0-9a-v]+)\.asice/.exec(container)?.[1] ?? '', 32)
}

/** The names in a ZIP file. */
export async function namesIn(file: string): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of readZip(createReadStream(file))) names.push(name)
  return names
}
