// The thread that prepares rounds: ten thousand hash chains are a fifth of a second that neither the event loop nor the
// writer may spend.
import type { DatabaseSync } from 'node:sqlite'
import { prepareRound, type RoundOperations } from './round.ts'
import { openForReading } from './schema.ts'
import { answerCalls } from './worker-calls.ts'

let db: DatabaseSync | undefined

answerCalls({
  open(file) {
    db = openForReading(file)
  },
  prepare(selection) {
    if (db === undefined) throw new TypeError('The log is not open')
    return prepareRound(db, selection)
  },
} satisfies RoundOperations)
