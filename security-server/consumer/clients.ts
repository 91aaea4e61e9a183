// GET /listClients on the information systems' ports, for whoever asks there (PR-META §2, wire-client §4.1).
import type { IncomingMessage, ServerResponse } from 'node:http'
import { prefixed } from '#protocol'
import { type Gateway, validConfiguration } from '../exchange/gateway.ts'
import { note, sendSoapFault } from '../exchange/refusals.ts'
import { endWith } from '../exchange/write.ts'
import { listClients } from '../metadata/index.ts'

const SIDE = 'server.clientproxy'

/** A fault is told as SOAP with status 200, also to those who wanted JSON. */
export function clientsRoute(gateway: Gateway, request: IncomingMessage, response: ServerResponse): void {
  request.resume()
  try {
    const asked = { target: request.url ?? '', accept: request.headers.accept }
    const { status, contentType, body } = listClients(asked, validConfiguration(gateway, SIDE))
    response.writeHead(status, ['Content-Type', contentType, 'Content-Length', String(body.length)])
    endWith(response, body, gateway.idleMs)
  } catch (error) {
    const refusal = prefixed(error, SIDE)
    note(gateway, 'consumer', refusal, { path: '/listClients' })
    sendSoapFault(gateway, response, refusal, false)
  }
}
