// From what the stages told to what is stored. Done when a batch is stored, off the way of a message.
import { PRODUCT_VERSION } from '../../exchange/version.ts'
import { endpointPath } from './endpoint-path.ts'
import type { Exchange, Outcome } from './exchange.ts'
import { internalAddress } from './internal-address.ts'
import type { OperationalRecord } from './record.ts'

/** X-Road's columns (wire-client §6.1): what is longer is cut, since much of it was chosen by others. */
const MAX_TEXT = 255
const MAX_FAULT_STRING = 2048

/** A finished exchange; what it holds is no longer changed. */
export interface Finished {
  readonly exchange: Exchange
  readonly outcome: Outcome
  readonly responseOutTs: number
}

export function toRecord({ exchange, outcome, responseOutTs }: Finished): OperationalRecord {
  const { client, service } = exchange
  return {
    securityServerInternalIp: internalAddress(),
    securityServerType: exchange.side,
    requestInTs: exchange.requestInTs,
    requestOutTs: exchange.requestOutTs,
    responseInTs: exchange.responseInTs,
    responseOutTs,
    clientXRoadInstance: cut(client?.instance),
    clientMemberClass: cut(client?.memberClass),
    clientMemberCode: cut(client?.memberCode),
    clientSubsystemCode: cut(client?.subsystemCode),
    serviceXRoadInstance: cut(service?.instance),
    serviceMemberClass: cut(service?.memberClass),
    serviceMemberCode: cut(service?.memberCode),
    serviceSubsystemCode: cut(service?.subsystemCode),
    serviceCode: cut(service?.serviceCode),
    serviceVersion: cut(service?.serviceVersion),
    restMethod: cut(exchange.restMethod),
    restPath: cut(restPath(exchange)),
    xRoadVersion: PRODUCT_VERSION,
    representedPartyClass: cut(exchange.representedPartyClass),
    representedPartyCode: cut(exchange.representedPartyCode),
    messageId: cut(exchange.messageId),
    messageUserId: cut(exchange.messageUserId),
    messageIssue: cut(exchange.messageIssue),
    messageProtocolVersion: cut(exchange.messageProtocolVersion),
    clientSecurityServerAddress: cut(exchange.clientSecurityServerAddress),
    serviceSecurityServerAddress: cut(exchange.serviceSecurityServerAddress),
    requestSize: exchange.requestSize,
    responseSize: exchange.responseSize,
    requestMimeSize: exchange.requestMimeSize,
    requestAttachmentCount: exchange.requestAttachmentCount,
    responseMimeSize: exchange.responseMimeSize,
    responseAttachmentCount: exchange.responseAttachmentCount,
    succeeded: outcome.succeeded,
    faultCode: cut(outcome.fault?.code),
    faultString: cut(outcome.fault?.message, MAX_FAULT_STRING),
    xRequestId: cut(exchange.requestId),
    statusCode: exchange.statusCode,
    serviceType: exchange.serviceType,
  }
}

function restPath({ side, restMethod, servicePath, endpoints }: Exchange): string | undefined {
  if (side !== 'Producer' || restMethod === undefined || servicePath === undefined) return undefined
  return endpointPath(restMethod, servicePath, endpoints)
}

function cut(text: string | undefined, length = MAX_TEXT): string | undefined {
  // A cut in the middle of a surrogate pair would not be UTF-8.
  return text === undefined || text.length <= length ? text : text.slice(0, length).toWellFormed()
}
