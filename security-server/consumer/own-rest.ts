// Consumer: what this server asks itself of another one, as one of its clients. The exchange is like any other: signed, logged, verified.
import { buildRestRequest, type ClientId, idKey, prefixed, type ServerId, shortId } from '#protocol'
import { aboutRest } from '../exchange/about.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { note } from '../exchange/refusals.ts'
import { answered, watchRest } from '../exchange/watched.ts'
import type { BodyReference } from '../message-log/index.ts'
import { identifyOwn, locate, prepared } from './identify.ts'
import { receive } from './receive.ts'
import { answerTo, contentOf } from './rest.ts'
import { send } from './send.ts'

const SIDE = 'server.clientproxy'

export interface OwnQuestion {
  readonly client: ClientId
  /** A subsystem of the other member, and the server of it that is meant. */
  readonly provider: ClientId
  readonly server: ServerId
  /** `CODE/path`, as it stands in the target. */
  readonly servicePath: string
  /** Absent for none. */
  readonly body?: { readonly type: string; readonly bytes: Uint8Array }
  /** Ends it. */
  readonly signal: AbortSignal
}

export interface OwnAnswer {
  readonly status: number
  /** Of the answer's record in the message log. */
  readonly seq: number
  /** Whole, and at most as long as it may be. */
  readonly body: Uint8Array
}

/** Asks by POST. Throws XRoadFault; what is longer than `most` octets too. */
export async function askOther(gateway: Gateway, question: OwnQuestion, most: number): Promise<OwnAnswer> {
  const { client, provider, server, servicePath, body, signal } = question
  const requestId = crypto.randomUUID()
  const watched = gateway.monitoring.begin('Client')
  watched.requestId = requestId
  watched.stage('identify')
  let answer: BodyReference | undefined
  try {
    const configuration = prepared(gateway)
    const head = buildRestRequest({
      method: 'POST',
      target: `/r1/${idKey(provider)}/${servicePath}`,
      rawHeaders: [
        ...['X-Road-Client', idKey(client), 'X-Road-Security-Server', idKey(server)],
        ...(body === undefined ? [] : ['Content-Type', body.type]),
      ],
      requestId,
      newId: () => `${gateway.server.instance}-${crypto.randomUUID()}`,
    })
    watchRest(watched, head)
    watched.serviceType = 'REST'
    const located = locate(identifyOwn(gateway, configuration, head, { requestId, about: aboutRest(head), watched }))
    const start = body && { head: [body.bytes], size: body.bytes.length, rest: undefined }
    const sent = await send(gateway, located, signal, contentOf(head, start))
    const recorded = await receive(gateway, sent, { ...answerTo(sent), mostAttached: () => most })
    answer = recorded.body
    watched.statusCode = recorded.answer.status
    watched.responseOutTs = gateway.clock.now().getTime()
    const bytes = await whole(gateway, answer)
    gateway.counters.count('consumer', 'ok')
    gateway.monitoring.finish(watched, answered(watched.statusCode))
    return { status: recorded.answer.status, seq: recorded.seq, body: bytes }
  } catch (error) {
    const refusal = prefixed(error, SIDE)
    gateway.monitoring.finish(watched, { succeeded: false, fault: refusal })
    note(gateway, 'consumer', refusal, { requestId, provider: shortId(provider) })
    throw refusal
  } finally {
    if (answer !== undefined) await gateway.messageLog.drop(answer)
  }
}

async function whole(gateway: Gateway, body: BodyReference | undefined): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array(0)
  const chunks: Uint8Array[] = []
  for await (const chunk of gateway.messageLog.read(body)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
