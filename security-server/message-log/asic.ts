// GET /asic: the evidence of one message, for the information system that sent or served it (wire-message §8.4).
import { Readable } from 'node:stream'
import { containerName, escapeQueryId, writeZip, type ZipEntry } from '#evidence'
import { type ClientId, XRoadFault } from '#protocol'
import { LogError } from './error.ts'
import type { EvidenceAnswer, MessageLog } from './index.ts'
import type { FoundRecord, LogDirection } from './record.ts'

const PAGE = 100

/** What the parameters ask for, once they are in order. */
interface AsicQuery {
  readonly queryId: string
  readonly member: ClientId
  readonly direction: LogDirection | undefined
  /** The container itself, not a zip of all that match. */
  readonly unique: boolean
  /** Time-stamp now what has no time-stamp. */
  readonly force: boolean
}

/**
 * Answers the request; never throws. What fails once the body has begun to stream fails there.
 *
 * @param authorise Throws XRoadFault where the information system may not speak for the client over its connection.
 */
export async function answerAsic(
  log: MessageLog,
  url: URL,
  authorise: (client: ClientId) => void,
): Promise<EvidenceAnswer> {
  try {
    const query = readQuery(url.searchParams)
    if (typeof query === 'string') return refuse(400, query)
    try {
      authorise(query.member)
    } catch (error) {
      if (error instanceof XRoadFault) return refuse(401, error.message)
      throw error
    }
    const { first, waiting } = await survey(log, query)
    if (first === undefined) return refuse(404, 'No signed documents found')
    if (waiting.length > 0) {
      if (!query.force)
        return refuse(500, 'The message has not been time-stamped yet; ask again later, or with the parameter "force"')
      await log.timestampNow(waiting)
    }
    return query.unique ? single(log, first) : zip(log, query)
  } catch (error) {
    return refuse(500, error instanceof LogError ? error.message : 'Internal error')
  }
}

/** The query, or in words what is wrong with it. Flags count by being there, whatever their value. */
function readQuery(parameters: URLSearchParams): AsicQuery | string {
  const missing = ['queryId', 'xRoadInstance', 'memberClass', 'memberCode'].find(
    (name) => !parameters.get(name)?.trim(),
  )
  if (missing !== undefined) return `Parameter "${missing}" must be given`
  const requestOnly = parameters.has('requestOnly')
  const responseOnly = parameters.has('responseOnly')
  const unique = parameters.has('unique')
  if (requestOnly && responseOnly) return 'Parameters "requestOnly" and "responseOnly" exclude each other'
  if (unique && !requestOnly && !responseOnly) return 'Parameter "unique" needs "requestOnly" or "responseOnly"'
  const subsystemCode = parameters.get('subsystemCode')
  return {
    queryId: parameters.get('queryId') ?? '',
    member: {
      instance: parameters.get('xRoadInstance') ?? '',
      memberClass: parameters.get('memberClass') ?? '',
      memberCode: parameters.get('memberCode') ?? '',
      ...(subsystemCode ? { subsystemCode } : {}),
    },
    direction: requestOnly ? 'request' : responseOnly ? 'response' : undefined,
    unique,
    force: parameters.has('force'),
  }
}

/** Everything that matches, the oldest first, a page at a time: nobody bounds how many messages carry one id. */
async function* matches(log: MessageLog, query: AsicQuery): AsyncGenerator<FoundRecord> {
  const { queryId: id, member: owner, direction } = query
  let cursor: string | undefined
  do {
    const page = await log.search({ id, owner, direction, order: 'oldest', limit: PAGE, cursor })
    yield* page.records
    cursor = page.next
  } while (cursor !== undefined)
}

async function survey(
  log: MessageLog,
  query: AsicQuery,
): Promise<{ first: FoundRecord | undefined; waiting: number[] }> {
  let first: FoundRecord | undefined
  const waiting: number[] = []
  for await (const record of matches(log, query)) {
    first ??= record
    if (!record.timestamped) waiting.push(record.seq)
    if (query.unique) break
  }
  return { first, waiting }
}

function single(log: MessageLog, record: FoundRecord): EvidenceAnswer {
  const { queryId, direction, seq } = record
  return {
    status: 200,
    headers: {
      'content-type': 'application/vnd.etsi.asic-e+zip',
      'content-disposition': `attachment; filename="${containerName(queryId, direction, seq)}"`,
    },
    body: log.container(seq),
  }
}

function zip(log: MessageLog, query: AsicQuery): EvidenceAnswer {
  const name = `${escapeQueryId(query.queryId)}${query.direction === undefined ? '' : `-${query.direction}`}.zip`
  return {
    status: 200,
    headers: { 'content-type': 'application/zip', 'content-disposition': `attachment; filename="${name}"` },
    body: writeZip(entries(log, query)),
  }
}

/** Containers are compressed inside; the zip around them stores. A message that came after the survey is not in it. */
async function* entries(log: MessageLog, query: AsicQuery): AsyncGenerator<ZipEntry> {
  for await (const { queryId, direction, seq, at, timestamped } of matches(log, query)) {
    if (!timestamped) continue
    yield {
      name: containerName(queryId, direction, seq),
      modifiedAt: at,
      compress: false,
      body: () => log.container(seq),
    }
  }
}

function refuse(status: number, message: string): EvidenceAnswer {
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=UTF-8' },
    body: Readable.from([Buffer.from(message)]),
  }
}
