// Faults: what X-Road tells when a message cannot be exchanged. A code is a side, possibly `service_failed`, and words of
// the catalogue, joined by dots (wire-client §7.1).
import { type ProtocolCode, ProtocolError } from './error.ts'
import { FAULTS, type FaultCode } from './fault-catalogue.ts'

/** Whose fault it is: the information system's (SOAP only), the consumer's security server's, the provider's. */
export type Side = 'client' | 'server.clientproxy' | 'server.serverproxy'

export interface FaultOptions {
  readonly cause?: unknown
  /** The id under which the log has the cause; made up when absent. */
  readonly detail?: string
  /** Read from the wire: passed on as it is, never prefixed (wire-message §6). */
  readonly received?: boolean
}

/** What is told outside. `message` and `code` are public; the cause is for the log alone. */
export class XRoadFault extends Error {
  override readonly name = 'XRoadFault'
  /** Full code, e.g. `server.clientproxy.unknown_member`. */
  readonly code: string
  /** Found in the log of the server that made the fault. */
  readonly detail: string
  /** Made by the other side and only passed on here. */
  readonly received: boolean

  constructor(code: string, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.code = code
    this.detail = options.detail ?? crypto.randomUUID()
    this.received = options.received ?? false
  }
}

/** A fault of this server, with a code of the catalogue. */
export function fault(
  side: Side | `${Side}.service_failed`,
  base: FaultCode,
  message: string,
  options?: { cause?: unknown },
): XRoadFault {
  return new XRoadFault(`${side}.${base}`, message, options)
}

/**
 * Makes a fault of any error. Faults from the other side and codes that already name a side stay as they are; errors of
 * this room keep their code and text; anything else is `internal_error` and tells nothing of its text.
 */
export function prefixed(error: unknown, prefix: string): XRoadFault {
  if (error instanceof XRoadFault) {
    if (error.received || SIDED.test(error.code)) return error
    return new XRoadFault(`${prefix}.${error.code}`, error.message, { cause: error.cause, detail: error.detail })
  }
  if (error instanceof ProtocolError)
    return new XRoadFault(`${prefix}.${FAULT_OF[error.code]}`, error.message, { cause: error })
  return new XRoadFault(
    `${prefix}.internal_error`,
    'Internal error; the log of the security server has the cause under this id',
    { cause: error },
  )
}

/**
 * What is told an information system that sent a fault where a request was due: its own, in lower case and as the client's
 * (wire-client §2.3).
 */
export function returnedFault(sent: XRoadFault): XRoadFault {
  const code = sent.code.toLowerCase()
  return new XRoadFault(code.startsWith('client.') ? code : `client.${code}`, sent.message, { detail: sent.detail })
}

const SIDED = /^(?:client|server\.clientproxy|server\.serverproxy)\./

const FAULT_OF: Record<ProtocolCode, FaultCode> = {
  invalid_xml: 'invalid_xml',
  invalid_soap: 'invalid_soap',
  invalid_soap_action: 'invalid_soap_action',
  invalid_protocol_version: 'invalid_protocol_version',
  missing_header: 'missing_header',
  missing_header_field: 'missing_header_field',
  duplicate_header_field: 'duplicate_header_field',
  missing_body: 'missing_body',
  invalid_body: 'invalid_body',
  inconsistent_headers: 'inconsistent_headers',
  invalid_identifier: 'internal_error',
  incorrect_certificate: 'incorrect_certificate',
  invalid_content_type: 'invalid_content_type',
  invalid_message: 'invalid_message',
  mime_parsing_failed: 'mime_parsing_failed',
  io_error: 'io_error',
  invalid_endpoint: 'internal_error',
  malformed_configuration: 'internal_error',
  invalid_configuration_signature: 'internal_error',
  unknown_configuration_signer: 'internal_error',
  expired_configuration: 'global_conf_outdated',
}

const LEGACY_SIDES: readonly (readonly [legacy: string, current: string])[] = [
  ['Server.ServerProxy.', 'server.serverproxy.'],
  ['Server.ClientProxy.', 'server.clientproxy.'],
  ['Client.', 'client.'],
]

const CURRENT_WORDS: ReadonlyMap<string, string> = new Map(
  // The first entry of a legacy word wins: `NetworkError` is `network_error`, not the newer `unknown_host`.
  Object.entries(FAULTS)
    .map(([code, { legacy }]) => [legacy, code] as const)
    .reverse(),
)

/**
 * The current spelling of a code: servers up to 7.7 write `Server.ServerProxy.AccessDenied` (wire-client §7.1). Codes that
 * are not X-Road's, such as those of a service's own SOAP faults, stay as they are.
 */
export function currentCode(code: string): string {
  for (const [legacy, current] of LEGACY_SIDES) {
    if (!code.startsWith(legacy)) continue
    const words = code.slice(legacy.length).split('.')
    const known = words.every((word) => CURRENT_WORDS.has(word))
    const ofServer = legacy !== 'Client.' && words.every((word) => /^[A-Z][A-Za-z0-9]*$/.test(word))
    if (!known && !ofServer) return code
    return current + words.map((word) => CURRENT_WORDS.get(word) ?? snakeCase(word)).join('.')
  }
  return code
}

/** The spelling of servers up to 7.7, for codes of this server; words outside the catalogue are capitalised. */
export function legacyCode(code: string): string {
  for (const [legacy, current] of LEGACY_SIDES) {
    if (!code.startsWith(current)) continue
    const words = code.slice(current.length).match(/mlog\.[^.]+|[^.]+/g) ?? []
    return legacy + words.map(legacyWord).join('.')
  }
  return code
}

function legacyWord(word: string): string {
  return Object.hasOwn(FAULTS, word) ? FAULTS[word as FaultCode].legacy : word.split(/[._]/).map(capitalise).join('')
}

function capitalise(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1)
}

function snakeCase(word: string): string {
  return word.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase()
}
