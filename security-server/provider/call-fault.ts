// What it means that a service could not be called, or not be heard to the end.
import { fault, XRoadFault } from '#protocol'
import { NoPlaceError } from './places.ts'

const SIDE = 'server.serverproxy'

/** By SOAP the service has failed; REST has no such word in its codes (wire-client §3.7, last line but one). */
export type CallSide = typeof SIDE | `${typeof SIDE}.service_failed`

export function callFault(error: unknown, side: CallSide): XRoadFault {
  if (error instanceof XRoadFault) return error
  if (error instanceof NoPlaceError)
    return fault(side, 'io_error', `The service is not fast enough for what it is asked: ${error.message}`, {
      cause: error,
    })
  const { code = '', message } = error as Error & { code?: string }
  const tell = (base: Parameters<typeof fault>[1], what: string) =>
    fault(side, base, `${what}: ${message}`, { cause: error })
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return tell('unknown_host', 'The host of the service is unknown')
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT')
    return tell('io_error', 'The service did not answer in time')
  if (/^(ERR_TLS|ERR_SSL|EPROTO|UNABLE_TO_|HOSTNAME_)|CERT|SIGNATURE/.test(code))
    return tell('ssl_authentication_failed', 'The TLS connection to the service failed')
  if (
    code.startsWith('HPE_') ||
    code === 'UND_ERR_SOCKET' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH' ||
    code === 'UND_ERR_HEADERS_OVERFLOW'
  )
    return tell('io_error', 'The service broke the connection or did not answer in HTTP')
  if (code.startsWith('E') || code.startsWith('UND_ERR_CONNECT'))
    return tell('network_error', 'The service could not be reached')
  return tell('io_error', 'The call of the service failed')
}
