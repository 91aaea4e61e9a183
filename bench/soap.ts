// SOAP: small messages, long attachments, and what reading and verifying one message costs.
import { Agent, request } from 'undici'
import { type MessageSignature, signMessages, verifyMessage } from '#evidence'
import { readSoap } from '#protocol'
import { digest } from '#trust'
import { CLIENT, type Pair, startPair } from '../test/federation/pair.ts'
import { envelope, multipart } from '../test/federation/soap.ts'
import { foundCountry, NOW, CLIENT as SIGNER } from '../test/unit/evidence/authority.ts'
import { floor } from './crypto.ts'
import { load, warmUp } from './load.ts'
import { pssMegabytes } from './proc.ts'

const ATTACHMENT = 10_000_000
const SMALL = envelope('echo', 'bench', { body: `<mark>${'m'.repeat(1_200)}</mark>` })
const TYPE = 'text/xml; charset=utf-8'

export async function run(): Promise<void> {
  await readAndVerify()
  const pair = await startPair({
    algorithm: 'EC-P256',
    services: (url) => [{ wsdl: `${url}/soap.wsdl`, timeoutSeconds: 60, access: [{ subject: CLIENT }] }],
  })
  const agent = new Agent({ connections: 64, pipelining: 1 })
  const post = async (body: string | Buffer, contentType: string) => {
    const answer = await request(pair.consumer.client, {
      method: 'POST',
      body,
      headers: { 'Content-Type': contentType },
      dispatcher: agent,
    })
    const text = await answer.body.text()
    if (answer.statusCode !== 200 || text.includes('Fault>')) throw new Error(text.slice(0, 500))
  }
  try {
    await small(pair, () => post(SMALL, TYPE))
    await attached(pair, post)
  } finally {
    await agent.close()
    await pair.stop()
  }
}

async function small(pair: Pair, one: () => Promise<void>): Promise<void> {
  await warmUp(one, 5_000)
  for (const concurrency of [16, 64]) {
    const raw = floor('EC-P256').exchangeMicros
    const now = await load(pair, one, concurrency, 8)
    console.log(
      `SOAP ${SMALL.length} bytes, EC-P256, ${concurrency} at once: ${now.perSecond.toFixed(0)} exchanges/s, p50 ${now.p50.toFixed(1)} ms, p99 ${now.p99.toFixed(1)} ms; CPU ${now.total.toFixed(0)} µs per exchange, ${(now.total / raw).toFixed(2)} × the raw cryptography`,
    )
  }
}

async function attached(pair: Pair, post: (body: Buffer, contentType: string) => Promise<void>): Promise<void> {
  const body = multipart('bench', [
    ['Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <m>', envelope('count', 'bench')],
    ['Content-Type: application/octet-stream\r\nContent-ID: <a>', Buffer.alloc(ATTACHMENT, 'a')],
  ])
  const contentType = 'multipart/related; type="text/xml"; start="<m>"; boundary=bench'
  const servers = [pair.consumer, pair.provider]
  const before = servers.map((server) => pssMegabytes(server.process.pid))
  let most = [...before]
  const watch = setInterval(() => {
    most = servers.map((server, index) => Math.max(most[index] ?? 0, pssMegabytes(server.process.pid)))
  }, 100)
  const now = await load(pair, () => post(body, contentType), 4, 8).finally(() => clearInterval(watch))
  const grown = most.map((megabytes, index) => (megabytes - (before[index] ?? 0)).toFixed(0))
  console.log(
    `SOAP with an attachment of 10 MB, 4 at once: ${now.perSecond.toFixed(1)} exchanges/s, ${((now.perSecond * ATTACHMENT) / 1e6).toFixed(0)} MB/s, CPU ${(now.total / 1000).toFixed(0)} ms per exchange; consumer +${grown[0]} MB, provider +${grown[1]} MB`,
  )
}

/** Both a message signed alone and one of a round of 16, whose signature is proven once. */
async function readAndVerify(): Promise<void> {
  const country = foundCountry('EC-P256')
  const signer = await country.signer(country.member('EC-P256'))
  const bytes = Buffer.from(SMALL)
  const parts = [{ name: '/message.xml', digest: digest('SHA-512', bytes), bytes }]
  for (const size of [1, 16]) {
    const rounds: MessageSignature[] = []
    for (let round = 0; round < 3_000 / size; round += 1)
      rounds.push(
        ...(await signMessages(
          Array.from({ length: size }, () => parts),
          signer,
          NOW,
        )),
      )
    const judge = ({ xml, chain, chainResult }: MessageSignature) => {
      readSoap(bytes, TYPE)
      verifyMessage({
        signature: xml,
        ...(chain && chainResult ? { chain, chainResult } : {}),
        parts: [{ name: '/message.xml', digest: digest('SHA-512', bytes), bytes }],
        signer: SIGNER,
        trust: country.trust,
        at: NOW,
      })
    }
    const warm = rounds.splice(0, 1_500)
    warm.forEach(judge)
    const start = process.cpuUsage()
    rounds.forEach(judge)
    const { user, system } = process.cpuUsage(start)
    console.log(
      `SOAP ${bytes.length} bytes read and verified, EC-P256, ${size === 1 ? 'signed alone' : `one of ${size} under a signature`}: ${((user + system) / rounds.length).toFixed(0)} µs`,
    )
  }
}
