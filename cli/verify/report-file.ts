// `--report`: the printable page, written while files are judged. Its first page has the counts, so the rest waits beside it until the end.
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { productVersion } from '#host'
import {
  type ArchiveLinks,
  type ContainerReport,
  type FileReport,
  reportDetail,
  reportEnd,
  reportFileRow,
  reportHead,
  reportMiddle,
  reportRow,
  type Verdict,
} from '#verification'
import type { Arguments } from '../command.ts'
import { CliError } from '../error.ts'
import { type ReportSigner, readSigner, signReport } from './sign-report.ts'
import type { Totals } from './totals.ts'
import type { TrustSpec } from './trust-spec.ts'

/** Up to so many containers, each has its page; of more only those that did not pass, up to the second number. */
const DETAILS = 100
const DETAILS_OF_FAILED = 1000
/** Lines of the list; of more only those that did not pass, up to as many. A list of a million is for programs (`--json`). */
const ROWS = 10_000

/** Undefined without `--report`. What cannot be written or signed is told before anything is judged. Throws CliError. */
export async function openReport(given: Arguments, spec: TrustSpec): Promise<ReportFile | undefined> {
  const file = given.text('report')
  const key = given.text('sign-report')
  if (file === undefined) {
    if (key !== undefined) throw new CliError('usage', '--sign-report signs the page of --report FILE')
    return undefined
  }
  const signer = key === undefined ? undefined : await readSigner(key, given.text('pin-file'))
  try {
    const folder = await mkdtemp(join(dirname(file), `.${basename(file)}-`))
    return new ReportFile({ file, folder, signer, spec, examined: given.positionals })
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be written: ${(cause as Error).message}`, { cause })
  }
}

interface Parts {
  readonly file: string
  readonly folder: string
  readonly signer: ReportSigner | undefined
  readonly spec: TrustSpec
  readonly examined: readonly string[]
}

/** Pieces of the page that wait in files. A crash leaves their folder, which begins with a dot, beside the page. */
export class ReportFile {
  readonly #parts: Parts
  readonly #rows: Spool
  readonly #failedRows: Spool
  readonly #passed: Spool
  readonly #failed: Spool
  #leftRows = 0

  constructor(parts: Parts) {
    this.#parts = parts
    const spool = (name: string, most: number) => new Spool(join(parts.folder, name), most)
    this.#rows = spool('rows', ROWS)
    this.#failedRows = spool('failed-rows', ROWS)
    this.#passed = spool('passed', DETAILS)
    this.#failed = spool('failed', DETAILS_OF_FAILED)
  }

  async container(file: string, report: ContainerReport): Promise<void> {
    const passed = report.verdict === 'valid'
    await this.#row(reportRow(file, report), passed)
    await (passed ? this.#passed : this.#failed).add(() => reportDetail(file, report))
  }

  async file(file: string, report: FileReport): Promise<void> {
    if (report.kind === 'container' && report.checks.length === 0) return
    await this.#row(
      reportFileRow(file, report),
      report.checks.every(({ ok }) => ok),
    )
  }

  async #row(row: string, passed: boolean): Promise<void> {
    const kept = await this.#rows.add(() => row)
    if (!kept) this.#leftRows += 1
    if (!passed) await this.#failedRows.add(() => row)
  }

  /** The names of what was written: the page, and its signature. Throws CliError `failed`, and leaves nothing then. */
  async end(links: ArchiveLinks, totals: Totals): Promise<readonly string[]> {
    try {
      return await this.#put(links, totals)
    } catch (cause) {
      await this.discard()
      throw new CliError('failed', `${this.#parts.file} cannot be written: ${(cause as Error).message}`, { cause })
    }
  }

  async #put(links: ArchiveLinks, totals: Totals): Promise<readonly string[]> {
    const { file, folder, signer } = this.#parts
    const whole = join(folder, 'page.html')
    for (const spool of this.#spools) await spool.end()
    const all = totals.containers <= DETAILS
    await writeFile(whole, reportHead(this.#cover(links, totals)))
    await append(whole, this.#leftRows === 0 ? this.#rows.path : this.#failedRows.path)
    await writeFile(whole, reportMiddle(), { flag: 'a' })
    await append(whole, this.#failed.path)
    if (all) await append(whole, this.#passed.path)
    await writeFile(whole, reportEnd(), { flag: 'a' })
    await rename(whole, file)
    await rm(folder, { recursive: true, force: true })
    return signer === undefined ? [file] : [file, await signReport(file, signer)]
  }

  async discard(): Promise<void> {
    for (const spool of this.#spools) await spool.end().catch(() => undefined)
    await rm(this.#parts.folder, { recursive: true, force: true })
  }

  get #spools(): readonly Spool[] {
    return [this.#rows, this.#failedRows, this.#passed, this.#failed]
  }

  #cover(links: ArchiveLinks, totals: Totals) {
    const { examined, spec } = this.#parts
    return {
      title: 'Verification report',
      madeAt: new Date().toISOString(),
      madeBy: `saadik ${productVersion()}`,
      examined,
      believed: believedIn(spec),
      counts: countsIn(totals),
      verdict: overall(links, totals),
      summary: summaryOf(links, totals),
      links,
      leftOut: this.#leftOut(totals),
    }
  }

  #leftOut({ containers }: Totals): readonly string[] {
    const notes: string[] = []
    if (this.#leftRows > 0)
      notes.push(
        `The list has only what did not pass, ${Math.min(this.#failedRows.seen, ROWS)} of ${this.#failedRows.seen} lines; the complete one is the JSON answer.`,
      )
    if (containers > DETAILS) notes.push('Only containers that did not pass have a page of their own.')
    if (this.#failed.seen > DETAILS_OF_FAILED)
      notes.push(`Of ${this.#failed.seen} such pages the first ${DETAILS_OF_FAILED} are here.`)
    return notes
  }
}

/** Text that goes to a file as it is made, up to so many pieces. */
class Spool {
  readonly path: string
  readonly #most: number
  readonly #out: WriteStream
  #failure: Error | undefined
  seen = 0

  constructor(path: string, most: number) {
    this.path = path
    this.#most = most
    this.#out = createWriteStream(path)
    this.#out.on('error', (error) => {
      this.#failure = error
    })
  }

  /** False when it was left out. */
  async add(make: () => string): Promise<boolean> {
    this.seen += 1
    if (this.seen > this.#most) return false
    if (this.#failure) throw this.#failure
    if (!this.#out.write(make())) await once(this.#out, 'drain')
    return true
  }

  async end(): Promise<void> {
    if (this.#failure) throw this.#failure
    this.#out.end()
    if (!this.#out.closed) await once(this.#out, 'close')
  }
}

async function append(file: string, piece: string): Promise<void> {
  await pipeline(createReadStream(piece), createWriteStream(file, { flags: 'a' }))
}

function believedIn({ copies, stored, anchor, pinned }: TrustSpec): readonly { what: string; sha256: string }[] {
  const digest = (...pieces: readonly (string | Uint8Array)[]) => {
    const state = createHash('sha256')
    for (const piece of pieces) state.update(piece)
    return state.digest('hex')
  }
  const files = (map: ReadonlyMap<string, Uint8Array>) =>
    digest(
      ...[...map]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([path, bytes]) => [`${path}\0${bytes.length}\0`, bytes]),
    )
  return [
    ...(anchor ? [{ what: `anchor ${anchor.path}`, sha256: digest(anchor.xml) }] : []),
    ...stored.map(([path, map]) => ({ what: `signed configurations ${path}`, sha256: files(map) })),
    ...copies.map(([path, map]) => ({ what: `configuration ${path}, unsigned`, sha256: files(map) })),
    ...pinned.map(([path, , bytes]) => ({ what: `pinned list ${path}`, sha256: digest(bytes) })),
  ]
}

function countsIn({ files, containers, verdicts, proofs, opinions, disagreements, brokenFiles, passedOver }: Totals) {
  const rows: (readonly [string, number])[] = [
    ['files', files],
    ['containers', containers],
    ['valid', verdicts.valid],
    ['invalid', verdicts.invalid],
    ['indeterminate', verdicts.indeterminate],
    ['unreadable', verdicts.unreadable],
    ['archives, bundles and downloads that are not whole', brokenFiles],
    ['proven in a log and witnessed', proofs.witnessed],
    ['proven in a log', proofs.included],
    ['in a log, not yet witnessed', proofs['not witnessed']],
    ['with a proof that does not hold', proofs.failed],
    ['with a proof that was not judged', proofs['not judged']],
    ...Object.entries(opinions).map(([by, count]) => [`second opinion of ${by}`, count] as const),
    ['second opinions that differ', disagreements],
    ['files passed over, no evidence by their names', passedOver],
  ]
  const always = new Set(['files', 'containers', 'valid', 'invalid', 'indeterminate', 'unreadable'])
  return rows.filter(([label, count]) => count > 0 || always.has(label))
}

function overall({ checks }: ArchiveLinks, { verdicts, brokenFiles, containers }: Totals): Verdict {
  if (verdicts.invalid + brokenFiles + checks.length > 0) return 'invalid'
  if (verdicts.unreadable > 0 || containers === 0) return 'unreadable'
  return verdicts.indeterminate > 0 ? 'indeterminate' : 'valid'
}

function summaryOf({ checks }: ArchiveLinks, { containers, verdicts, brokenFiles }: Totals): string {
  const { valid, invalid, indeterminate, unreadable } = verdicts
  if (valid === containers && unreadable + brokenFiles + checks.length === 0)
    return containers === 1 ? 'The container is TOTAL-PASSED.' : `All ${containers} containers are TOTAL-PASSED.`
  const parts = [
    `${valid} of ${containers} containers passed`,
    invalid > 0 ? `${invalid} are invalid` : '',
    indeterminate > 0 ? `${indeterminate} could not be determined` : '',
    unreadable > 0 ? `${unreadable} could not be read` : '',
    brokenFiles > 0 ? `${brokenFiles} files are not whole` : '',
    checks.length > 0 ? `archives do not go on from one another` : '',
  ]
  return `${parts.filter((part) => part !== '').join(', ')}.`
}
