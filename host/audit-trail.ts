// An audit trail: an append-only file of JSON lines, each chained to the one before by SHA-256, so that nobody edits or drops a line in
// the middle without it showing.
//
//   {"seq":7,"at":"…",…,"chain":"…"}
//   chain = SHA-256(chain of the line before as hex | this line without its chain), 64 zeros before the first
//
// Lines gather in memory and go to the disk in groups, one write and one fdatasync for all. `flush` waits for that: whoever must not
// act unrecorded calls it before he answers. A killed process loses the lines of its last GROUP_MS that nobody waited for.
import { hash } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from './clock.ts'
import { syncFolder } from './durable.ts'
import { HostError } from './error.ts'

const GROUP_MS = 100
/** A new file is begun beyond this. Files are never removed here: how long they are kept is the operator's rule. */
const FILE_BYTES = 8 * 1024 * 1024
const START = '0'.repeat(64)
const FILE = /^audit-(\d{12})\.jsonl$/

/** What every line has beside what it says. */
export interface AuditLine {
  /** From 1, without gaps. */
  readonly seq: number
  readonly at: string
}

/** What a line says; `undefined` is left out. Its keys are none of AuditLine's, nor `chain`. */
type Said = object

export interface AuditTrail<E extends Said> {
  /** Adds a line. It is durable after the next `flush` that resolves. */
  record(entry: E): void
  /** Everything recorded so far is on the disk when it resolves. @throws {HostError} `audit_failed` */
  flush(): Promise<void>
  /** The disk refused the last group: nothing may be done that must be recorded before a `flush` succeeds. */
  readonly failing: boolean
  /** Lines after `after`, oldest first. */
  read(after: number, limit: number): Promise<readonly (AuditLine & E)[]>
  close(): Promise<void>
}

interface TrailEnd {
  /** First seq of the newest file; 1 in an empty folder. */
  readonly first: number
  /** Bytes of whole lines in that file. */
  readonly size: number
  readonly seq: number
  readonly chain: string
}

/**
 * Opens the trail in `directory`, making it when it is missing. The newest file is verified; a line without an end, which a crash
 * left and nobody was answered for, is cut off.
 *
 * @throws {HostError} `audit_failed` when the trail was edited
 */
export async function openAuditTrail<E extends Said>(
  directory: string,
  clock: Clock,
  fileBytes = FILE_BYTES,
): Promise<AuditTrail<E>> {
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const end = await trailEnd(directory)
  let { size, seq, chain } = end
  let file = await openFile(directory, end.first)
  await file.truncate(size)
  let waiting: string[] = []
  let durable = seq
  let failure: unknown
  let running: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting
      const last = seq
      waiting = []
      try {
        if (size >= fileBytes) await next(last - group.length + 1)
        const bytes = Buffer.from(group.join(''))
        await writeAll(file, bytes, size)
        await file.datasync()
        size += bytes.length
        durable = last
        failure = undefined
      } catch (error) {
        // What was written of the group is written again from the same place: `size` has not moved.
        waiting = [...group, ...waiting]
        failure = error
        return
      }
    }
  }
  async function next(first: number): Promise<void> {
    const full = file
    file = await openFile(directory, first)
    size = 0
    await full.close()
  }
  const run = (): Promise<void> => {
    clearTimeout(timer)
    timer = undefined
    running ??= write().finally(() => {
      running = undefined
    })
    return running
  }

  /** Loops: lines that come while a group is being written go with the next. */
  async function flush(): Promise<void> {
    const upTo = seq
    while (durable < upTo) {
      await run()
      if (failure !== undefined) {
        throw new HostError('audit_failed', 'the audit trail cannot be written, so nothing is done', { cause: failure })
      }
    }
  }

  return {
    get failing() {
      return failure !== undefined
    },
    record(entry) {
      seq += 1
      const line = JSON.stringify({ seq, at: clock.now().toISOString(), ...entry })
      chain = linked(chain, line)
      waiting.push(`${line.slice(0, -1)},"chain":"${chain}"}\n`)
      timer ??= setTimeout(run, GROUP_MS)
    },
    flush,
    async read(after, limit) {
      await flush()
      const entries: (AuditLine & E)[] = []
      for await (const { chain: _chain, ...entry } of readAuditTrail<E>(directory, after + 1)) {
        if (entry.seq > after) entries.push(entry as AuditLine & E)
        if (entries.length >= limit) break
      }
      return entries
    },
    async close() {
      // The last group must not be lost to an orderly stop; if the disk still refuses, there is nothing left to try.
      await flush().catch(() => undefined)
      clearTimeout(timer)
      await file.close()
    },
  }
}

