// Evidence as an auditor takes it away: from /asic of a running server, opened and judged.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type Report, readZip, verifyContainer } from '#evidence'
import { readConfigurationDirectory } from '#global-configuration'
import { collect, parseClientId, type TrustMaterial } from '#protocol'
import type { StateServer } from './state.ts'

export type Leg = 'requestOnly' | 'responseOnly'

/**
 * The container of one message in a server's log.
 *
 * @param member Whose log it is: `INSTANCE/CLASS/CODE/SUBSYSTEM` of the client, or of the provider on the provider's server.
 * @param force Whether it may be time-stamped for this.
 */
export async function evidenceOf(
  server: StateServer,
  member: string,
  queryId: string,
  leg: Leg,
  force = true,
): Promise<Buffer> {
  const { instance, memberClass, memberCode, subsystemCode = '' } = parseClientId(member)
  const query = new URLSearchParams({
    queryId,
    xRoadInstance: instance,
    memberClass,
    memberCode,
    subsystemCode,
    [leg]: '',
    unique: '',
    ...(force ? { force: '' } : {}),
  })
  const answer = await fetch(`${server.client}/asic?${query}`)
  const bytes = Buffer.from(await answer.arrayBuffer())
  assert.equal(answer.status, 200, bytes.toString().slice(0, 500))
  return bytes
}

export async function entriesOf(container: Uint8Array): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  for await (const entry of readZip(one(container)))
    entries.set(entry.name, Buffer.from(await collect(entry.body, 1 << 26)))
  return entries
}

/** Whom the server's copy of the configuration trusts. */
export async function trustOf(server: StateServer): Promise<TrustMaterial> {
  return (await readConfigurationDirectory(join(server.directory, 'configuration'))).trust
}

/** The verdict by what the server itself knows of the state. */
export async function verdictOf(server: StateServer, container: Uint8Array): Promise<Report> {
  return await verifyContainer(one(container), await trustOf(server))
}

/** Passes when every check has. */
export function assertPassed(report: Report): void {
  const failed = report.checks.filter((check) => !check.ok)
  assert.equal(report.indication, 'TOTAL-PASSED', JSON.stringify(failed))
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
