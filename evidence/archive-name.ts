// What an archive of the message log is called (wire-message §8.3): whose records, of when, and where its hash chain ends.
import { type ClientId, shortId } from '#protocol'

/** Whose records share an archive, and with it a hash chain. */
export type ArchiveGrouping = 'none' | 'member' | 'subsystem'

/** `mlog-` and `-` take part in names of X-Road's length; the reference cuts the group with its dash here, in UTF-16 units. */
const GROUP_UNITS = 200
/**
 * A file name has 255 bytes, of which time, digest and the longest ending (`.proofs.zip.gpg`) need 66. X-Road's own name of a group
 * of 200 letters has no room for `.gpg`.
 */
const GROUP_BYTES = 188
const DIGEST_CHARACTERS = 16

/** The group of a record as X-Road writes it, `INSTANCE/CLASS/CODE[/SUBSYSTEM]`; '' when all records are in one. */
export function archiveGroup(member: ClientId, grouping: ArchiveGrouping): string {
  const { subsystemCode: _, ...owner } = member
  return grouping === 'none' ? '' : shortId(grouping === 'member' ? owner : member)
}

/**
 * The name without its ending: `mlog-GROUP-START-END-DIGEST`. Characters of the group that no file name takes are underscores, as
 * in X-Road, and so is white space: the verifier of the reference splits the linking info of the next archive, which has this
 * name in it, wherever there is some.
 *
 * @param input.from When the oldest record was made, `to` the newest.
 * @param input.digest The last of the hash chain, in hex.
 * @param input.timeZone IANA name; X-Road writes the server's own time.
 */
export function archiveName(input: {
  readonly group: string
  readonly from: Date
  readonly to: Date
  readonly digest: string
  readonly timeZone: string
}): string {
  const { group, from, to, digest, timeZone } = input
  const clock = wallClock(timeZone)
  return `mlog-${groupText(group)}${clock(from)}-${clock(to)}-${digest.slice(0, DIGEST_CHARACTERS)}`
}

function groupText(group: string): string {
  if (group === '') return ''
  const text = `${group.replace(/[\0\\<>/:|*?\p{Cc}\s]/gu, '_')}-`.slice(0, GROUP_UNITS)
  let kept = ''
  let bytes = 0
  for (const character of text.toWellFormed()) {
    bytes += Buffer.byteLength(character)
    if (bytes > GROUP_BYTES) break
    kept += character
  }
  return kept
}

/** `yyyyMMddHHmmss` on the wall of a time zone. */
function wallClock(timeZone: string): (at: Date) => string {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
    return (['year', 'month', 'day', 'hour', 'minute', 'second'] as const).map((part) => parts.get(part)).join('')
  }
}
