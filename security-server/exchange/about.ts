// What an exchange is about, as its request says and the log keeps beside the evidence, so that it can be found.
import { encodeIdPart, type RestRequestHead, type SoapMessage } from '#protocol'
import type { ExchangeFacts } from '../message-log/index.ts'

export function aboutRest(head: RestRequestHead): ExchangeFacts {
  const { client, service, userId, issue, representedParty } = head
  return { protocol: 'rest', client, service, ...given({ userId, issue, representedParty }) }
}

export function aboutSoap(message: SoapMessage): ExchangeFacts {
  const { client, service, userId, issue, representedParty } = message
  const parts = [representedParty?.partyClass, representedParty?.partyCode].filter((part) => part !== undefined)
  const represented = parts.length === 0 ? undefined : parts.map(encodeIdPart).join('/')
  return { protocol: 'soap', client, service, ...given({ userId, issue, representedParty: represented }) }
}

/** An empty header says nothing. */
function given(
  texts: Record<string, string | undefined>,
): Pick<ExchangeFacts, 'userId' | 'issue' | 'representedParty'> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined && text !== ''))
}
