// Evidence of any kind, judged as it streams by: a container, a bundle, an archive, a download of several containers. Never throws for what is
// wrong with it, only for what is wrong with its source or with who listens.
import {
  type ArchiveEnd,
  type ArchiveReport,
  type ArchiveStart,
  type Bundled,
  type Check,
  EvidenceError,
  type Examined,
  examineContainer,
  judgeLasting,
  judgeProof,
  type Report,
  readBundle,
  recordFactsOf,
  type Verdict,
  verifyArchive,
  withChecks,
} from '#evidence'
import type { Files } from './configurations.ts'
import { VerificationError } from './error.ts'
import { peekKind } from './kind.ts'
import { asked, type SecondOpinion } from './opinions.ts'
import type { Trust } from './trust.ts'

/** One container, alone or in a file of several. */
export interface ContainerReport extends Report {
  /** Its name inside the file; null when it is the file. */
  readonly entry: string | null
}

/** `unknown`: nothing could be read of it. */
export type EvidenceKind = 'container' | 'bundle' | 'archive' | 'download' | 'proofs' | 'encrypted' | 'unknown'

/** What is said of a file as a whole. */
export interface FileReport {
  readonly kind: EvidenceKind
  /** The worst of its own checks and of its containers. */
  readonly verdict: Verdict
  readonly containers: number
  /** Of the file itself; empty for a container, whose checks are its own. */
  readonly checks: readonly Check[]
  /** Of an archive: where its hash chain begins and ends. */
  readonly archive?: { readonly hash: string; readonly previous: ArchiveEnd | null; readonly lastDigest: string | null }
}

export interface JudgeOptions {
  /** Whom to believe; a function is asked only when something is to be judged by it. */
  readonly trust: Trust | (() => Promise<Trust>)
  /** The file's name, without folders: an archive whose chain was taken out is known by it. */
  readonly name?: string
  /** Is given each container's report in the order of the file, and waited for. */
  readonly each: (report: ContainerReport) => void | Promise<void>
  /** The proof that lies beside a container of that name. */
  readonly proofOf?: (container: string) => Uint8Array | undefined
  /**
   * Of a bundle: the signed configuration that came with it, unverified; gives the trust to judge by. Throws VerificationError where it does not
   * lead to what the auditor trusts. Absent: what comes along is not looked at.
   */
  readonly bundledTrust?: (files: Files) => Trust
  /**
   * Opens the file anew. What keeps a container for long is over all of it and read several times; inside another file, or without this, it is
   * not judged.
   */
  readonly reopen?: () => AsyncIterable<Uint8Array>
  /** Where an archive must go on from; by default wherever it says. */
  readonly archiveStart?: ArchiveStart
  /** Those who judge each signature as well. */
  readonly opinions?: readonly SecondOpinion[]
}

export const FILE_CHECKS = {
  file: 'file',
  chain: 'archive chain',
  configuration: 'configuration in the bundle',
} as const

const ORDER: readonly Verdict[] = ['valid', 'indeterminate', 'unreadable', 'invalid']

/** The worse of the two. A falsified container must not hide behind an unreadable one. */
export function worse(a: Verdict, b: Verdict): Verdict {
  return ORDER.indexOf(a) < ORDER.indexOf(b) ? b : a
}

export async function judgeEvidence(source: AsyncIterable<Uint8Array>, options: JudgeOptions): Promise<FileReport> {
  const { kind, source: whole } = await peekKind(source)
  const judge = new FileJudge(options)
  switch (kind) {
    case 'container':
      return judge.container(whole)
    case 'bundle':
      return judge.bundle(whole)
    case 'package':
      return judge.package(whole)
    case 'proofs':
      return judge.refused(
        'proofs',
        'no_container',
        'These are proofs; they are judged with the container or the archive that they lie beside',
      )
    case 'encrypted':
      return judge.refused('encrypted', 'encrypted', 'It is encrypted; decrypt it first (gpg --decrypt, age --decrypt)')
  }
}

class FileJudge {
  readonly #options: JudgeOptions
  #verdict: Verdict = 'valid'
  #containers = 0

  constructor(options: JudgeOptions) {
    this.#options = options
  }

  async container(source: AsyncIterable<Uint8Array>): Promise<FileReport> {
    const { name = '', proofOf, reopen } = this.#options
    await this.#judge(null, source, await this.#trust(), proofOf?.(name), reopen)
    return this.#report('container', [])
  }

