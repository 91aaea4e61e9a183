// One file judged: opened, with what lies beside it. Runs in the main thread or in a worker.
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { type Check, CONTAINER_SUFFIX, EvidenceError, PROOF_SUFFIX } from '#evidence'
import { digest, encodeBase64 } from '#trust'
import {
  type ContainerReport,
  type FileReport,
  type Files,
  judgeEvidence,
  readProofs,
  readStoredConfigurations,
  type SecondOpinion,
  type Trust,
  worse,
} from '#verification'
import type { TrustSpec } from './trust-spec.ts'
import { proofsBeside, type Task } from './walk.ts'

export interface Judging {
  readonly spec: TrustSpec
  /** Without what the anchor's source would give. */
  readonly base: Trust
  /** With it, where it is needed. Throws CliError `unreadable` when it cannot be had. */
  readonly trust: () => Promise<Trust>
  readonly opinions: readonly SecondOpinion[]
}

const READ_BYTES = 256 * 1024
const MAX_PROOF_BYTES = 256 * 1024

/** `each`: see judgeEvidence. Rejects only for what is no fault of the file. */
export async function judgePath(
  { path, error }: Task,
  judging: Judging,
  each: (report: ContainerReport) => void | Promise<void>,
): Promise<FileReport> {
  if (error !== undefined) return unreadable(error)
  const { trust, opinions } = judging
  try {
    const { proofOf, checks } = await proofsFor(path)
    const open = () => createReadStream(path, { highWaterMark: READ_BYTES })
    const report = await judgeEvidence(open(), {
      reopen: open,
      trust,
      name: basename(path),
      each,
      proofOf,
      opinions,
      ...(judging.spec.anchor && { bundledTrust: (files) => trustWith(files, judging) }),
    })
    if (checks.length === 0) return report
    return { ...report, verdict: worse(report.verdict, 'invalid'), checks: [...report.checks, ...checks] }
  } catch (thrown) {
    if (typeof (thrown as NodeJS.ErrnoException).errno === 'number') return unreadable(thrown as NodeJS.ErrnoException)
    throw thrown
  }
}

function unreadable({ code = 'unreadable', message }: { code?: string; message: string }): FileReport {
  return {
    kind: 'unknown',
    verdict: 'unreadable',
    containers: 0,
    checks: [{ name: 'file', ok: false, code, detail: message }],
  }
}

interface Beside {
  readonly proofOf: (container: string) => Uint8Array | undefined
  /** What is wrong with them; what cannot be read proves nothing, and is told. */
  readonly checks: readonly Check[]
}

async function proofsFor(path: string): Promise<Beside> {
  const side = proofsBeside(path)
  try {
    if (side !== undefined && (await isThere(side))) {
      const proofs = await readProofs(createReadStream(side, { highWaterMark: READ_BYTES }))
      return { proofOf: (container) => proofs.get(container), checks: [] }
    }
    const own = path + PROOF_SUFFIX
    if (path.endsWith(CONTAINER_SUFFIX) && (await isThere(own))) {
      if ((await stat(own)).size > MAX_PROOF_BYTES) throw new EvidenceError('malformed_bundle', 'It is too large')
      const proof = await readFile(own)
      return { proofOf: () => proof, checks: [] }
    }
    return { proofOf: () => undefined, checks: [] }
  } catch (error) {
    const { code = 'unreadable', message } = error as NodeJS.ErrnoException
    return {
      proofOf: () => undefined,
      checks: [{ name: 'proofs beside it', ok: false, code, detail: message }],
    }
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** Bundles of one day bring the same configuration: what it says is read once. */
const known = new Map<string, Trust>()
const MAX_KNOWN = 16

function trustWith(files: Files, { base, spec }: Judging): Trust {
  const parts = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const key = encodeBase64(
    digest('SHA-256', ...parts.flatMap(([path, bytes]) => [Buffer.from(`${path}\0${bytes.length}\0`), bytes])),
  )
  let trust = known.get(key)
  if (trust === undefined) {
    const generations = readStoredConfigurations(files, spec.anchor?.xml ?? new Uint8Array())
    // One that cannot be read is this bundle's fault, and is told with it.
    for (const generation of generations) generation.read()
    trust = base.with(generations)
    if (known.size >= MAX_KNOWN) known.clear()
    known.set(key, trust)
  }
  return trust
}
