// The files that are to be judged: those that were named, and the evidence in folders, one after another, so that no list of millions is kept.
import { lstat, readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { CONTAINER_SUFFIX, PROOF_SUFFIX } from '#evidence'

export interface Task {
  readonly path: string
  /** Octets, as far as the file system tells. */
  readonly size: number
  /** Why it cannot be opened at all. */
  readonly error?: Fault
}

/** What is left of an error when it goes to another thread. */
export interface Fault {
  readonly code: string
  readonly message: string
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

/** How a file came to be looked at: by its own name, as one that is called evidence, as another one in a folder. */
type Found = 'named' | 'evidence' | 'other'

/** In the order of the arguments, and of names within a folder. What was named is judged whatever it is called. */
export function walk(paths: readonly string[]): Walk {
  let passedOver = 0
  async function* tasks(): AsyncGenerator<Task> {
    for (const path of paths) yield* at(path, 0, 'named')
  }

  async function* at(path: string, depth: number, found: Found): AsyncGenerator<Task> {
    const facts = await orFault(async () => {
      const own = await lstat(path)
      // What is named may be a link to it.
      return found === 'named' && own.isSymbolicLink() ? stat(path) : own
    })
    if ('code' in facts) yield { path, size: 0, error: facts }
    else if (facts.isDirectory()) yield* folder(path, depth)
    else if (found === 'named' || (found === 'evidence' && facts.isFile())) yield { path, size: facts.size }
    else passedOver += 1
  }

  async function* folder(path: string, depth: number): AsyncGenerator<Task> {
    const names =
      depth < MAX_DEPTH ? await orFault(() => readdir(path)) : { code: 'too_deep', message: `${path} is too deep` }
    if ('code' in names) {
      yield { path, size: 0, error: names }
      return
    }
    const all = new Set(names)
    for (const name of names.sort())
      if (!isBeside(name, all)) yield* at(join(path, name), depth + 1, isEvidence(name) ? 'evidence' : 'other')
  }

  return { tasks: tasks(), passedOver: () => passedOver }
}

async function orFault<T extends object>(read: () => Promise<T>): Promise<T | Fault> {
  try {
    return await read()
  } catch (error) {
    const { code = 'unreadable', message } = error as NodeJS.ErrnoException
    return { code, message }
  }
}

function isEvidence(name: string): boolean {
  const plain = ENCRYPTED.reduce((text, ending) => (text.endsWith(ending) ? text.slice(0, -ending.length) : text), name)
  return EVIDENCE.some((ending) => plain.endsWith(ending))
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
