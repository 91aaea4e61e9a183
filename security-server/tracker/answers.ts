// Answers about persons, each with what proves it.
import { MAX_PAGE_USES, type TrackerAnswer, type TrackerMap } from '#evidence'
import type { ClientId } from '#protocol'
import type { Transparency } from '../transparency/index.ts'
import { DataTrackerError } from './error.ts'
import type { Statements } from './statements.ts'
import type { TrackerThread } from './thread.ts'

/** No code of a person is longer. */
export const MAX_CODE = 200

export interface AnswerWanted {
  readonly provider: ClientId
  readonly person: string
  readonly map: TrackerMap
  /** Number of the newest use to show; absent: the newest page, with what came since the statement. */
  readonly upTo?: number | undefined
  readonly limit?: number | undefined
}

export interface AnswerParts {
  readonly thread: TrackerThread
  readonly statements: Statements
  readonly transparency: Transparency
}

/** Throws DataTrackerError `not_stated_yet`, `invalid_question`, HistoryError. */
export async function answerOf(
  { thread, statements, transparency }: AnswerParts,
  { provider, person, map, upTo, limit = MAX_PAGE_USES }: AnswerWanted,
): Promise<TrackerAnswer> {
  if (person === '' || person.length > MAX_CODE || !person.isWellFormed())
    throw new DataTrackerError('invalid_question', `A person's code has 1 to ${MAX_CODE} characters`)
  const statement = statements.current
  if (statement === undefined || statement.entry === null)
    throw new DataTrackerError('not_stated_yet', 'No statement of the data tracker is in the transparent log yet')
  const [page, log] = await Promise.all([
    thread.call('page', { provider, person, map, limit, statement, ...(upTo === undefined ? {} : { upTo }) }),
    transparency.proofOfEntry(statement.entry, Buffer.concat([statement.salt, statement.content])),
  ])
  const { uses, before, pending, key } = page
  const secret = {
    salt: statement.secret_salt,
    head: { count: statement.secret_persons, root: statement.secret_root },
  }
  return {
    ...{ provider, person, map, uses, before, pending },
    proof: { key, map: page.map, log, ...(map === 'secret' ? { secret } : {}) },
  }
}
