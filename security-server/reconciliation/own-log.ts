// The own log as a run sees it: sealed by a checkpoint from before the run, read into a work file.
import { setTimeout as pause } from 'node:timers/promises'
import type { Party, Terms, Turn } from '#evidence'
import type { MessageLog } from '../message-log/index.ts'
import type { Transparency, TreeView } from '../transparency/index.ts'
import { ReconciliationError } from './error.ts'
import { gatherMessages } from './own-messages.ts'
import { OwnSide } from './own-side.ts'

/** A checkpoint is there within a second, a witnessed one within ten. */
const PATIENCE_MS = 30_000
const LOOK_MS = 200

/** Waits until a checkpoint has all that was logged so far. Throws ReconciliationError `not_sealed_yet`. */
export async function sealedView(messageLog: MessageLog, transparency: Transparency): Promise<TreeView> {
  const { records } = messageLog.status()
  for (const until = performance.now() + PATIENCE_MS; ; ) {
    const view = transparency.view()
    if (view !== undefined && transparency.provableUpTo() >= records) return view
    if (performance.now() > until)
      throw new ReconciliationError(
        'not_sealed_yet',
        `No checkpoint has record ${records} yet${transparency.trouble() ? `: ${transparency.trouble()}` : ''}`,
      )
    await pause(LOOK_MS)
  }
}

/** Reads the messages of the run. The caller removes `messages` of what it gets. */
export async function ownSide(parts: {
  readonly messageLog: MessageLog
  readonly view: TreeView
  readonly terms: Terms
  readonly here: Party
  readonly there: Party
  readonly most: number
  readonly path: string
  readonly turn: Turn
  readonly onProgress: (messages: number) => void
}): Promise<OwnSide> {
  const messages = await gatherMessages({ ...parts, upTo: parts.view.records })
  return new OwnSide(parts.view, messages, parts.messageLog)
}
