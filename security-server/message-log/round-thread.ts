// The thread that prepares rounds: ten thousand hash chains are a fifth of a second that neither the event loop nor the
// writer may spend.
import type { DatabaseSync } from 'node:sqlite'
import { answerCalls } from '../threads/answer-calls.ts'
import { prepareRound, type RoundOperations } from './round.ts'
import { openForReading } from './schema.ts'
import { Segments } from './segments.ts'

let log: { readonly db: DatabaseSync; readonly segments: Segments } | undefined

answerCalls({
  open({ file, segments }) {
    log = { db: openForReading(file), segments: new Segments(segments) }
  },
  prepare(selection) {
    if (log === undefined) throw new TypeError('The log is not open')
    return prepareRound(log.db, log.segments, selection)
  },
} satisfies RoundOperations)
