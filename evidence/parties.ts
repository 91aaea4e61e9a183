// Who must have signed a logged message: the client if it is a request, the provider if it is a response (wire-message §10.2).
import { type ClientId, clientOf, parseRestRequest, parseRestResponse } from '#protocol'
import { EvidenceError } from './error.ts'
import { readSoapHead } from './soap-head.ts'

export interface Parties {
  readonly protocol: 'REST' | 'SOAP'
  readonly direction: 'request' | 'response'
  readonly signer: ClientId
}

/** SOAP by its first octet, else a REST head; a digit begins a response. Throws EvidenceError `asic_message_not_found` when it is neither. */
export function partiesOf(message: Uint8Array): Parties {
  const start = Buffer.from(message.subarray(0, 256))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
  try {
    if (start.startsWith('<')) return soapParties(message)
    if (/^[1-9]/.test(start))
      return { protocol: 'REST', direction: 'response', signer: clientOf(parseRestResponse(message).service) }
    return { protocol: 'REST', direction: 'request', signer: parseRestRequest(message).client }
  } catch (cause) {
    throw new EvidenceError(
      'asic_message_not_found',
      `The message is neither SOAP nor REST: ${(cause as Error).message}`,
      { cause },
    )
  }
}

function soapParties(message: Uint8Array): Parties {
  const { client, provider, content } = readSoapHead(message)
  const isResponse = content.endsWith('Response')
  const signer = isResponse ? provider : client
  if (signer === undefined) throw new Error(`a SOAP message without ${isResponse ? 'service' : 'client'}`)
  return { protocol: 'SOAP', direction: isResponse ? 'response' : 'request', signer }
}
