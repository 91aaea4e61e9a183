// Archives of one server go on from one another: whether those that are at hand do, and where one is missing. One archive that is exchanged,
// left out or put in between breaks the chain of digests; only what lies before the first one can be missing unseen.
import type { ArchiveEnd, Check } from '#evidence'

/** An archive whose own chain was verified. */
export interface LinkedArchive {
  /** File name, without folders. */
  readonly file: string
  readonly previous: ArchiveEnd | null
  readonly lastDigest: string
}

export interface ArchiveLinks {
  /** One for each unbroken run of archives, in the order in which they begin. */
  readonly runs: readonly ArchiveRun[]
  /** What breaks them; empty when every group is one run. */
  readonly checks: readonly Check[]
}

export interface ArchiveRun {
  /** Whose records: as the archives are called; '' for those of a whole server. */
  readonly group: string
  readonly archives: number
  readonly first: string
  readonly last: string
  /** What the first goes on from, and what is not at hand; null when nothing was archived before it. */
  readonly after: ArchiveEnd | null
  readonly lastDigest: string
}

export const LINK_CHECK = 'link between archives'

/** Judges how the archives hang together; memory for each of them, none for their containers. Copies of one archive count once. */
export function linkArchives(given: readonly LinkedArchive[]): ArchiveLinks {
  const byDigest = new Map(given.map((archive) => [archive.lastDigest, archive]))
  const archives = [...byDigest.values()]
  const byFile = new Map(archives.map((archive) => [archive.file, archive]))
  const next = new Map<LinkedArchive, LinkedArchive>()
  const starts: LinkedArchive[] = []
  const checks: Check[] = []
  for (const archive of archives) {
    const { previous, file } = archive
    const before = previous === null ? undefined : byDigest.get(previous.digest)
    const taken = before && next.get(before)
    if (taken !== undefined)
      checks.push(failed('archive_fork', `${taken.file} and ${file} both go on from ${before?.file}`))
    if (before === undefined || taken !== undefined) starts.push(archive)
    else next.set(before, archive)
    const named = previous === null ? undefined : byFile.get(previous.file)
    if (named !== undefined && named !== before)
      checks.push(failed('archive_differs', `${file} goes on from another ${named.file} than the one that is here`))
  }
  const runs = starts.map((first) => runFrom(first, next)).toSorted((a, b) => (a.first < b.first ? -1 : 1))
  const seen = new Map<string, ArchiveRun>()
  for (const run of runs) {
    const before = seen.get(run.group)
    if (before !== undefined) checks.push(gap(before, run))
    seen.set(run.group, run)
  }
  const reached = runs.reduce((sum, run) => sum + run.archives, 0)
  if (reached < archives.length) checks.push(failed('archive_loop', 'Archives go on from one another in a ring'))
  return { runs, checks }
}

function runFrom(first: LinkedArchive, next: ReadonlyMap<LinkedArchive, LinkedArchive>): ArchiveRun {
  let last = first
  let count = 1
  for (let following = next.get(first); following !== undefined; following = next.get(following)) {
    last = following
    count += 1
  }
  const { file, previous } = first
  return {
    group: groupOf(file),
    archives: count,
    first: file,
    last: last.file,
    after: previous,
    lastDigest: last.lastDigest,
  }
}

function gap(before: ArchiveRun, run: ArchiveRun): Check {
  if (run.after === null)
    return failed('archive_missing', `${run.first} begins anew, though ${before.last} was archived before`)
  return failed('archive_missing', `Between ${before.last} and ${run.first} there is no ${run.after.file}`)
}

function failed(code: string, detail: string): Check {
  return { name: LINK_CHECK, ok: false, code, detail }
}

/** `mlog-GROUP-START-END-DIGEST.zip`, the group and its dash left out for a whole server (wire-message §8.3). */
function groupOf(file: string): string {
  return /^mlog-(?:(.*)-)?\d{14}-\d{14}-[0-9a-f]{16}\./.exec(file)?.[1] ?? ''
}
