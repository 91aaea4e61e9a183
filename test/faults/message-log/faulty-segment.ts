// The segment's file on a disk that fails, once or so many times.
import { open } from 'node:fs/promises'
import type { JournalOptions, SegmentFile } from '../../../security-server/message-log/journal.ts'

/** What the record's write leaves: nothing, its first half, or all of it. Room is what is made for it before. */
export type SegmentFault = `${'room-full' | 'room-io' | `write-${'full' | 'io'}-${'lost' | 'torn' | 'kept'}`}`

/** @param after Groups that are still written before it. */
export function failingSegments(
  fault: SegmentFault,
  after: number,
  times = 1,
): NonNullable<JournalOptions['openFile']> {
  let left = after
  let failed = 0
  return async (path, flags) => {
    const file = await open(path, flags, 0o600)
    const write = async (bytes: Buffer, start: number, length: number, position: number) => {
      // Groups begin so; all else is the room that is made for them, a segment's head in it.
      const isRoom = bytes.toString('latin1', start, start + 4) !== 'SaGr'
      if (!isRoom) left -= 1
      if (
        failed === times ||
        (isRoom ? left > 0 || !fault.startsWith('room') : left >= 0 || !fault.startsWith('write'))
      )
        return await file.write(bytes, start, length, position)
      failed += 1
      if (fault.endsWith('torn')) await file.write(bytes, start, length >> 1, position)
      if (fault.endsWith('kept')) await file.write(bytes, start, length, position)
      throw fault.includes('full')
        ? Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
        : Object.assign(new Error('i/o error'), { code: 'EIO' })
    }
    return {
      write,
      read: (into: Buffer, start: number, length: number, position: number) => file.read(into, start, length, position),
      datasync: () => file.datasync(),
      truncate: (length) => file.truncate(length),
      stat: () => file.stat(),
      close: () => file.close(),
    } as SegmentFile
  }
}
