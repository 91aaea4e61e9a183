// What a SOAP service of the demo answers when it cannot do as asked (SOAP 1.1 §4.4).

export class SoapFault extends Error {
  /** `Client`: the message is wrong and would be again. `Server`: not the message's fault; asking later may help. */
  readonly code: 'Client' | 'Server'
  /** A word for programs, in the fault's detail: `unknown_person`. */
  readonly reason: string

  constructor(code: SoapFault['code'], reason: string, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SoapFault'
    this.name = 'SoapFault'
    this.code = code
    this.reason = reason
  }
}

export const refused = (message: string, options?: { cause?: unknown }) =>
  new SoapFault('Client', 'invalid_message', message, options)
