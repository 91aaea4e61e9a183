// GET /asic and GET /verificationconf on the information systems' ports (wire-message §8.4).
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ClientId } from '#protocol'
import type { Gateway } from '../exchange/gateway.ts'
import { endWith, writeChunk } from '../exchange/write.ts'
import { answerAsic, answerVerificationConf, type EvidenceAnswer } from '../message-log/index.ts'
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
      ? await asic(gateway, url, request)
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

/** Where archives are encrypted, so is what is handed out of the log, to whom an archive of that member would be. */
async function asic(gateway: Gateway, url: URL, request: IncomingMessage): Promise<EvidenceAnswer> {
  let owner: ClientId | undefined
  const answer = await answerAsic(gateway.messageLog, url, (client) => {
    const here = gateway.configuration.current()?.server(gateway.server)
    authenticate(gateway, here, client, request)
    owner = client
  })
  const { ending = '', seal } = gateway.archive?.sealer ?? {}
  if (answer.status !== 200 || seal === undefined || ending === '') return answer
  const { headers, body } = answer
  const disposition = headers['content-disposition']?.replace(/"$/, `${ending}"`) ?? 'attachment'
  return {
    status: 200,
    headers: { 'content-type': 'application/octet-stream', 'content-disposition': disposition },
    body: seal(owner, body),
  }
}
