// Archives of one server go on from one another: whether those that are at hand do, and where one is missing. One archive that is exchanged,
// left out or put in between breaks the chain of digests; only what lies before the first one and behind the last can be missing unseen.
import { type ArchiveEnd, type ArchiveStart, type Check, linkArchives } from '#evidence'

/** An archive whose own chain was verified. */
export interface LinkedArchive {
  /** File name, without folders. */
  readonly file: string
  readonly previous: ArchiveEnd | null
  readonly lastDigest: string
}

export interface ArchiveLinks {
  /** One for each unbroken run of archives, in the order of the names with which they begin. */
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

/**
 * Judges how the archives hang together; memory for each of them, none for their containers. Copies of one archive count once.
 *
 * @param start Where each run must begin; by default wherever it says.
 */
export function runsOfArchives(given: readonly LinkedArchive[], start: ArchiveStart = 'anywhere'): ArchiveLinks {
  const byDigest = new Map(given.map((archive) => [archive.lastDigest, archive]))
  const archives = [...byDigest.values()]
  const checks = [...linkFaults(archives, start)]
  const next = new Map<LinkedArchive, LinkedArchive>()
  const starts: LinkedArchive[] = []
  for (const archive of archives) {
    const before = archive.previous === null ? undefined : byDigest.get(archive.previous.digest)
    if (before === undefined || next.has(before)) starts.push(archive)
    else next.set(before, archive)
  }
  const runs = starts.map((first) => runFrom(first, next)).toSorted((a, b) => (a.first < b.first ? -1 : 1))
  const seen = new Map<string, ArchiveRun>()
  for (const run of runs) {
    const before = seen.get(run.group)
    if (before !== undefined) checks.push(gap(before, run, archives))
    seen.set(run.group, run)
  }
  const reached = runs.reduce((sum, run) => sum + run.archives, 0)
  if (reached < archives.length) checks.push(failed('archive_ring', 'Archives go on from one another in a ring'))
  return { runs, checks }
}

function linkFaults(archives: readonly LinkedArchive[], start: ArchiveStart): readonly Check[] {
  const reports = archives.map(({ file, previous, lastDigest }) => ({
    file,
    lastDigest,
    valid: true,
    faults: [],
    containers: 0,
    ...(previous && { previous }),
  }))
  return linkArchives(reports, start).flatMap(({ file, faults }) =>
    faults.map(({ code, detail }) => failed(code, `${file}: ${detail}`)),
  )
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

function gap(before: ArchiveRun, run: ArchiveRun, archives: readonly LinkedArchive[]): Check {
  const { first, after } = run
  if (after === null)
    return failed('archive_missing', `${first} begins anew, though ${before.last} was archived before`)
  // A file of that name is here, and ends elsewhere: it was exchanged, or that one was.
  if (archives.some(({ file }) => file === after.file))
    return failed('archive_differs', `${first} goes on from another ${after.file} than the one that is here`)
  return failed('archive_missing', `Between ${before.last} and ${first} there is no ${after.file}`)
}

function failed(code: string, detail: string): Check {
  return { name: LINK_CHECK, ok: false, code, detail }
}

/** `mlog-GROUP-START-END-DIGEST.zip`, the group and its dash left out for a whole server (wire-message §8.3). */
function groupOf(file: string): string {
  return /^mlog-(?:(.*)-)?\d{14}-\d{14}-[0-9a-f]{16}\./.exec(file)?.[1] ?? ''
}
