// The thread that reads: it prepares rounds and searches, and has a connection of its own for it.
import { answerCalls } from '../../threads/answer-calls.ts'
import { Bodies } from '../bodies.ts'
import { KeyRing } from '../key-ring.ts'
import { sliceOf } from '../slice.ts'
import { BodyChunks } from './body-chunks.ts'
import { Lanes } from './lanes.ts'
import type { ReadingOperations } from './reading-operations.ts'
import { prepareRound } from './rounds.ts'
import { Search } from './search.ts'

let log: { readonly lanes: Lanes; readonly keys: KeyRing; readonly search: Search } | undefined

answerCalls({
  open({ settings, secrets }) {
    const lanes = new Lanes(settings, 1)
    const keys = new KeyRing(secrets)
    const bodies = new Bodies({ files: new BodyChunks(lanes, 0), keepUpTo: 0, keys })
    const search = new Search({
      lanes,
      keys,
      body: (body) => bodies.read(body, { ...sliceOf(body, 1), size: body.size }, false),
    })
    log = { lanes, keys, search }
  },
  addKey: (secret) => void opened().keys.add(secret),
  prepare: (selection) => prepareRound(opened().lanes, opened().keys, selection),
  search: (query) => opened().search.page(query),
} satisfies ReadingOperations)

function opened(): NonNullable<typeof log> {
  if (log === undefined) throw new TypeError('The log is not open')
  return log
}
