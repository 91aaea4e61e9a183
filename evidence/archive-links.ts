// Archives that were judged one by one, put together: each must go on from another, and none from one that a second goes on from too.
import type { ArchiveFault, ArchiveReport, ArchiveStart } from './archive-verifier.ts'

/** What an archive goes on from: another of those given, the start that was named, or something that was not shown. */
export type ArchiveLink = 'archive' | 'start' | 'unknown'

/**
 * Each report with its link, and with a fault more where the link is not as it must be. An end without a next archive is no fault: nobody
 * can tell from files that a later one is missing.
 *
 * @param reports Of verifications that started `anywhere`.
 * @param start Where those must begin that go on from none of the others; `anywhere` does not judge it.
 */
export function linkArchives<R extends ArchiveReport>(
  reports: readonly R[],
  start: ArchiveStart,
): readonly (R & { readonly link: ArchiveLink })[] {
  const ends = new Set(reports.map(({ lastDigest }) => lastDigest))
  const followers = new Map<string | undefined, R[]>()
  for (const report of reports) {
    const before = report.previous?.digest
    const known = followers.get(before)
    if (known === undefined) followers.set(before, [report])
    else known.push(report)
  }
  return reports.map((report) => {
    const { digest: before, file } = report.previous ?? {}
    const others = (followers.get(before) ?? []).filter(({ lastDigest }) => lastDigest !== report.lastDigest)
    if (before !== undefined && others.length > 0)
      return faulty(report, 'archive_forked', `another archive goes on from ${file} too, with other records`)
    if (before !== undefined && ends.has(before)) return { ...report, link: 'archive' }
    if (start === 'anywhere') return { ...report, link: 'unknown' }
    const wanted = start === 'first' ? undefined : start.previous.toLowerCase()
    if (before === wanted) return { ...report, link: 'start' }
    const detail = `it goes on from ${before ?? 'nothing'}, and none that was given ends there`
    return faulty(report, 'previous_digest_differs', detail)
  })
}

function faulty<R extends ArchiveReport>(report: R, code: ArchiveFault['code'], detail: string) {
  return { ...report, valid: false, faults: [...report.faults, { code, detail }], link: 'unknown' as const }
}
