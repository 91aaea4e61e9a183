// What monitoring learns of an exchange: plain assignments as the stages go by, so that watching costs next to nothing (docs/monitoring.md).
import type { RestRequestHead, SoapMessage } from '#protocol'
import type { Outcome, Exchange as Watched } from '../monitoring/index.ts'
import type { Signed } from './record.ts'

export type { Watched }

/** Who asks whom for what, by REST. */
export function watchRest(watched: Watched, head: RestRequestHead): void {
  watched.requestId = head.requestId
  watched.client = head.client
  watched.service = head.service
  watched.restMethod = head.method
  watched.messageId = head.id
  watched.messageUserId = head.userId
  watched.messageIssue = head.issue
  // Of PR-REST, which is the only one so far.
  watched.messageProtocolVersion = '1'
  if (head.representedParty === undefined) return
  // `[class/]code`; that it can be decoded was seen when the head was read.
  const parts = head.representedParty.split('/').map(decodeURIComponent)
  watched.representedPartyCode = parts.pop()
  watched.representedPartyClass = parts.pop()
}

/** The same by SOAP, where the request id is not in the message. */
export function watchSoap(watched: Watched, message: SoapMessage): void {
  watched.serviceType = 'WSDL'
  watched.client = message.client
  watched.service = message.service
  watched.messageId = message.id
  watched.messageUserId = message.userId
  watched.messageIssue = message.issue
  watched.messageProtocolVersion = message.protocolVersion
  watched.representedPartyClass = message.representedParty?.partyClass
  watched.representedPartyCode = message.representedParty?.partyCode
}

/** How large a message is, once it is whole. */
export function measure(watched: Watched, { direction, head, body }: Signed): void {
  const rest = watched.restMethod !== undefined
  const size = rest && body !== undefined ? head.length + body.size : head.length
  const mimeSize = rest || body === undefined ? undefined : head.length + body.size
  const attachments = rest || body === undefined ? 0 : (body.parts?.length ?? 1)
  if (direction === 'request') {
    watched.requestSize = size
    watched.requestMimeSize = mimeSize
    watched.requestAttachmentCount = attachments
  } else {
    watched.responseSize = size
    watched.responseMimeSize = mimeSize
    watched.responseAttachmentCount = attachments
  }
}

const WELL: Outcome = { succeeded: true }
const ILL: Outcome = { succeeded: false }

/** How an exchange ended that had an answer. @param status Of the service's, by REST. */
export function answered(status: number | undefined): Outcome {
  return status === undefined || status < 400 ? WELL : ILL
}
