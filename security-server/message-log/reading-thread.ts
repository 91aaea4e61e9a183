// The thread that reads: it prepares rounds, whose ten thousand hash chains are a fifth of a second, and searches. Neither the event loop nor
// the writer may spend that.
import { answerCalls } from '../threads/answer-calls.ts'
import { Bodies } from './bodies.ts'
import { BodyFolder } from './body-files.ts'
import { KeyRing } from './key-ring.ts'
import type { ReadingOperations } from './reading-operations.ts'
import { prepareRound } from './round.ts'
import { openForReading } from './schema.ts'
import { Search } from './search/search.ts'
import { Segments } from './segments.ts'
import { sliceOf } from './slice.ts'

let log: { readonly keys: KeyRing; readonly search: Search; readonly prepare: ReadingOperations['prepare'] } | undefined

answerCalls({
  open({ file, segments: folder, bodies: bodiesFolder, secrets }) {
    const db = openForReading(file)
    const keys = new KeyRing(secrets)
    const segments = new Segments(folder, keys)
    // Only to read: it is of no run, and makes no file.
    const bodies = new Bodies({ files: new BodyFolder(bodiesFolder, 0), keepUpTo: 0, keys })
    log = {
      keys,
      search: new Search({
        db,
        segments,
        body: (body) => bodies.read(body, { ...sliceOf(body, 1), size: body.size }, false),
      }),
      prepare: (selection) => prepareRound(db, segments, selection),
    }
  },
  addKey: (secret) => void opened().keys.add(secret),
  prepare: (selection) => opened().prepare(selection),
  search: (query) => opened().search.page(query),
} satisfies ReadingOperations)

function opened(): NonNullable<typeof log> {
  if (log === undefined) throw new TypeError('The log is not open')
  return log
}
