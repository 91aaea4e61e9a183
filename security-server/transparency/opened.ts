// What is open while history is followed: the signed tree, the commitments of the records, the witnesses.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { logOrigin, succeedsFrom, successionEntry } from '#evidence'
import { ifThere, reasonOf, writeFileDurable } from '#host'
import { checkpointBytes, type SignedCheckpoint, type SignedLog, Witnessing } from '#transparent-log'
import { type Commitments, openCommitments } from '../message-log/index.ts'
import { HistoryError } from './error.ts'
import type { TransparencyOptions } from './index.ts'
import type { KeptCheckpoints } from './kept-checkpoints.ts'
import { openTree, type Tree } from './opening.ts'
import type { RecordSource } from './records.ts'
import { quorumOf } from './settings.ts'

export interface Opened extends Tree {
  readonly commitments: Commitments
  readonly witnessing: Witnessing | undefined
  close(): Promise<void>
}

/** Where the log of an epoch lies, below the server's folder. */
export function epochFolder(directory: string, epoch: number): string {
  return join(directory, epoch === 1 ? 'transparency' : `transparency-${epoch}`)
}

/**
 * @param onContradiction A witness holds what our tree does not contain; the checkpoint is kept as evidence.
 * @throws as `openTree`
 */
export async function openAll(
  options: TransparencyOptions,
  source: RecordSource,
  kept: KeptCheckpoints,
  onContradiction: (reason: string) => void,
): Promise<Opened> {
  const { server, signer, settings, clock, log: logger } = options
  const { epoch, formerKeys, witnesses } = settings
  const directory = epochFolder(options.directory, epoch)
  const commitments = openCommitments({
    directory: join(options.directory, 'message-log'),
    store: options.store,
  })
  const sources = { ...source, commitments }
  const named = { directory, origin: logOrigin(server, epoch), signer, formerKeys }
  const begin = epoch === 1 ? async () => 1 : (begun: SignedLog) => succeed(begun, options)
  const tree = await openTree(named, sources, kept, begin).catch(async (error) => {
    await commitments.close()
    throw error
  })
  const { log } = tree
  const contradicted = (seen: SignedCheckpoint, reason: string) => {
    onContradiction(reason)
    const file = join(directory, `contradiction-${seen.size}.checkpoint`)
    writeFileDurable(file, checkpointBytes(seen)).catch((error) =>
      logger.error('the checkpoint that contradicts could not be kept', { file, reason: reasonOf(error) }),
    )
  }
  const witnessing =
    witnesses.length === 0
      ? undefined
      : new Witnessing({
          log,
          witnesses,
          quorum: quorumOf(settings),
          clock,
          logger,
          onContradiction: contradicted,
        })
  return {
    ...tree,
    commitments,
    witnessing,
    async close() {
      await witnessing?.stop()
      await log.close()
      await commitments.close()
    },
  }
}

/** A log that begins where another was lost says so with its first leaf. Gives the first record that was left. */
async function succeed({ tree, newest }: SignedLog, options: TransparencyOptions): Promise<number> {
  const { directory, settings, messageLog } = options
  if (tree.size === 0 && newest === undefined) {
    const last = await ifThere(readFile(join(epochFolder(directory, settings.epoch - 1), 'checkpoint')))
    await tree.append([successionEntry(last ?? new Uint8Array(), messageLog.status().removedTo + 1)], true)
  }
  const [entry] = await tree.entries(0, 1)
  const first = entry && succeedsFrom(entry)
  if (first === undefined) throw new HistoryError('tree_damaged', 'the log of a later epoch does not begin as one')
  return first
}
