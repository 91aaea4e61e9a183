// getSecurityServerOperationalData (wire-client §6.2): the records of a window of time, as JSON in a gzip attachment.
import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import type { Clock } from '#host'
import { type ClientId, type ServerId, sameId, type XmlElement } from '#protocol'
import type { WindowQuestion } from '../operational/queries.ts'
import { FIELD_NAMES, type FieldName, INTERNAL_FIELD, isField } from '../operational/record.ts'
import { scopeOf } from '../operational/scope.ts'
import type { OperationalStore } from '../operational/store.ts'
import { type Asker, daemonFailed, invalidRequest, isOwnerOf, type MonitoringAnswer } from './answer.ts'
import { clientIdentifier, long, only, sequence, texts } from './read.ts'

export const OP_MONITORING = 'http://x-road.eu/xsd/op-monitoring.xsd'

/** Records of the last minute are not told: a batch may still be on its way to the store. */
const AVAILABLE_AFTER_SECONDS = 60
const CONTENT_ID = 'operational-monitoring-data.json.gz'

export interface OperationalDataContext {
  readonly server: ServerId
  readonly store: OperationalStore
  /** Of the global configuration. */
  readonly monitoringClient: ClientId | undefined
  /** Records in one answer, besides those of its last second. */
  readonly maxRecords: number
  readonly clock: Clock
}

interface Question {
  readonly from: number
  readonly to: number
  readonly provider: ClientId | undefined
  /** Empty for all. */
  readonly fields: readonly FieldName[]
}

/** @throws XRoadFault `server.serverproxy.opmonitor.` + `client.invalid_request`, `internal_error` */
export async function operationalData(
  context: OperationalDataContext,
  request: XmlElement,
  asker: Asker,
): Promise<MonitoringAnswer> {
  const { server, store, monitoringClient, maxRecords, clock } = context
  const question = readQuestion(request)
  const available = Math.floor(clock.now().getTime() / 1000) - AVAILABLE_AFTER_SECONDS
  checkTimes(question, available)
  const seesAll = isOwnerOf(server, asker) || (monitoringClient !== undefined && sameId(monitoringClient, asker.client))
  const cut = question.to >= available
  const window: WindowQuestion = {
    scope: scopeOf(seesAll ? undefined : asker.client, question.provider),
    from: question.from,
    to: cut ? available - 1 : question.to,
    limit: maxRecords,
  }
  const found = await store.window(window).catch((error: unknown) => {
    throw daemonFailed('The operational data could not be read', error)
  })
  const next = found.next ?? (cut ? available : undefined)
  const records = store.json({ ...window, to: found.to }, visibleFields(question.fields, seesAll))
  return {
    body: Buffer.from(
      `<om:getSecurityServerOperationalDataResponse xmlns:om="${OP_MONITORING}">` +
        `<om:recordsCount>${found.count}</om:recordsCount><om:records>cid:${CONTENT_ID}</om:records>` +
        `${next === undefined ? '' : `<om:nextRecordsFrom>${next}</om:nextRecordsFrom>`}` +
        '</om:getSecurityServerOperationalDataResponse>',
    ),
    attachments: [
      {
        contentType: 'application/gzip',
        headers: [
          ['content-transfer-encoding', 'binary'],
          ['content-id', `<${CONTENT_ID}>`],
        ],
        content: gzipped(records),
      },
    ],
  }
}

function readQuestion(request: XmlElement): Question {
  if (request.namespace !== OP_MONITORING || request.local !== 'getSecurityServerOperationalData')
    throw invalidRequest(`<${request.name}> is not a request for operational data`)
  const { searchCriteria, outputSpec } = sequence(request, OP_MONITORING, ['searchCriteria', 'outputSpec'])
  const criteria = sequence(only(searchCriteria, request.local, 'searchCriteria'), OP_MONITORING, [
    'recordsFrom',
    'recordsTo',
    'client',
  ])
  const [spec] = outputSpec
  const [client] = criteria.client
  return {
    from: long(only(criteria.recordsFrom, 'searchCriteria', 'recordsFrom')),
    to: long(only(criteria.recordsTo, 'searchCriteria', 'recordsTo')),
    provider: client === undefined ? undefined : clientIdentifier(client),
    fields: spec === undefined ? [] : texts(spec, OP_MONITORING, 'outputField', 1000).map(field),
  }
}

function field(name: string): FieldName {
  if (!isField(name)) throw invalidRequest(`Unknown output field in search criteria: ${name}`)
  return name
}

function checkTimes({ from, to }: Question, available: number): void {
  if (from < 0) throw invalidRequest('Records from timestamp is a negative number')
  if (to < 0) throw invalidRequest('Records to timestamp is a negative number')
  if (to < from) throw invalidRequest('Records to timestamp is earlier than records from timestamp')
  if (from >= available) throw invalidRequest(`Records not available from ${from} yet`)
}

/** A field that the asker must not see is left out without a word, as in the reference. */
function visibleFields(asked: readonly FieldName[], seesAll: boolean): readonly FieldName[] {
  const wanted = asked.length === 0 ? FIELD_NAMES : FIELD_NAMES.filter((name) => asked.includes(name))
  return seesAll ? wanted : wanted.filter((name) => name !== INTERNAL_FIELD)
}

/** Compressed as it is read, in Node's threads; an error of either end is the reader's. */
function gzipped(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return pipeline(Readable.from(pieces, { objectMode: false }), createGzip(), () => {})
}
