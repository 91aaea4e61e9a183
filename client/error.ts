// What can go wrong, told apart by whose it is: X-Road's, the service's own, the network's. Each says what to do.
import { adviceFor, readCode, type Side } from './fault-code.ts'

/** Everything that this client throws, but for TypeErrors: those are mistakes in the calling program. */
export class XRoadClientError extends Error {
  override readonly name: string = 'XRoadClientError'
}

export interface XRoadErrorFacts {
  /** `type` of the REST error, `faultcode` of the SOAP fault. */
  readonly code: string
  readonly text: string
  readonly detail?: string | undefined
  readonly status: number
  readonly header?: string | undefined
}

/**
 * A security server could not exchange the message; the service has not answered (wire-client §3.7, §2.9). Look at
 * `reason` in programs, never at the text.
 */
export class XRoadError extends XRoadClientError {
  override readonly name = 'XRoadError'
  /** As it came: `server.serverproxy.access_denied`, or `Server.ServerProxy.AccessDenied` from servers up to X-Road 7.7. */
  readonly code: string
  /** What happened, in today's spelling without the side: `access_denied`, `signature_verification.invalid_reference`. */
  readonly reason: string
  /** Who refused: your message (`client`), your security server (`consumer`), the other one (`provider`). */
  readonly side: Side
  /** The security server's own words. */
  readonly text: string
  /** The id under which the log of the security server that made the error has the cause. */
  readonly detail: string | undefined
  /** HTTP status: 400 or 500 for REST, 200 for SOAP. */
  readonly status: number
  /** The `X-Road-Error` header; undefined for SOAP. */
  readonly header: string | undefined
  /** What to do about it. */
  readonly advice: string

  constructor({ code, text, detail, status, header }: XRoadErrorFacts) {
    const { side, reason } = readCode(code)
    const advice = adviceFor(side, reason)
    super(`${code}: ${text || 'no text'}${detail ? ` (log id ${detail})` : ''}. ${advice}`)
    this.code = code
    this.reason = reason
    this.side = side
    this.text = text
    this.detail = detail
    this.status = status
    this.header = header
    this.advice = advice
  }
}

/** The SOAP fault of the service itself: the exchange went well, the service refused. It is not signed or logged (wire-client §2.9). */
export class ServiceFault extends XRoadClientError {
  override readonly name = 'ServiceFault'
  /** `faultcode` as the service wrote it, with its prefix: `soap:Server`. */
  readonly code: string
  readonly text: string
  readonly actor: string | undefined
  /** The XML of `detail`, undefined when there is none. */
  readonly detailXml: string | undefined
  /** The whole answer. */
  readonly xml: string

  constructor(fault: {
    code: string
    text: string
    actor?: string | undefined
    detailXml?: string | undefined
    xml: string
  }) {
    super(`The service answered with a fault: ${fault.code}: ${fault.text}`)
    this.code = fault.code
    this.text = fault.text
    this.actor = fault.actor
    this.detailXml = fault.detailXml
    this.xml = fault.xml
  }
}

/** The security server was not reached, or the connection to it ended early. The message may or may not have been executed. */
export class NetworkError extends XRoadClientError {
  override readonly name: string = 'NetworkError'
  /** Node's code: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`. */
  readonly code: string

  constructor(code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}

/** The security server was silent for longer than `timeout`. The message may or may not have been executed. */
export class TimeoutError extends NetworkError {
  override readonly name = 'TimeoutError'
  readonly milliseconds: number

  constructor(milliseconds: number, where: string) {
    super(
      'ETIMEDOUT',
      `${where} was silent for ${milliseconds} ms. The message may have been executed: ask again with the same X-Road-Id only if the service allows it, or raise 'timeout' if the service is known to be slow`,
    )
    this.milliseconds = milliseconds
  }
}

/** What came is no X-Road answer: broken XML or MIME, another protocol. Often something that is no security server stands at that address. */
export class AnswerError extends XRoadClientError {
  override readonly name = 'AnswerError'
  readonly status: number | undefined

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.status = options.status
  }
}
