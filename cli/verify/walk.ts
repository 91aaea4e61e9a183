// The files that are to be judged: those that were named, and the evidence in folders, one after another, so that no list of millions is kept.
import { lstat, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CONTAINER_SUFFIX, PROOF_SUFFIX } from '#evidence'

export interface Task {
  readonly path: string
  /** Octets, as far as the file system tells. */
  readonly size: number
  /** Why it cannot be opened at all. */
  readonly error?: NodeJS.ErrnoException
}

export interface Walk {
  readonly tasks: AsyncIterable<Task>
  /** Files in folders that are no evidence; complete once the tasks have ended. */
  passedOver(): number
}

/** Deeper folders are told and not entered; links are never followed. */
const MAX_DEPTH = 64
const PROOFS = '.proofs.zip'
const EVIDENCE = [CONTAINER_SUFFIX, '.zip']
const ENCRYPTED = ['.gpg', '.age']

/** In the order of the arguments, and of names within a folder. What was named is judged whatever it is called. */
export function walk(paths: readonly string[]): Walk {
  let passedOver = 0
  async function* tasks(): AsyncGenerator<Task> {
    for (const path of paths) yield* at(path, 0, true)
  }

  async function* at(path: string, depth: number, named: boolean): AsyncGenerator<Task> {
    try {
      // What is named may be a link to it.
      const facts = await lstat(path).then((found) => (named && found.isSymbolicLink() ? followed(path) : found))
      if (facts.isDirectory()) yield* folder(path, depth)
      else if (facts.isFile() || named) yield { path, size: facts.size }
      else passedOver += 1
    } catch (error) {
      yield { path, size: 0, error: error as NodeJS.ErrnoException }
    }
  }

  async function* folder(path: string, depth: number): AsyncGenerator<Task> {
    if (depth >= MAX_DEPTH) throw Object.assign(new Error(`${path} is too deep`), { code: 'too_deep' })
    const names = (await readdir(path)).sort()
    const all = new Set(names)
    for (const name of names) {
      const entry = join(path, name)
      if (isEvidence(name, all)) yield* at(entry, depth + 1, false)
      else if ((await lstat(entry)).isDirectory()) yield* at(entry, depth + 1, false)
      else if (!isBeside(name, all)) passedOver += 1
    }
  }

  return { tasks: tasks(), passedOver: () => passedOver }
}

async function followed(path: string) {
  const { stat } = await import('node:fs/promises')
  return stat(path)
}

function isEvidence(name: string, all: ReadonlySet<string>): boolean {
  const plain = ENCRYPTED.reduce((text, ending) => (text.endsWith(ending) ? text.slice(0, -ending.length) : text), name)
  return EVIDENCE.some((ending) => plain.endsWith(ending)) && !isBeside(name, all)
}

/** Proofs are judged with what they prove. */
function isBeside(name: string, all: ReadonlySet<string>): boolean {
  if (name.endsWith(PROOFS)) return all.has(`${name.slice(0, -PROOFS.length)}.zip`)
  return name.endsWith(PROOF_SUFFIX) && all.has(name.slice(0, -PROOF_SUFFIX.length))
}

/** Where the proofs of an archive lie; undefined for what is no archive by its name. */
export function proofsBeside(path: string): string | undefined {
  return path.endsWith('.zip') && !path.endsWith(PROOFS) && basename(path).startsWith('mlog-')
    ? `${path.slice(0, -'.zip'.length)}${PROOFS}`
    : undefined
}
