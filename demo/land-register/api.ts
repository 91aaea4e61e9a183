// What the land register answers over HTTP: its WSDL, its health, and SOAP.
import type { RequestListener, ServerResponse } from 'node:http'
import { answerSoap, type SoapService } from '../soap/endpoint.ts'
import { sendWsdl } from '../soap/wsdl.ts'
import { LAND_WSDL } from './soap.ts'
import type { LandStore } from './store.ts'

export interface AccessLine {
  readonly method: string
  readonly path: string
  readonly status: number
}

/** The request listener; `logged` hears one line per answer, without query or body. */
export function landApi(
  service: SoapService,
  store: Pick<LandStore, 'count'>,
  logged: (line: AccessLine) => void,
): RequestListener {
  return (request, response) => {
    const method = request.method ?? 'GET'
    const path = URL.parse(request.url ?? '/', 'http://register')?.pathname ?? ''
    response.on('finish', () => logged({ method, path, status: response.statusCode }))
    const answer = async (): Promise<void> => {
      if (method === 'POST' && path === '/soap') return answerSoap(service, request, response)
      if (method === 'GET' && path === '/land.wsdl') return sendWsdl(LAND_WSDL, request, response)
      if (method === 'GET' && path === '/health') return plain(response, 200, `${store.count()} properties`)
      plain(response, 404, 'SOAP is posted to /soap, as /land.wsdl says')
    }
    answer().catch(() => (response.headersSent ? response.destroy() : plain(response, 500, 'the register failed')))
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`)
}