function linked(before: string, line: string): string {
  return hash('sha256', before + line, 'hex')
}

const fileName = (first: number) => `audit-${String(first).padStart(12, '0')}.jsonl`

/** A crash right after leaves an empty file, which the next start goes on with. */
async function openFile(directory: string, first: number): Promise<FileHandle> {
  const file = await open(join(directory, fileName(first)), 'a+', 0o600)
  await file.close()
  await syncFolder(directory)
  return open(join(directory, fileName(first)), 'r+')
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    done += bytesWritten
  }
}

async function files(directory: string): Promise<{ readonly name: string; readonly first: number }[]> {
  const found = (await readdir(directory)).flatMap((name) => {
    const first = FILE.exec(name)?.[1]
    return first === undefined ? [] : [{ name, first: Number(first) }]
  })
  return found.sort((a, b) => a.first - b.first)
}

/** The line before: its number, and its chain unless it was taken away. */
interface Before {
  readonly seq: number
  readonly chain: string | undefined
}

/**
 * Every line from the file that holds `from`, each checked against its chain. Older files may have been taken away, oldest first;
 * the first line that is left is then believed.
 *
 * @throws {HostError} `audit_failed` at the first line that was edited, or where lines are missing
 */
export async function* readAuditTrail<E extends Said>(
  directory: string,
  from = 1,
): AsyncGenerator<AuditLine & E & { readonly chain: string }> {
  const all = await files(directory)
  const start = Math.max(
    0,
    all.findLastIndex(({ first }) => first <= from),
  )
  let before = await beforeFile(directory, all, start)
  for (const { name, first } of all.slice(start)) {
    if (first !== before.seq + 1) throw broken(name, before.seq + 1)
    for (const line of wholeLines(await readFile(join(directory, name), 'utf8'))) {
      const entry = checked(line, before, name)
      before = entry
      yield entry as AuditLine & E & { readonly chain: string }
    }
  }
}

async function beforeFile(directory: string, all: Awaited<ReturnType<typeof files>>, index: number): Promise<Before> {
  const previous = all[index - 1]
  if (previous === undefined) {
    const seq = (all[index]?.first ?? 1) - 1
    return { seq, chain: seq === 0 ? START : undefined }
  }
  const line = wholeLines(await readFile(join(directory, previous.name), 'utf8')).at(-1)
  if (line === undefined) throw broken(previous.name, previous.first)
  return JSON.parse(line) as AuditLine & { chain: string }
}

function checked(line: string, before: Before, name: string): AuditLine & { chain: string } {
  const match = /^(.*),"chain":"([0-9a-f]{64})"\}$/.exec(line)
  const body = `${match?.[1]}}`
  const chain = match?.[2]
  if (chain === undefined || (before.chain !== undefined && linked(before.chain, body) !== chain))
    throw broken(name, before.seq + 1)
  const entry = JSON.parse(body) as AuditLine
  if (entry.seq !== before.seq + 1) throw broken(name, before.seq + 1)
  return { ...entry, chain }
}

const wholeLines = (text: string): string[] => text.split('\n').slice(0, -1)

async function trailEnd(directory: string): Promise<TrailEnd> {
  const all = await files(directory)
  const newest = all.at(-1)
  if (newest === undefined) return { first: 1, size: 0, seq: 0, chain: START }
  let last = await beforeFile(directory, all, all.length - 1)
  for await (const entry of readAuditTrail(directory, newest.first)) last = entry
  // Begun and left empty, and nothing before it: where the chain stood is lost.
  if (last.chain === undefined) throw broken(newest.name, newest.first)
  const size = (await readFile(join(directory, newest.name))).lastIndexOf('\n') + 1
  return { first: newest.first, size, seq: last.seq, chain: last.chain }
}

function broken(name: string, seq: number): HostError {
  return new HostError(
    'audit_failed',
    `the audit trail was changed: ${name} does not continue with line ${seq}. Keep the folder as evidence, move it away, and start again`,
  )
}
