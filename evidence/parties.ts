// Who must have signed a logged message: the client if it is a request, the provider if it is a response (wire-message §10.2).
import { type ClientId, clientOf, parseRestRequest, parseRestResponse, readLoggedSoap } from '#protocol'
import { EvidenceError } from './error.ts'

export interface Parties {
  readonly protocol: 'REST' | 'SOAP'
  readonly direction: 'request' | 'response'
  readonly signer: ClientId
  /** The message id, `X-Road-Id`; '' in old messages that have none. */
  readonly id: string
}

/** SOAP by its first octet, else a REST head; a digit begins a response. Throws EvidenceError `asic_message_not_found` when it is neither. */
export function partiesOf(message: Uint8Array): Parties {
  const start = Buffer.from(message.subarray(0, 256)).toString('latin1')
  try {
    if (XML.test(start)) return soapParties(message)
    if (/^[1-9]/.test(start)) {
      const { service, id } = parseRestResponse(message)
      return { protocol: 'REST', direction: 'response', signer: clientOf(service), id }
    }
    const { client, id } = parseRestRequest(message)
    return { protocol: 'REST', direction: 'request', signer: client, id }
  } catch (cause) {
    throw new EvidenceError(
      'asic_message_not_found',
      `The message is neither SOAP nor REST: ${(cause as Error).message}`,
      { cause },
    )
  }
}

/** A `<`, or the byte-order mark of UTF-16, which no REST head has. */
const XML = /^(?:\xef\xbb\xbf)?\s*<|^\xff\xfe|^\xfe\xff/

function soapParties(message: Uint8Array): Parties {
  const { client, service, direction, id = '' } = readLoggedSoap(message)
  return { protocol: 'SOAP', direction, signer: direction === 'response' ? clientOf(service) : client, id }
}
