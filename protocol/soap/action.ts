// SOAPAction (SOAP 1.1 §6.1.1, wire-client §2.4): it travels with a request and decides nothing.
import { ProtocolError } from '../error.ts'

/** A quoted URI reference: RFC 3986 characters and whole escapes, one fragment at most. */
const QUOTED =
  /^"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?[\]]|%[0-9A-Fa-f]{2})*(?:#(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?"$/

/**
 * The value as it is passed on: the one that came, or '' when none did.
 *
 * @throws ProtocolError `invalid_soap_action`: neither empty nor a URI in double quotes.
 */
export function checkSoapAction(value: string | undefined): string {
  if (value === undefined || value === '') return ''
  if (QUOTED.test(value)) return value
  throw new ProtocolError('invalid_soap_action', 'SOAPAction is neither empty nor a URI in double quotes')
}
