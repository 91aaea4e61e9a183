// Codes as labels: what a peer or a service writes into a fault must not become as many time series as it likes.
import { currentCode, FAULTS } from '#protocol'

export interface FaultFamily {
  /** Whose fault: the information system's, the consumer's server's, the provider's server's, or the service's own. */
  readonly where: 'client' | 'clientproxy' | 'serverproxy' | 'service'
  /** A code of the catalogue, or `other`. */
  readonly fault: string
}

const SIDE = /^(client|server\.clientproxy|server\.serverproxy)\.(?:service_failed\.)?/

/** Of any code in either spelling. There are four times as many families as codes in the catalogue, at most. */
export function faultFamily(code: string): FaultFamily {
  const current = currentCode(code)
  const side = SIDE.exec(current)
  if (side === null) return { where: 'service', fault: 'other' }
  const where = (side[1] as string).replace('server.', '') as FaultFamily['where']
  const words = current.slice(side[0].length)
  // Sub-codes say more than a graph needs: signature_verification.invalid_signature_value.
  const [first = ''] = words.split('.')
  const fault = [words, first].find((word) => Object.hasOwn(FAULTS, word)) ?? 'other'
  return { where, fault }
}
