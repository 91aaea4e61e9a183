// Refusals: from what went wrong inside a room to the fault that is told outside, and how it is written (design: render at the edge only).
import type { ServerResponse } from 'node:http'
import type { Side } from '#protocol'
import { writeSoapFault, XRoadFault } from '#protocol'
import { LogError } from '../message-log/index.ts'
import type { Gateway } from './gateway.ts'
import { endWith } from './write.ts'

/** A fault that came from the other side, with its document: whoever asked by SOAP gets it byte for byte (wire-client §2.9). */
export class ReceivedFault extends XRoadFault {
  readonly document: Uint8Array

  constructor({ code, message, detail }: XRoadFault, document: Uint8Array) {
    super(code, message, { detail, received: true })
    this.document = document
  }
}

/** The log would not take a record: the exchange does not happen (design: the way of a message). */
export function logRefusal(side: Side, error: unknown): XRoadFault {
  if (error instanceof XRoadFault) return error
  const suffix = error instanceof LogError && error.faultCode !== undefined ? `.${error.faultCode}` : ''
  return new XRoadFault(
    `${side}.logging_failed${suffix}`,
    `The message could not be logged: ${(error as Error).message}`,
    { cause: error },
  )
}

/** Counts a refusal and tells the operator of it, with the cause that nobody outside learns. */
export function note(gateway: Gateway, side: 'consumer' | 'provider', refusal: XRoadFault, facts: object): void {
  gateway.counters.count(side, refusal.code)
  const cause = refusal.cause instanceof Error ? refusal.cause.message : undefined
  gateway.log.warn('exchange refused', {
    side,
    code: refusal.code,
    id: refusal.detail,
    reason: refusal.message,
    cause,
    ...facts,
  })
}

/** A bare SOAP fault, whose status is always 200 (wire-message §2.2, wire-client §2.9). */
export function sendSoapFault(gateway: Gateway, response: ServerResponse, refusal: XRoadFault, last: boolean): void {
  const body = refusal instanceof ReceivedFault ? refusal.document : writeSoapFault(refusal)
  const headers = ['Content-Type', 'text/xml;charset=utf-8', 'SOAPAction', '', 'Content-Length', String(body.length)]
  if (last) headers.push('Connection', 'close')
  response.writeHead(200, headers)
  endWith(response, body, gateway.idleMs)
}
