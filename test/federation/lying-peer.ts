// A rogue that takes part in comparisons (wire.ts of the security server): what it says at each step is the test's.
import {
  buildRestResponse,
  collect,
  parseRestRequest,
  type RestRequestHead,
  readTransport,
  restRequestHash,
} from '#protocol'
import { digest } from '#trust'
import { type Answer, honest, httpAnswer, type Rogue, transport } from './rogue.ts'

export interface Asked {
  readonly head: RestRequestHead
  readonly body: Buffer
  /** `runs`, `list`, `values`, `leaves`, `outcome`; the service code of any other request. */
  readonly step: string
}

export interface Said {
  readonly status?: number
  readonly type?: string
  readonly body: Uint8Array
}

/** Answers well-signed with what `say` gives. */
export function saying(rogue: Rogue, say: (asked: Asked) => Said | Promise<Said>): Answer {
  return async (request) => {
    const { head, body } = await readAsked(request)
    const said = await say({ head, body, step: stepOf(head) })
    const response = buildRestResponse({
      status: said.status ?? 200,
      reason: 'Said',
      rawHeaders: ['Content-Type', said.type ?? 'application/json'],
      request: head,
      requestId: head.requestId,
      requestHash: restRequestHash(
        digest('SHA-512', head.bytes),
        body.length === 0 ? undefined : digest('SHA-512', body),
      ),
    })
    return httpAnswer(transport(await honest(rogue, 'response', response.bytes, said.body)))
  }
}

export const json = (value: object, status = 200): Said => ({ status, body: Buffer.from(JSON.stringify(value)) })

function stepOf({ service, servicePath }: RestRequestHead): string {
  if (service.serviceCode !== 'saadikReconciliation') return service.serviceCode
  return servicePath.split('/')[3] ?? 'runs'
}

async function readAsked(request: Buffer): Promise<{ readonly head: RestRequestHead; readonly body: Buffer }> {
  const split = request.indexOf('\r\n\r\n')
  const contentType = /^content-type: (.*)$/im.exec(request.toString('latin1', 0, split))?.[1] ?? ''
  let head: RestRequestHead | undefined
  let body = Buffer.alloc(0)
  for await (const part of readTransport(one(request.subarray(split + 4)), contentType, 'request')) {
    if (part.kind === 'rest-request') head = parseRestRequest(part.bytes)
    if (part.kind === 'rest-body') body = Buffer.from(await collect(part.body, 1 << 26))
  }
  if (head === undefined) throw new Error('no REST request')
  return { head, body }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
