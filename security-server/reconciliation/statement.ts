// This server's side of a run as a file (evidence/reconciliation/statement.ts).

import { type Party, runKey, type Terms, writeStatement } from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import type { Clock } from '#host'
import type { ServerId } from '#protocol'
import { checkpointBytes } from '#transparent-log'
import { digest } from '#trust'
import { heldFrom, type MessageLog } from '../message-log/index.ts'
import type { Transparency } from '../transparency/index.ts'
import { ownSide, sealedView } from './own-log.ts'
import { serversOf } from './servers.ts'
import { PAGE_VALUES } from './session.ts'
import { turns } from './turns.ts'

export interface StatementWanted {
  readonly terms: Terms
  readonly here: Party
  readonly there: Party
  readonly server: ServerId
  readonly secret: Uint8Array
  readonly messageLog: MessageLog
  readonly transparency: Transparency
  readonly configuration: GlobalConfiguration
  readonly most: number
  readonly clock: Clock
  readonly path: string
}

/** What a run by files is called: the same for who has the same key file. */
export function statementName(secret: Uint8Array): string {
  return Buffer.from(digest('SHA-256', Buffer.from('saadik reconciliation run\n'), secret))
    .toString('hex')
    .slice(0, 32)
}

/** Fails at the first chunk where the log cannot be read. */
export async function* statementOf(wanted: StatementWanted): AsyncGenerator<Uint8Array> {
  const { messageLog, transparency, terms, here, server, secret, configuration, clock } = wanted
  const turn = turns(new AbortController().signal)
  const view = await sealedView(messageLog, transparency)
  const held = await heldFrom(messageLog)
  const own = await ownSide({ ...wanted, view, turn, onProgress: () => {} })
  try {
    const key = runKey(secret, terms)
    const list = await own.list(key, turn)
    const pages = Array.from({ length: Math.ceil(list.count / PAGE_VALUES) }, (_, page) => page * PAGE_VALUES)
    yield* writeStatement(
      {
        terms,
        party: here,
        server,
        madeAt: clock.now().getTime(),
        checkpoint: checkpointBytes(view.checkpoint),
        list,
        heldFrom: held,
        servers: serversOf(configuration, here).map(({ id }) => id),
      },
      pages.map((first) => list.slice(first, Math.min(PAGE_VALUES, list.count - first))),
      own.pages(list, key, undefined, turn),
    )
  } finally {
    await own.messages.remove()
  }
}
