// The archive: what the log holds goes, in X-Road's linked files, to where it outlives this server. Door of this folder.
import { join } from 'node:path'
import { type Clock, type Log, reasonOf, type StorePlace } from '#host'
import type { MessageLog } from '../message-log/index.ts'
import { archiveAll, Progress } from './archiver.ts'
import { clean } from './cleaning.ts'
import type { Destination } from './destinations/destination.ts'
import { folderDestination } from './destinations/folder.ts'
import { s3Destination } from './destinations/s3.ts'
import { type ArchiveFile, Ledger } from './ledger.ts'
import type { ProofMaker } from './proofs.ts'
import { Schedule } from './schedule.ts'
import { openSealer, type Sealer } from './sealing/sealer.ts'
import type { ArchiveSettings } from './settings.ts'
import { WorkFolder } from './work-folder.ts'

export { ArchiveError, type ArchiveErrorCode } from './error.ts'
export type { ArchiveFile } from './ledger.ts'
export type { ProofMaker } from './proofs.ts'
export { archiveSchema } from './settings.ts'

export interface Archive {
  /** Archives what can be archived now and cleans the log, beside the schedule; a run that is under way is joined. Rejects with what it failed with. */
  run(): Promise<void>
  status(): Promise<ArchiveStatus>
  /** How its files are encrypted. */
  readonly sealer: Sealer
  /** Files in the order in which they were made, after one; at most `limit`. */
  files(query: { readonly after: number; readonly limit: number }): Promise<readonly ArchiveFile[]>
  close(): Promise<void>
}

export interface ArchiveStatus {
  readonly destination: string
  /** In files, since the archive began. */
  readonly files: number
  readonly records: number
  /** Every record up to this one is in a file that was read back; 0 for none. */
  readonly archivedUpTo: number
  /** Records up to this one were removed from the log; 0 for none. */
  readonly removedUpTo: number
  readonly running?: { readonly records: number; readonly files: number; readonly file?: string }
  readonly lastSuccess?: string
  /** What the last run failed with, until one succeeds. */
  readonly lastError?: string
  readonly nextRun?: string
}

export interface ArchiveOptions {
  /** The server's; drafts and, by default, archives lie in folders of it. */
  readonly directory: string
  readonly place: StorePlace
  readonly messageLog: MessageLog
  readonly settings: ArchiveSettings
  /** Absent where the log has no transparent log beside it: then no proofs are kept. */
  readonly proofs?: ProofMaker | undefined
  readonly clock: Clock
  readonly log: Log
}

const HOUR_MS = 3_600_000
/** After a start, so that a server that is just coming back has its exchanges first. */
const AFTER_START_MS = 60_000
/** After a run that failed, when that is sooner than the next one. */
const AFTER_FAILURE_MS = 600_000

/** Opens the ledger, removes what the last run was just making, and begins the schedule. Rejects with HostError. */
export async function openArchive(options: ArchiveOptions): Promise<Archive> {
  const { directory, settings, clock, log, messageLog, proofs } = options
  const ledger = new Ledger(options.place)
  await ledger.ready()
  const work = new WorkFolder(join(directory, 'archiving'))
  const waiting = (await ledger.unproved()).flatMap(({ name, proofs }) => (proofs ? [name, proofs.name] : [name]))
  await work.sweep(new Set(waiting))
  const destination = destinationOf(settings, directory, clock)
  const sealer = openSealer(settings.encryption)
  const now = () => clock.now()
  const stop = new AbortController()
  let progress: Progress | undefined
  let lastError: string | undefined

  const archive = async (): Promise<void> => {
    progress = new Progress()
    const parts = { log: messageLog, settings, sealer, proofs, work, now, ledger, destination, logger: log }
    try {
      await archiveAll(parts, progress, stop.signal)
      await ledger.setMoment('last_success', now())
    } finally {
      progress = undefined
      // What was archived before may go, whatever became of the rest.
      if (!stop.signal.aborted) await clean({ ledger, messageLog, keepDays: settings.keepDays, clock, log })
    }
  }
  const watched = async (): Promise<void> => {
    try {
      await archive()
      lastError = undefined
    } catch (error) {
      if (stop.signal.aborted) return
      lastError = reasonOf(error)
      log.error('the log cannot be archived', { code: (error as { code?: unknown }).code, reason: lastError })
      throw error
    }
  }
  const schedule = new Schedule(watched, now, {
    intervalMs: settings.intervalHours * HOUR_MS,
    afterStartMs: AFTER_START_MS,
    afterFailureMs: AFTER_FAILURE_MS,
  })
  schedule.begin(await ledger.moment('last_success'))

  return {
    run: () => schedule.run(),
    sealer,
    async status() {
      const { files, records } = await ledger.counts()
      const lastSuccess = await ledger.moment('last_success')
      const file = progress?.file
      return {
        destination: destination.shown,
        ...{ files, records },
        archivedUpTo: await ledger.provedUpTo(new Date(8.64e15)),
        removedUpTo: messageLog.status().removedTo,
        ...(progress && { running: { records: progress.records, files: progress.files, ...(file && { file }) } }),
        ...(lastSuccess && { lastSuccess: lastSuccess.toISOString() }),
        ...(lastError !== undefined && { lastError }),
        ...(schedule.next && { nextRun: schedule.next.toISOString() }),
      }
    },
    files: ({ after, limit }) => ledger.files(after, limit),
    async close() {
      stop.abort()
      await schedule.end()
      await destination.close()
      await ledger.close()
    },
  }
}

function destinationOf({ destination }: ArchiveSettings, directory: string, clock: Clock): Destination {
  if (destination === undefined) return folderDestination(join(directory, 'archive'))
  return 'folder' in destination
    ? folderDestination(destination.folder)
    : s3Destination(destination.s3, () => clock.now())
}
