// The three optional parts of the internal source (wire-conf §3.5). A part that is missing means its default.
import type { ClientId } from '../identifier.ts'
import { readClientIdentifier, writeClientIdentifier } from './client-identifier.ts'
import { boolean, integer, maybe, one, readDocument } from './elements.ts'
import { branch, leaf, writeDocument } from './markup.ts'

/** Content identifier → file name, of all parts that mean something. */
export const PART_FILES = {
  'SHARED-PARAMETERS': 'shared-params.xml',
  'PRIVATE-PARAMETERS': 'private-params.xml',
  MONITORING: 'monitoring-params.xml',
  FETCHINTERVAL: 'fetchinterval-params.xml',
  NEXTUPDATE: 'nextupdate-params.xml',
} as const

/** What a configuration without these parts means. */
export const OPTIONAL_DEFAULTS = { ocspFetchIntervalSeconds: 1200, verifyNextUpdate: true } as const
/** A shorter interval counts as this one. */
export const MINIMUM_OCSP_FETCH_SECONDS = 60

/** MONITORING: who may read environmental monitoring data of every server; undefined for nobody. Throws ProtocolError. */
export function parseMonitoringClient(xml: Uint8Array): ClientId | undefined {
  const client = maybe(one(readDocument(xml, 'conf'), 'monitoringClient'), 'monitoringClientId')
  return client === undefined ? undefined : readClientIdentifier(client)
}

export function writeMonitoringClient(client: ClientId | undefined): Uint8Array {
  return writeDocument('conf', [
    branch('monitoringClient', [client && writeClientIdentifier('monitoringClientId', client)]),
  ])
}

/** FETCHINTERVAL: seconds between two fetches of an OCSP answer. Throws ProtocolError. */
export function parseOcspFetchInterval(xml: Uint8Array): number {
  return integer(one(readDocument(xml, 'conf'), 'ocspFetchInterval'), 0, 2_147_483_647)
}

export function writeOcspFetchInterval(seconds: number): Uint8Array {
  return writeDocument('conf', [leaf('ocspFetchInterval', seconds)])
}

/** NEXTUPDATE: whether the nextUpdate of an OCSP answer is judged. Throws ProtocolError. */
export function parseVerifyNextUpdate(xml: Uint8Array): boolean {
  return boolean(one(readDocument(xml, 'conf'), 'verifyNextUpdate'))
}

export function writeVerifyNextUpdate(verify: boolean): Uint8Array {
  return writeDocument('conf', [leaf('verifyNextUpdate', verify)])
}
