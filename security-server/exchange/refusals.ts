// From what went wrong inside a room to the fault that is told outside (design: render at the edge only).
import type { Side } from '#protocol'
import { XRoadFault } from '#protocol'
import { LogError } from '../message-log/index.ts'

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
