// What is checked for every service alike, whatever it is described by: its name, its address, whom its TLS certificate must convince.
import { parseClientId } from '#protocol'
import type { Faults } from './document-faults.ts'
import { MAX_URL } from './document-schema.ts'
import type { LocalGroup, ServiceTls } from './model.ts'
import { OWN_CODES } from './own-codes.ts'

export interface ServiceContext {
  /** Where in the document. */
  readonly path: string
  readonly groups: readonly LocalGroup[]
  /** The certificates that the client has pinned, DER. */
  readonly pins: readonly Uint8Array[]
  readonly faults: Faults
  /** Whether the client has a data tracker. */
  readonly tracked: boolean
  readonly fetchText: FetchText
}

/** Whom the server of a description must convince, where it is had over https: one of the pins, or the authorities of the machine. */
export interface DescriptionTrust {
  readonly tls: 'pinned' | 'system'
  readonly pins: readonly Uint8Array[]
}

/** Fetches an OpenAPI or WSDL description; rejects when it is over 10 MiB, late, not there, or of somebody else. */
export type FetchText = (url: string, trust: DescriptionTrust) => Promise<string>

/** The names of services that servers answer themselves, X-Road's (wire-client §5.6) and ours: one of such a name would never be reached. */
export const RESERVED_CODES: ReadonlySet<string> = new Set([
  'listClients',
  'listMethods',
  'allowedMethods',
  'getWsdl',
  'getOpenAPI',
  'getSecurityServerMetrics',
  'getSecurityServerOperationalData',
  'getSecurityServerHealthData',
  ...Object.values(OWN_CODES),
])

export function checkCode(code: string, path: string, faults: Faults): void {
  if (RESERVED_CODES.has(code)) faults.add(path, `${code} is reserved for a service that the server answers itself`)
  checkName(code, path, faults)
}

/** A code or a version. */
export function checkName(name: string, path: string, faults: Faults): void {
  // The rules of identifiers, borrowed from where they stand.
  faults.attempt(path, () => parseClientId(`instance/class/member/${name}`))
}

/**
 * @param kind A base address is extended by path and query; its own query would end up in the middle (wire-client §3.5). Descriptions
 * and SOAP services are called at their address as it is.
 * @throws Error saying what is wrong with it.
 */
export function checkAddress(written: string, kind: 'base' | 'whole'): URL {
  const address = URL.canParse(written) ? new URL(written) : undefined
  if (address === undefined || !/^https?:$/.test(address.protocol))
    throw new Error(`'${written}' is not an http or https address`)
  if (written.length > MAX_URL) throw new Error(`the address is over ${MAX_URL} characters`)
  if (address.username !== '' || address.password !== '')
    throw new Error('the address must not hold a user name or password')
  if (written.includes('#')) throw new Error('the address must not have a fragment')
  if (kind === 'base' && written.includes('?')) throw new Error('the address must not have a query')
  return address
}

/**
 * A description is trusted as its service is (wire-client §1.4); a service over http says nothing of it. Where the address of the service
 * stands in the description alone, pins count if there are any.
 */
export function descriptionTrust(
  { tls, url }: { readonly tls?: DescriptionTrust['tls'] | undefined; readonly url?: string | undefined },
  { pins }: ServiceContext,
): DescriptionTrust {
  const plain = url?.startsWith('http:') ?? false
  return { tls: plain ? 'system' : (tls ?? (url === undefined && pins.length === 0 ? 'system' : 'pinned')), pins }
}

/** @param path Of the key `tls`. */
export function tlsOf(
  wanted: Exclude<ServiceTls, 'none'> | undefined,
  address: URL,
  path: string,
  { faults, pins }: ServiceContext,
): ServiceTls {
  if (address.protocol === 'http:') {
    if (wanted !== undefined) faults.add(path, 'is for https only')
    return 'none'
  }
  const tls = wanted ?? 'pinned'
  if (tls === 'pinned' && pins.length === 0)
    faults.add(path, "pinned needs the service's certificate among the client's tlsCertificates; or say system")
  return tls
}
