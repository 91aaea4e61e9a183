// `saadik archive …`: what of a security server's log lies in files, and whether such files are whole.
import { createReadStream } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { type ArchiveLink, type ArchiveReport, type ArchiveStart, linkArchives, verifyArchive } from '#evidence'
import { type ArchivedFile, type ArchiveListing, type ArchiveStatus, controlPaths } from '#security-server/contract'
import type { Arguments, Output, Run } from './command.ts'
import { CliError } from './error.ts'
import { coloured, facts } from './output.ts'
import { controlOf, targetOf } from './targets.ts'

const PAGE = 100
const LOOK_MS = 500

export const run: Run = async (given, out) => {
  const control = controlOf(targetOf(given, ['security-server']))
  const before = await control.get<ArchiveStatus>(controlPaths.archive)
  let status = await control.post<ArchiveStatus>(controlPaths.archiveRun)
  for (let told = ''; status.running !== undefined; status = await control.get<ArchiveStatus>(controlPaths.archive)) {
    const { records, files, file } = status.running
    const now = `${records} records, ${files} files${file === undefined ? '' : `; storing ${file}`}`
    if (now !== told && !given.on('json')) out.note(now)
    told = now
    await pause(LOOK_MS)
  }
  if (given.on('json')) out.json(status)
  else if (status.lastError !== undefined) out.note(`not archived: ${status.lastError}`)
  else
    out.line(
      `${status.records - before.records} records archived in ${status.files - before.files} files at ${status.destination}`,
    )
  return status.lastError === undefined ? 0 : 1
}

export const status: Run = async (given, out) => {
  const status = await controlOf(targetOf(given, ['security-server'])).get<ArchiveStatus>(controlPaths.archive)
  if (given.on('json')) out.json(status)
  else showStatus(status, out)
  return status.lastError === undefined ? 0 : 1
}

function showStatus(status: ArchiveStatus, out: Output): void {
  const { running } = status
  for (const line of facts([
    ['destination', status.destination],
    ['archived', `${status.records} records in ${status.files} files`],
    ['complete up to', `record ${status.archivedUpTo}`],
    ['removed up to', status.removedUpTo === 0 ? undefined : `record ${status.removedUpTo}`],
    [
      'running',
      running && `${running.records} records, ${running.files} files${running.file ? `; ${running.file}` : ''}`,
    ],
    ['last success', status.lastSuccess],
    ['last failure', status.lastError],
    ['next run', status.nextRun],
  ]))
    out.line(line)
}

export const list: Run = async (given, out) => {
  const control = controlOf(targetOf(given, ['security-server']))
  const files: ArchivedFile[] = []
  let after: number | undefined
  do {
    const query = new URLSearchParams({ limit: String(PAGE), ...(after !== undefined && { after: String(after) }) })
    const page = await control.get<ArchiveListing>(`${controlPaths.archiveFiles}?${query}`)
    if (given.on('json')) files.push(...page.files)
    else for (const file of page.files) out.line(shownFile(file))
    if (page.files.length === 0 && after === undefined && !given.on('json')) out.note('nothing has been archived yet')
    after = page.next
  } while (after !== undefined)
  if (given.on('json')) out.json({ files })
  return 0
}

function shownFile({ name, records, bytes, firstAt, lastAt, provedAt, destination }: ArchivedFile): string {
  const where = provedAt === undefined ? '(not stored yet)' : destination
  return `${firstAt}  ${lastAt}  ${String(records).padStart(6)} records  ${String(bytes).padStart(10)} bytes  ${name}  ${where}`
}

export const verify: Run = async (given, out) => {
  const start = startOf(given)
  const reports: (ArchiveReport & { readonly file: string })[] = []
  for (const file of given.positionals) reports.push({ file, ...(await judge(file)) })
  const linked = linkArchives(reports, start)
  if (given.on('json')) out.json({ files: linked.map(stable) })
  else for (const report of linked) show(report, out)
  return linked.every(({ valid }) => valid) ? 0 : 1
}

function startOf(given: Arguments): ArchiveStart {
  const previous = given.text('previous')
  if (previous !== undefined && given.on('first'))
    throw new CliError('usage', '--first and --previous exclude each other')
  if (given.on('first')) return 'first'
  if (previous === undefined) return 'anywhere'
  if (!/^[0-9a-f]{64,128}$/i.test(previous))
    throw new CliError('usage', `--previous is the last digest of the archive before, in hex, not '${previous}'`)
  return { previous }
}

async function judge(file: string): Promise<ArchiveReport> {
  try {
    return await verifyArchive(createReadStream(file), 'anywhere')
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

type Judged = ArchiveReport & { readonly file: string; readonly link: ArchiveLink }

function stable(report: Judged): object {
  const { file, valid, link, containers, hash, previous, lastDigest, faults } = report
  return {
    ...{ file, valid, link, containers },
    hash: hash ?? null,
    previous: previous ?? null,
    lastDigest: lastDigest ?? null,
    faults: faults.map(({ code, entry, detail }) => ({ code, entry: entry ?? null, detail })),
  }
}

function show(report: Judged, out: Output): void {
  const { file, valid, link, containers, previous, lastDigest, faults } = report
  out.line(`${valid ? coloured(['green', 'bold'], 'VALID') : coloured(['red', 'bold'], 'INVALID')}  ${file}`)
  const before = previous === undefined ? 'the first of its group' : `${previous.file}, ${previous.digest}`
  for (const line of facts([
    ['containers', String(containers)],
    ['goes on from', `${before}${link === 'unknown' ? ' (not judged: give --first, --previous or that file)' : ''}`],
    ['last digest', lastDigest],
  ]))
    out.line(line)
  for (const { code, entry, detail } of faults)
    out.line(`  ${coloured('red', '✘')} ${entry === undefined ? '' : `${entry}: `}${code}: ${detail}`)
}
