// `saadik verify`: evidence in, verdict out. The judgement is the verification room's; here are files, threads and words for people.
import { availableParallelism } from 'node:os'
import { basename } from 'node:path'
import { type ArchiveStart, type LinkedArchive, runsOfArchives } from '#verification'
import type { Arguments, Output, Run } from '../command.ts'
import { CliError } from '../error.ts'
import { judgeAll, type Sink } from './pool.ts'
import { Progress } from './progress.ts'
import { openReport, type ReportFile } from './report-file.ts'
import { containerRow, fileRow, RowWriter } from './rows.ts'
import { showContainer, showFile, showLinks, showTotals } from './text.ts'
import { Counter } from './totals.ts'
import { readTrustSpec } from './trust-spec.ts'
import { walk } from './walk.ts'

/** Up to so many files that were named are told in full; what is in files and folders, in one line each where it passed. */
const IN_FULL = 10

export const verify: Run = async (given, out) => {
  const start = startOf(given)
  const threads = threadsOf(given)
  const spec = await readTrustSpec(given, out)
  const report = await openReport(given, spec)
  const counter = new Counter()
  const archives: LinkedArchive[] = []
  const { tasks, passedOver } = walk(given.positionals)
  const shown = process.stderr.isTTY || given.on('progress')
  const progress = shown ? new Progress(counter, walk(given.positionals).tasks) : undefined
  const rows = given.on('json') ? new RowWriter(process.stdout) : undefined
  const inFull = new Set(given.positionals.slice(0, IN_FULL + 1))
  if (inFull.size > IN_FULL) inFull.clear()
  const sink: Sink = {
    async container({ path }, one) {
      counter.container(one)
      progress?.clear()
      if (rows) await rows.row(containerRow(path, one))
      else showContainer(path, one, one.entry !== null || !inFull.has(path), out)
      await report?.container(path, one)
    },
    async file(task, one) {
      counter.file(one)
      progress?.file(task)
      progress?.clear()
      if (one.archive?.lastDigest && one.checks.every(({ ok }) => ok))
        archives.push({ ...one.archive, file: basename(task.path), lastDigest: one.archive.lastDigest })
      if (!rows) showFile(task.path, one, out)
      else if (one.kind !== 'container' || one.checks.length > 0) await rows.row(fileRow(task.path, one))
      await report?.file(task.path, one)
    },
  }
  try {
    await judgeAll(tasks, { spec, secondOpinion: given.on('second-opinion') }, sink, threads)
  } catch (error) {
    await report?.discard()
    throw error
  } finally {
    progress?.end()
  }
  const links = runsOfArchives(archives, start)
  const totals = counter.totals(passedOver())
  if (rows) await rows.end(links, totals)
  else {
    if (archives.length > 1 || links.checks.length > 0) showLinks(links, out)
    if (totals.files !== 1 || totals.containers !== 1) showTotals(totals, out)
  }
  await finish(report, links, totals, out)
  if (totals.files === 0) throw new CliError('unreadable', 'there is no evidence in what was named')
  const { invalid, indeterminate, unreadable } = totals.verdicts
  // A falsified file must not hide behind an unreadable one.
  return invalid + indeterminate + totals.brokenFiles + links.checks.length > 0 ? 1 : unreadable > 0 ? 2 : 0
}

async function finish(
  report: ReportFile | undefined,
  links: ReturnType<typeof runsOfArchives>,
  totals: ReturnType<Counter['totals']>,
  out: Output,
): Promise<void> {
  if (report === undefined) return
  for (const written of await report.end(links, totals)) out.note(`written to ${written}`)
}

function startOf(given: Arguments): ArchiveStart | undefined {
  const text = given.text('after')
  if (text === undefined || text === 'first') return text
  if (/^[0-9a-fA-F]{64,128}$/.test(text)) return { previous: text.toLowerCase() }
  throw new CliError('usage', `--after is the digest where the archive before ended, in hex, or 'first', not '${text}'`)
}

function threadsOf(given: Arguments): number {
  const text = given.text('threads')
  if (text === undefined) return availableParallelism()
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text)
  throw new CliError('usage', `--threads is a number, not '${text}'`)
}
