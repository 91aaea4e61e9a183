// Port 5577: OCSP answers for this server's certificates and for the CAs above them, to other security servers (wire-message §1.6).
// Plain HTTP by the protocol: the answers are public and signed by their responder.
import { createServer, type Server, type ServerResponse } from 'node:http'
import { mimeTypes, randomBoundary, transportWriter } from '#protocol'
import type { Certificate } from '#trust'
import { isCurrent } from '../certificates/ocsp-answers.ts'
import type { Gateway } from '../exchange/gateway.ts'

const MAX_CERTIFICATES = 16

export function createOcspListener(gateway: Gateway): Server {
  const server = createServer(
    { maxHeaderSize: 16 * 1024, keepAliveTimeout: 5_000, requestTimeout: 30_000, headersTimeout: 10_000 },
    (request, response) => {
      request.resume()
      response.on('error', () => {})
      if (request.method === 'HEAD') return void response.writeHead(200).end()
      if (request.method !== 'GET') return refuse(response, `Method ${request.method} is not supported`)
      answer(gateway, queryOf(request.url ?? ''), response).catch((error: Error) => {
        gateway.log.info('OCSP look-up refused', { peer: request.socket.remoteAddress, reason: error.message })
        refuse(response, error.message)
      })
    },
  )
  server.on('clientError', (_error, socket) => socket.destroy())
  return server
}

/** Not by way of URL, which throws for targets like `//`. */
function queryOf(target: string): URLSearchParams {
  const mark = target.indexOf('?')
  return new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1))
}

/** All or nothing, in the order asked. SHA-1 in `cert` is the protocol; `cert_hash` (SHA-256) serves who sends only that. */
async function answer(gateway: Gateway, query: URLSearchParams, response: ServerResponse): Promise<void> {
  const bySha1 = query.getAll('cert')
  const wanted = bySha1.length > 0 ? bySha1 : query.getAll('cert_hash')
  if (wanted.length === 0) throw new Error('No certificate was asked for')
  if (wanted.length > MAX_CERTIFICATES) throw new Error(`More than ${MAX_CERTIFICATES} certificates were asked for`)
  const answers: Uint8Array[] = []
  for (const hash of wanted) answers.push(await find(gateway, hash.toLowerCase()))
  const boundary = randomBoundary('xtop')
  const writer = transportWriter(boundary)
  const body = Buffer.concat([...answers.map((der) => writer.part(mimeTypes.ocspResponse, der)), writer.end()])
  response.writeHead(200, {
    'Content-Type': `multipart/related; type="application/ocsp-response"; charset=UTF-8; boundary=${boundary}`,
    'Content-Length': body.length,
  })
  response.end(body)
}

async function find(gateway: Gateway, hash: string): Promise<Uint8Array> {
  const certificate = ours(gateway).find((one) => one.sha1 === hash || one.sha256 === hash)
  if (certificate === undefined) throw new Error('No OCSP response is known for one of the certificates')
  const configuration = gateway.configuration.current()
  if (configuration === undefined) throw new Error('There is no global configuration yet')
  // Those of the own certificates are kept fresh by the keyring; a CA's is fetched when somebody asks and it has gone stale.
  const known = gateway.answers.bySha1(certificate.sha1)
  return known !== undefined && isCurrent(certificate, known, configuration, gateway.clock.now())
    ? known
    : await gateway.answers.fetch(certificate, configuration)
}

/** What may be asked: own certificates and approved CAs; never an open relay to responders. */
function ours(gateway: Gateway): readonly Certificate[] {
  const own = gateway.keyring.authentication()?.chain ?? []
  const authorities = gateway.configuration.current()?.trust.authorities.map((authority) => authority.certificate) ?? []
  return [...own, ...gateway.keyring.certificates(), ...authorities]
}

function refuse(response: ServerResponse, message: string): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(500, { 'Content-Type': 'text/plain; charset=utf-8' })
  response.end(message)
}
