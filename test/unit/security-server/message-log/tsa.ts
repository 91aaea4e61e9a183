// A time-stamping authority in the test's own process, which can refuse, stall, sign the wrong thing, and count.
import 'reflect-metadata'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import * as x509 from '@peculiar/x509'
import { buildTimestampResponse, type Certificate, oids, parseTimestampRequest, timestampRejection } from '#trust'
import { atEnd } from './fixture.ts'
import { ecdsa, issue, signWith } from './member.ts'

export type Behaviour = 'good' | 'http-500' | 'rejects' | 'garbage' | 'other-imprint' | 'other-key' | 'hangs-up'

export interface TestTsa {
  readonly name: string
  readonly url: string
  readonly certificate: Certificate
  behaviour: Behaviour
  /** Imprints asked for, in order. */
  readonly asked: Uint8Array[]
  genTime: Date
}

const EXTENSIONS = () => [
  new x509.ExtendedKeyUsageExtension([oids.timeStamping], true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
]

export async function startTsa(t: TestContext, name = 'Test TSA'): Promise<TestTsa> {
  const own = await issue(`CN=${name}`, EXTENSIONS())
  const other = await issue(`CN=${name}`, EXTENSIONS())
  let serial = 1n
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const query = parseTimestampRequest(Buffer.concat(chunks))
    tsa.asked.push(query.imprint)
    serial += 1n
    if (tsa.behaviour === 'hangs-up') return void request.socket.destroy()
    const asked =
      tsa.behaviour === 'other-imprint' ? parseTimestampRequest(changeImprint(Buffer.concat(chunks))) : query
    const body =
      tsa.behaviour === 'garbage'
        ? Buffer.from('no time-stamp')
        : tsa.behaviour === 'rejects'
          ? timestampRejection('systemFailure', 'not today')
          : await buildTimestampResponse(
              {
                request: asked,
                tsa: own.certificate,
                policy: '1.2.3.4',
                serialNumber: serial,
                genTime: tsa.genTime,
                algorithm: ecdsa('256'),
              },
              (data) => signWith((tsa.behaviour === 'other-key' ? other : own).key, '256', data),
            )
    response.writeHead(tsa.behaviour === 'http-500' ? 500 : 200, { 'content-type': 'application/timestamp-reply' })
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => {
    server.closeAllConnections()
    server.close()
  })
  const tsa: TestTsa = {
    name,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    certificate: own.certificate,
    behaviour: 'good',
    asked: [],
    genTime: new Date('2026-03-01T12:00:05Z'),
  }
  return tsa
}

/** The imprint is the last value of a request that has nothing optional. */
function changeImprint(request: Buffer): Buffer {
  const changed = Buffer.from(request)
  changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
  return changed
}
