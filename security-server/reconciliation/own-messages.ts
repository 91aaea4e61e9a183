// The own messages of a run: found by the log's index, read with their salts, kept in a work file in the order of the log.
import type { Party, Terms, Turn } from '#evidence'
import { clientOf, idKey } from '#protocol'
import { type FoundRecord, LogError, type MessageLog, type SearchQuery } from '../message-log/index.ts'
import { ReconciliationError } from './error.ts'
import { WorkFile } from './work-file.ts'

const PAGE = 1000

export interface Gathering {
  readonly messageLog: MessageLog
  readonly terms: Terms
  readonly here: Party
  readonly there: Party
  /** Records behind this one are in no checkpoint of the run. */
  readonly upTo: number
  readonly most: number
  readonly path: string
  readonly turn: Turn
  readonly onProgress: (messages: number) => void
}

/** Throws ReconciliationError `invalid_terms` where they are too many, `log_damaged`. The caller removes the file. */
export async function gatherMessages(gathering: Gathering): Promise<WorkFile> {
  const { messageLog, most, path, turn, onProgress } = gathering
  const file = await WorkFile.create(path)
  try {
    for await (const { seq, client, service, side } of foundIn(gathering)) {
      const evidence = await evidenceOf(messageLog, seq)
      if (file.count === most)
        throw new ReconciliationError(
          'invalid_terms',
          `There are more than ${most} messages in this time; compare a shorter one`,
        )
      const other = idKey(side === 'consumer' ? clientOf(service) : client)
      await file.add({ encoded: evidence.record, salt: evidence.salt, other })
      onProgress(file.count)
      await turn()
    }
    await file.flush()
    return file
  } catch (error) {
    await file.remove()
    throw error
  }
}

/** Of both roles, in the order of the log. Where both parties are clients of this server, each record counts for its own side. */
async function* foundIn(gathering: Gathering): AsyncGenerator<FoundRecord> {
  const { here, there } = gathering
  const [asked, answered] = [
    search(gathering, { side: 'consumer', client: here, provider: there }),
    search(gathering, { side: 'provider', client: there, provider: here }),
  ]
  let [one, other] = [await asked.next(), await answered.next()]
  while (!one.done || !other.done) {
    if (other.done || (!one.done && one.value.seq < other.value.seq)) {
      yield (one as IteratorYieldResult<FoundRecord>).value
      one = await asked.next()
    } else {
      yield other.value
      other = await answered.next()
    }
  }
}

async function* search(
  { messageLog, terms, upTo }: Gathering,
  parties: Pick<SearchQuery, 'side' | 'client' | 'provider'>,
): AsyncGenerator<FoundRecord> {
  const { from, to, margin } = terms
  const query = { ...parties, from: new Date(Math.max(0, from - margin)), to: new Date(to + margin) }
  for (let cursor: string | undefined; ; ) {
    const page = await messageLog.search({ ...query, order: 'oldest', limit: PAGE, cursor })
    for (const record of page.records) if (record.seq <= upTo) yield record
    cursor = page.next
    if (cursor === undefined) return
  }
}

async function evidenceOf(messageLog: MessageLog, seq: number) {
  try {
    const evidence = await messageLog.evidenceOf(seq)
    if (evidence !== undefined) return evidence
  } catch (cause) {
    if (!(cause instanceof LogError)) throw cause
    throw new ReconciliationError('log_damaged', cause.message, { cause })
  }
  throw new ReconciliationError('log_damaged', `Record ${seq} is gone from the message log`)
}
