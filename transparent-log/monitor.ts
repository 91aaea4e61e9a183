// A monitor of somebody else's log (C2SP tlog-tiles): it keeps a copy of the leaves, so that not only that history was rewritten is seen, but at
// which leaf. Nothing that comes over the network is kept before it leads to a root that the log signed.
//
//   tree/        as of a log of our own (tree-files.ts)
//   checkpoint   what was followed up to: what is behind it in the tree is forgotten at the next start
//   rewritten    a checkpoint that the log signed and that does not contain the one before, as evidence
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { httpGet, ifThere, sweepTemporary, writeFileDurable } from '#host'
import {
  completeNodes,
  type HashReader,
  type JudgedCheckpoint,
  judgeCheckpoint,
  newBundles,
  type Policy,
  parseEntryBundle,
  parseNote,
  TILE_WIDTH,
  type TileSource,
  TransparencyError,
  type TreeNode,
  tilePath,
  treeRoot,
  verifiedTileReader,
} from '#transparency'
import { equalBytes } from '#trust'
import { TransparentLogError } from './error.ts'
import { TileLog } from './tile-log.ts'

const TIMEOUT_MS = 30_000
const MAX_NOTE_BYTES = 512 * 1024
const MAX_TILE_BYTES = 8192
const MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + 0xffff)
/** Bundles that are asked for at the same time. */
const AT_ONCE = 8

export interface MonitorOptions {
  readonly directory: string
  /** What `checkpoint` and `tile/…` are put behind; without a slash at the end. */
  readonly url: string
  /** Whose log it is; who must have witnessed it is only reported: the newest checkpoint is seconds old. */
  readonly policy: Policy
  /** Entries that are not counted among the others. */
  readonly isMarked: (entry: Uint8Array) => boolean
  /** Leaves that are kept so far, of so many. */
  readonly onProgress?: (leaves: number, of: number) => void
}

export type Followed =
  /** It only grew, maybe by nothing. */
  | { readonly found: 'grown'; readonly before: number; readonly judged: JudgedCheckpoint }
  /** It shows a smaller tree than it has shown. */
  | { readonly found: 'older'; readonly before: number; readonly judged: JudgedCheckpoint }
  /** The first leaf that is another now; `record`: its number among the unmarked ones, from 0, unless it was marked. */
  | {
      readonly found: 'rewritten'
      readonly before: number
      readonly judged: JudgedCheckpoint
      readonly leaf: number
      readonly record: number | undefined
      /** What the copy begins with. */
      readonly begins: Uint8Array
    }

/**
 * Follows a log to its newest checkpoint, once.
 *
 * @throws {TransparencyError} what it serves is not what it signed, or nobody of the policy signed it; {TransparentLogError} `tree_damaged`,
 *   `another_log`, `unreachable`; {HostError}
 */
export async function follow(options: MonitorOptions): Promise<Followed> {
  const { directory, policy } = options
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await sweepTemporary(directory)
  const kept = await ifThere(readFile(join(directory, 'checkpoint')))
  const last = kept && judgeCheckpoint(parseNote(kept), policy).checkpoint
  const bytes = await fetchFrom(options, 'checkpoint', MAX_NOTE_BYTES)
  const judged = judgeCheckpoint(parseNote(bytes), policy)
  const { checkpoint } = judged
  if (last !== undefined && last.origin !== checkpoint.origin)
    throw new TransparentLogError(
      'another_log',
      `${directory} has a copy of ${last.origin}; ${options.url} serves ${checkpoint.origin}, which needs a folder of its own`,
    )
  const before = last?.size ?? 0
  const tree = await TileLog.open(join(directory, 'tree'), before)
  try {
    if (tree.size < before || (last !== undefined && !equalBytes(tree.root(), last.root)))
      throw new TransparentLogError('tree_damaged', `${directory} is not the copy that it was`)
    if (checkpoint.size < before) return { found: 'older', before, judged }
    const theirs = verifiedTileReader(checkpoint, tilesOf(options))
    if (before > 0 && !equalBytes(await treeRoot(before, theirs), tree.root())) {
      const leaf = await firstOther(tree, theirs)
      await writeFileDurable(join(directory, 'rewritten'), bytes)
      const [begins = new Uint8Array()] = await tree.entries(0, 1)
      return { found: 'rewritten', before, judged, leaf, record: tree.ordinalOf(leaf), begins }
    }
    await copy(options, tree, checkpoint.size)
    if (!equalBytes(tree.root(), checkpoint.root))
      throw new TransparencyError(
        'invalid_proof',
        `the entries that ${options.url} serves do not make the root that it signed`,
      )
    // A crash before the checkpoint is there has the next run fetch them again.
    await tree.sync()
    await writeFileDurable(join(directory, 'checkpoint'), bytes)
    return { found: 'grown', before, judged }
  } finally {
    await tree.close()
  }
}

/** Down from the peaks of the older tree, always into the leftmost half that differs. */
async function firstOther(tree: TileLog, theirs: HashReader): Promise<number> {
  const differs = async (node: TreeNode): Promise<boolean> => {
    const [[ours], [other]] = await Promise.all([tree.hashes([node]), theirs([node])])
    return ours === undefined || other === undefined || !equalBytes(ours, other)
  }
  for (const peak of completeNodes({ start: 0, end: tree.size })) {
    if (!(await differs(peak))) continue
    let node = peak
    while (node.level > 0) {
      const left = { level: node.level - 1, index: 2 * node.index }
      node = (await differs(left)) ? left : { ...left, index: left.index + 1 }
    }
    return node.index
  }
  throw new TransparentLogError('tree_damaged', 'the trees differ, and no leaf does')
}

async function copy(options: MonitorOptions, tree: TileLog, size: number): Promise<void> {
  const { isMarked, onProgress } = options
  const bundles = [...newBundles(tree.size, size)]
  for (let at = 0; at < bundles.length; at += AT_ONCE) {
    const fetched = await Promise.all(
      bundles.slice(at, at + AT_ONCE).map(async (bundle) => ({
        first: bundle.index * TILE_WIDTH,
        entries: parseEntryBundle(await fetchFrom(options, tilePath(bundle), MAX_BUNDLE_BYTES), bundle.width),
      })),
    )
    for (const { first, entries } of fetched)
      for (const run of runsOf(entries.slice(tree.size - first), isMarked)) await tree.append(run.entries, run.marked)
    onProgress?.(tree.size, size)
  }
}

/** Neighbours of one kind together. */
function runsOf(entries: readonly Uint8Array[], isMarked: (entry: Uint8Array) => boolean) {
  const runs: { readonly marked: boolean; readonly entries: Uint8Array[] }[] = []
  for (const entry of entries) {
    const marked = isMarked(entry)
    const run = runs.at(-1)
    if (run?.marked === marked) run.entries.push(entry)
    else runs.push({ marked, entries: [entry] })
  }
  return runs
}

function tilesOf(options: MonitorOptions): TileSource {
  return (tiles) => Promise.all(tiles.map((tile) => fetchFrom(options, tilePath(tile), MAX_TILE_BYTES)))
}

async function fetchFrom({ url }: MonitorOptions, path: string, maxBytes: number): Promise<Uint8Array> {
  const { status, body } = await httpGet(`${url}/${path}`, { timeoutMs: TIMEOUT_MS, maxBytes })
  if (status !== 200) throw new TransparentLogError('unreachable', `${url}/${path}: HTTP status ${status}`)
  return body
}
