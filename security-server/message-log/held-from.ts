// From when on the log is whole: what was removed is older.
import type { MessageLog } from './index.ts'

/** When the oldest record was logged that is still there, in milliseconds since 1970; 0 where none was removed. */
export async function heldFrom(messageLog: MessageLog): Promise<number> {
  const { removedTo } = messageLog.status()
  if (removedTo === 0) return 0
  const [first] = await messageLog.list({ after: removedTo, limit: 1 })
  return first?.at.getTime() ?? 0
}
