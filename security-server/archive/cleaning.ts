// What the log may forget. The one place that has it forget anything.
import type { Clock, Log } from '#host'
import type { MessageLog } from '../message-log/index.ts'
import type { Ledger } from './ledger.ts'
import type { ArchiveSettings } from './settings.ts'

const DAY_MS = 86_400_000

/**
 * Removes records up to the last one that is old enough and before which everything is in files that were stored, read back and found the same,
 * each with its proofs where there are proofs. The ledger says so: a file is proved there after both of its parts were read back, and never
 * before. A crash leaves a part removed; the log goes on with it at its start, and the next cleaning with the rest.
 */
export async function clean(parts: {
  readonly ledger: Ledger
  readonly messageLog: MessageLog
  readonly keepDays: ArchiveSettings['keepDays']
  readonly clock: Clock
  readonly log: Log
}): Promise<void> {
  const { ledger, messageLog, keepDays, clock, log } = parts
  if (keepDays === 'forever') return
  const before = messageLog.status().removedTo
  const upTo = await ledger.provedUpTo(new Date(clock.now().getTime() - keepDays * DAY_MS))
  if (upTo > before) await messageLog.removeUpTo(upTo)
  const { removedTo } = messageLog.status()
  if (removedTo > before) log.info('records were removed that are archived', { from: before + 1, to: removedTo })
}
