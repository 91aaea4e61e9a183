// Consumer, last stage: the logged response goes to the information system with the service's status, reason and headers.
import type { ServerResponse } from 'node:http'
import type { Gateway } from '../exchange/gateway.ts'
import { endWith, writeChunk } from '../exchange/write.ts'
import type { BodyReference } from '../message-log/index.ts'
import type { Recorded } from './receive.ts'

/** Writes the answer; resolves when it is out or the information system has gone (then the log still has it). */
export async function deliver(gateway: Gateway, response: Recorded, to: ServerResponse): Promise<void> {
  const { head, body } = response
  const headers = head.headers.flat()
  if (head.headers.some(([name]) => name.toLowerCase() === 'date')) to.sendDate = false
  if (body !== undefined) headers.push('Content-Length', String(body.size))
  else if (head.status !== 204 && head.status !== 304 && to.req.method !== 'HEAD') headers.push('Content-Length', '0')
  to.writeHead(head.status, head.reason, headers)
  if (body === undefined || body.inline !== undefined) return endWith(to, body?.inline, gateway.idleMs)
  try {
    await copy(gateway, body, to)
  } finally {
    // A record keeps it; one beyond the logging limit has done its work.
    await gateway.messageLog.drop(body)
  }
}

async function copy(gateway: Gateway, body: BodyReference, to: ServerResponse): Promise<void> {
  for await (const chunk of gateway.messageLog.read(body)) {
    if (!(await writeChunk(to, chunk, gateway.idleMs))) return
  }
  endWith(to, undefined, gateway.idleMs)
}