  async bundle(source: AsyncIterable<Uint8Array>): Promise<FileReport> {
    const checks: Check[] = []
    try {
      await readBundle(source, async (entry, container, bundled) => {
        await this.#judge(entry, container, await this.#trustFor(bundled, checks), bundled.proof)
      })
      checks.unshift({ name: FILE_CHECKS.file, ok: true })
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error
      checks.unshift({ name: FILE_CHECKS.file, ok: false, code: error.code, detail: error.message })
    }
    return this.#report('bundle', checks)
  }

  /** A configuration that came with the evidence counts when the auditor's anchor says so, and else not at all. */
  async #trustFor({ signedConfiguration }: Bundled, checks: Check[]): Promise<Trust> {
    const { bundledTrust } = this.#options
    if (bundledTrust === undefined || signedConfiguration.size === 0) return this.#trust()
    try {
      const own = bundledTrust(signedConfiguration)
      checks.push({ name: FILE_CHECKS.configuration, ok: true })
      return own
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      checks.push({ name: FILE_CHECKS.configuration, ok: false, code: error.code, detail: error.message })
      return this.#trust()
    }
  }

  async package(source: AsyncIterable<Uint8Array>): Promise<FileReport> {
    const { name = '', proofOf, archiveStart = 'anywhere' } = this.#options
    const trust = await this.#trust()
    const report = await verifyArchive(source, archiveStart, {
      container: (entry, bytes) => this.#judge(entry, bytes, trust, proofOf?.(entry)),
    })
    const others = report.faults.filter(({ code }) => code !== 'linking_info_missing')
    // A download has no chain; what matters is that all of it was read and that nothing else is in it.
    if (others.length < report.faults.length && !name.startsWith('mlog-'))
      return this.#report('download', faultChecks(FILE_CHECKS.file, others))
    const { hash, previous = null, lastDigest = null } = report
    return {
      ...this.#report('archive', faultChecks(FILE_CHECKS.chain, report.faults)),
      ...(hash && { archive: { hash, previous, lastDigest } }),
    }
  }

  refused(kind: 'proofs' | 'encrypted', code: string, detail: string): FileReport {
    return this.#report(kind, [{ name: FILE_CHECKS.file, ok: false, code, detail }])
  }

  async #trust(): Promise<Trust> {
    const { trust } = this.#options
    return typeof trust === 'function' ? await trust() : trust
  }

  async #judge(
    entry: string | null,
    source: AsyncIterable<Uint8Array>,
    trust: Trust,
    proof: Uint8Array | undefined,
    reopen?: () => AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { opinions = [], each } = this.#options
    const { examined, more } = await asked(opinions, (tap) => examineContainer(source, trust, tap && { tap }))
    let report = withProof(examined, proof, trust)
    if (more !== undefined) report = withChecks(report, more.checks, { opinions: more.opinions })
    if (reopen !== undefined && examined.container?.lasts) {
      const { check, lasting } = await judgeLasting(reopen, trust)
      report = withChecks(report, [check], lasting && { lasting })
    }
    this.#verdict = worse(this.#verdict, report.verdict)
    this.#containers += 1
    await each({ entry, ...report })
  }

  #report(kind: EvidenceKind, checks: readonly Check[]): FileReport {
    const broken = checks.some(({ ok }) => !ok)
    const own: Verdict = !broken ? 'valid' : this.#containers === 0 ? 'unreadable' : 'invalid'
    return { kind, verdict: worse(this.#verdict, own), containers: this.#containers, checks }
  }
}

function withProof(examined: Examined, proof: Uint8Array | undefined, trust: Trust): Report {
  const facts = proof === undefined ? undefined : recordFactsOf(examined)
  if (proof === undefined || facts === undefined) return examined.report
  const judged = judgeProof(proof, facts, trust.logs)
  return withChecks(examined.report, judged.checks, { proof: judged.proof })
}

/** What is wrong with a file of several containers, or that nothing is. */
function faultChecks(name: string, faults: ArchiveReport['faults']): readonly Check[] {
  if (faults.length === 0) return [{ name, ok: true }]
  return faults.map(({ code, entry, detail }) => ({
    name,
    ok: false,
    code,
    detail: entry === undefined ? detail : `${entry}: ${detail}`,
  }))
}
