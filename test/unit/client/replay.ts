// A socket that answers every request with given bytes: what a security server was recorded to answer, or what none should.
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { createClient, type XRoadClient } from '#client'

export interface Replayed {
  readonly xroad: XRoadClient
  readonly url: string
  /** What the client sent. */
  readonly seen: { method: string; url: string; headers: NodeJS.Dict<string | string[]>; body: Buffer }[]
}

export async function replay(
  t: TestContext,
  answer: Uint8Array | string | ((socket: Socket) => void),
  client = 'TEST/COM/2222/CLI',
): Promise<Replayed> {
  const seen: Replayed['seen'] = []
  const server = createServer(async (request) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const { method = '', url = '', headers } = request
    seen.push({ method, url, headers, body: Buffer.concat(pieces) })
    if (typeof answer === 'function') answer(request.socket)
    else request.socket.end(answer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const xroad = createClient({ securityServer: url, client, timeout: 5000 })
  t.after(() => {
    xroad.close()
    server.close()
    server.closeAllConnections()
  })
  return { xroad, url, seen }
}

/** A whole HTTP answer. */
export function answer(type: string, body: Uint8Array | string, head = 'HTTP/1.1 200 OK'): Buffer {
  const bytes = Buffer.from(body)
  return Buffer.concat([
    Buffer.from(`${head}\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\nConnection: close\r\n\r\n`),
    bytes,
  ])
}
