// GET /asic and GET /verificationconf on the information systems' ports (wire-message §8.4).
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Gateway } from '../exchange/gateway.ts'
import { endWith, writeChunk } from '../exchange/write.ts'
import { answerAsic, answerVerificationConf } from '../message-log/index.ts'
import { authenticate } from './identify.ts'

export async function evidenceRoute(
  gateway: Gateway,
  request: IncomingMessage,
  response: ServerResponse,
  path: '/asic' | '/verificationconf',
): Promise<void> {
  request.resume()
  const url = new URL(request.url ?? '', 'http://localhost')
  const answer =
    path === '/asic'
      ? await answerAsic(gateway.messageLog, url, (client) => {
          const here = gateway.configuration.current()?.server(gateway.server)
          authenticate(gateway, here, client, request)
        })
      : await answerVerificationConf(gateway.configuration.current(), gateway.clock.now())
  response.writeHead(answer.status, answer.headers)
  try {
    for await (const chunk of answer.body) {
      if (!(await writeChunk(response, chunk, gateway.idleMs))) return
    }
    endWith(response, undefined, gateway.idleMs)
  } catch (error) {
    // The status is out already: a cut connection is the only honest end of half a container.
    gateway.log.error('evidence could not be served whole', { path, reason: (error as Error).message })
    response.destroy()
  }
}
