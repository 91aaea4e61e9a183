// What is open while history is followed: the signed tree, the commitments of the records, the witnesses.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { logOrigin } from '#evidence'
import { ifThere, reasonOf, writeFileDurable } from '#host'
import { checkpointBytes, type SignedCheckpoint, type SignedLog, Witnessing } from '#transparent-log'
import { digest } from '#trust'
import { type Commitments, openCommitments } from '../message-log/index.ts'
import type { TransparencyOptions } from './index.ts'
import type { KeptCheckpoints } from './kept-checkpoints.ts'
import { openTree } from './opening.ts'
import { quorumOf } from './settings.ts'

/** First byte of the entry that begins a later epoch. */
const SUCCESSION_ENTRY = 3

export interface Opened {
  readonly log: SignedLog
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
  let log: SignedLog | undefined
  try {
    log = await openTree({ directory, origin: logOrigin(server, epoch), signer, formerKeys }, commitments, kept)
    if (epoch > 1) await succeed(log, epochFolder(options.directory, epoch - 1))
  } catch (error) {
    await log?.close()
    await commitments.close()
    throw error
  }
  const opened = log
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
    log,
    commitments,
    witnessing,
    async close() {
      await witnessing?.stop()
      await opened.close()
      await commitments.close()
    },
  }
}

/** A log that begins where another was lost says so with its first leaf: a version, and the SHA-256 of that one's last checkpoint. */
async function succeed({ tree, newest }: SignedLog, before: string): Promise<void> {
  if (tree.size > 0 || newest !== undefined) return
  const last = await ifThere(readFile(join(before, 'checkpoint')))
  const entry = Buffer.concat([Uint8Array.of(SUCCESSION_ENTRY), digest('SHA-256', last ?? new Uint8Array())])
  await tree.append([entry], true)
}
