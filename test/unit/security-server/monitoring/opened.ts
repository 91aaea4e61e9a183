// Monitoring of one server, opened for a test: a clock that the test sets, a log that it reads, a folder of its own.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { ClientId, ServiceId } from '../../../../protocol/index.ts'
import { readXml, type XmlElement } from '../../../../protocol/index.ts'
import {
  type MonitoringAnswer,
  type MonitoringOptions,
  monitoringSchema,
  openMonitoring,
  type ServerState,
} from '../../../../security-server/monitoring/index.ts'
import { placeIn } from '../../../stores.ts'
import { hasTool, tool } from '../../../tools.ts'
import { haveVectors, vector } from '../../../vectors.ts'
import { scratch } from '../../host/scratch.ts'

export const SERVER = { instance: 'DEMO', memberClass: 'GOV', memberCode: '1', serverCode: 'ss1' }
export const OWNER: ClientId = { instance: 'DEMO', memberClass: 'GOV', memberCode: '1' }
export const PROVIDER: ClientId = { ...OWNER, subsystemCode: 'register' }
export const CALLER: ClientId = { instance: 'DEMO', memberClass: 'COM', memberCode: '2', subsystemCode: 'shop' }
export const STRANGER: ClientId = { instance: 'DEMO', memberClass: 'COM', memberCode: '3' }
export const WATCHER: ClientId = { instance: 'DEMO', memberClass: 'GOV', memberCode: '9', subsystemCode: 'watch' }
export const PERSONS: ServiceId = { ...PROVIDER, serviceCode: 'persons' }

/** Seconds of the year 2026 in which tests play. */
export const START = 1_790_000_000

const NO_STATE: ServerState = {
  messageLog: { records: 0, untimestamped: 0 },
  transparency: { leaves: 0, signedLeaves: 0, witnesses: [], fault: false },
  certificates: [],
  signer: { reachable: true, unlocked: true },
}

export function opened(t: TestContext, changes: Partial<MonitoringOptions> = {}, settings: object = {}) {
  const time = { seconds: START }
  const lines: { message: string; meta: object }[] = []
  const note = (message: string, meta: object = {}) => void lines.push({ message, meta })
  const directory = scratch(t)
  const monitoring = openMonitoring({
    server: SERVER,
    place: placeIn(directory, 'operational-data'),
    settings: monitoringSchema.parse({ operational: { storeIntervalSeconds: 0.1 }, ...settings }),
    clock: { now: () => new Date(time.seconds * 1000) },
    log: { error: note, warn: note, info: note, debug: note },
    knows: (service) => service.serviceCode !== 'invented',
    monitoringClient: () => WATCHER,
    certificates: () => [],
    state: async () => NO_STATE,
    ...changes,
  })
  t.after(() => monitoring.close())
  return { monitoring, time, lines, directory }
}

export function element(xml: string): XmlElement {
  return readXml(Buffer.from(xml))
}

export function text(answer: MonitoringAnswer): string {
  return Buffer.from(answer.body).toString('utf8')
}

/** The text of the first element of that local name. */
export function fieldOf(answer: MonitoringAnswer, local: string): string | undefined {
  return new RegExp(`<\\w+:${local}>([^<]*)<`).exec(text(answer))?.[1]
}

export async function recordsOf(answer: MonitoringAnswer): Promise<Record<string, unknown>[]> {
  const pieces: Uint8Array[] = []
  for await (const piece of answer.attachments[0]?.content ?? []) pieces.push(piece)
  return (JSON.parse(gunzipSync(Buffer.concat(pieces)).toString('utf8')) as { records: Record<string, unknown>[] })
    .records
}

/** Judged by X-Road's own schema where schema and judge are at hand. Undefined where they are not. */
export function schemaVerdict(
  t: TestContext,
  schema: 'op-monitoring.xsd' | 'monitoring.xsd',
  answer: MonitoringAnswer,
) {
  if (!haveVectors() || !hasTool('xmllint')) {
    t.diagnostic('SKIPPED, NOT PROVED: X-Road schema or xmllint is not on this machine')
    return undefined
  }
  const folder = scratch(t)
  for (const file of [schema, 'identifiers.xsd']) writeFileSync(join(folder, file), vector('schemas', file))
  // The one type that X-Road's schema takes from elsewhere.
  writeFileSync(
    join(folder, 'swaref.xsd'),
    `<s:schema xmlns:s="http://www.w3.org/2001/XMLSchema" targetNamespace="http://ws-i.org/profiles/basic/1.1/xsd">
<s:simpleType name="swaRef"><s:restriction base="s:anyURI"/></s:simpleType></s:schema>`,
  )
  const file = join(folder, 'answer.xml')
  writeFileSync(file, answer.body)
  const { status, stderr } = tool('xmllint', ['--noout', '--nonet', '--schema', join(folder, schema), file])
  return status === 0 ? 'valid' : `${stderr}\n${readFileSync(file, 'utf8')}`
}
