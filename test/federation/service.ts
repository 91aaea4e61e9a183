// A service behind a security server that can misbehave on demand: what an information system might really do.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { writeChunk } from '../../security-server/exchange/write.ts'
import { serveSoap, wsdlOf } from './soap.ts'

export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly bodyBytes: number
  readonly bodySha256: string
}

export interface TestService {
  readonly url: string
  readonly seen: readonly SeenRequest[]
  stop(): Promise<void>
  /** Starts again on the same port. */
  start(): Promise<void>
}

const OPENAPI = {
  openapi: '3.0.3',
  info: { title: 'Test', version: '1' },
  paths: {
    '/echo': { get: {}, post: {}, put: {}, delete: {} },
    '/items/{id}': { get: {}, put: {} },
    '/big/{bytes}': { get: {} },
  },
}

/**
 * `/echo` answers what it got; `/big/N` N bytes; `/status/N` status N; `/garbage`, `/cut`, `/cut-body`, `/stall-body/N`, `/never`, `/slow/N`, `/redirect`,
 * `/cookie`, `/claims`, `/items/…` a JSON object; `/soap` the SOAP services of soap.ts; anything else 404.
 */
export async function startService(host = '127.0.0.1'): Promise<TestService> {
  const seen: SeenRequest[] = []
  let port = 0
  const server = createServer((request, response) => void serve(request, response, seen))
  const start = () =>
    new Promise<void>((resolve) => {
      server.listen(port, host, () => {
        port = (server.address() as AddressInfo).port
        resolve()
      })
    })
  await start()
  return {
    get url() {
      return `http://${host}:${port}`
    },
    seen,
    start,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, seen: SeenRequest[]): Promise<void> {
  response.on('error', () => {})
  request.on('error', () => {})
  const hash = createHash('sha256')
  let bodyBytes = 0
  const kept: Buffer[] = []
  try {
    for await (const chunk of request) {
      hash.update(chunk)
      bodyBytes += chunk.length
      if (bodyBytes <= 1024 * 1024) kept.push(chunk)
    }
  } catch {
    return
  }
  const url = request.url ?? ''
  seen.push({
    method: request.method ?? '',
    url,
    rawHeaders: request.rawHeaders,
    bodyBytes,
    bodySha256: hash.digest('hex'),
  })
  const [, name, argument] = url.split('?', 1)[0]?.split('/') ?? []
  const json = (body: unknown) => {
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(body))
  }
  switch (name) {
    case 'openapi.json':
      return json(OPENAPI)
    case 'soap.wsdl':
      return void response.end(wsdlOf(`http://${request.headers.host}/soap`))
    case 'soap':
      return await serveSoap(request, response, Buffer.concat(kept), {
        bytes: bodyBytes,
        sha256: seen.at(-1)?.bodySha256 ?? '',
      })
    case 'echo':
      response.setHeader('Content-Type', request.headers['content-type'] ?? 'text/plain')
      return void response.end(bodyBytes > 0 ? Buffer.concat(kept) : `${request.method} ${url}`)
    case 'count':
      return json({ bytes: bodyBytes, sha256: seen.at(-1)?.bodySha256 })
    case 'items':
      return json({ id: argument, method: request.method })
    case 'big': {
      let left = Number(argument)
      response.setHeader('Content-Type', 'application/octet-stream')
      const block = Buffer.alloc(64 * 1024, 'x')
      while (left > 0 && !response.destroyed) {
        const piece = left >= block.length ? block : block.subarray(0, left)
        left -= piece.length
        if (!(await writeChunk(response, piece))) return
      }
      return void response.end()
    }
    case 'status':
      response.statusCode = Number(argument)
      return void response.end(argument === '204' || argument === '304' ? undefined : `status ${argument}`)
    case 'garbage':
      return void request.socket.end('this is not HTTP\r\n\r\n')
    case 'cut':
      return void request.socket.destroy()
    case 'cut-body':
      response.writeHead(200, { 'Content-Length': String(1024 * 1024) })
      response.write(Buffer.alloc(Number(argument ?? 200_000)))
      return void setTimeout(() => request.socket.destroy(), 50)
    case 'stall-body':
      response.writeHead(200, { 'Content-Length': String(1024 * 1024) })
      return void response.write(Buffer.alloc(Number(argument)))
    case 'never':
      return
    case 'slow':
      return void setTimeout(() => response.end('late'), Number(argument))
    case 'redirect':
      return void response.writeHead(302, { Location: 'http://127.0.0.1:1/elsewhere' }).end()
    case 'cookie':
      return void response.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end(request.headers.cookie ?? 'no cookie')
    case 'claims':
      return void response
        .writeHead(200, { 'X-Road-Id': 'forged', 'x-road-request-hash': 'forged', 'X-Road-Error': 'forged' })
        .end('claims')
    default:
      response.statusCode = 404
      return void response.end('no such thing')
  }
}
