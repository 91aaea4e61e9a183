// The reference's own traffic: with the recorded keys, configuration and clock, our server answers the recorded request bytes with the recorded
// response heads (../shared/vectors/recorded). OCSP responder, TSA, configuration source and service are played from the recording.
import assert from 'node:assert/strict'
import { createPrivateKey, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { createServer as createTcp, type Server as TcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { verifyMessage } from '#evidence'
import { createLog, type Lifecycle } from '#host'
import {
  collect,
  parseRestResponse,
  parseSharedParameters,
  readSoapFault,
  readTransport,
  trustMaterial,
} from '#protocol'
import {
  buildOcspResponse,
  buildTimestampResponse,
  digest,
  parseCertificate,
  parseOcspRequest,
  parseTimestampRequest,
  signatureFor,
} from '#trust'
import { securityServerSchema } from '../../security-server/config.ts'
import { type RunningSecurityServer, startSecurityServer } from '../../security-server/server.ts'
import { freshAddress } from '../federation/process.ts'
import { startSigner } from '../federation/state.ts'
import { haveVectors, needsVectors, vector, vectorPath } from '../vectors.ts'

/** After the last exchange; the recorded OCSP answers are fresh for an hour (recorded/clock.txt). */
const NOW = new Date('2026-11-23T14:25:45Z')
const clock = { now: () => NOW }
const NAMES = [
  'rest-get',
  'rest-post',
  'rest-get-noid',
  'rest-delete-204',
  'rest-get-empty200',
  'rest-head',
  'rest-get-404',
  'rest-get-batch-a',
  'rest-get-batch-b',
  'rest-post-batch-a',
  'fault-rest-access-denied',
  'fault-rest-unknown-service',
  'fault-rest-service-down',
  'soap-simple',
  'soap-optional-headers',
  'soap-attachment-request',
  'soap-attachment-both',
  'soap-batch-a',
  'soap-batch-b',
  'soap-batch-d',
  'soap-attachment-batch-a',
  'soap-attachment-batch-b',
  'soap-attachment-batch-c',
  'soap-service-fault',
  'fault-soap-access-denied',
  'fault-soap-unknown-service',
  'fault-soap-service-down',
]
const EC_NAMES = ['rest-get', 'rest-post', 'soap-simple', 'soap-batch-a', 'soap-batch-b']

/** The operations of the recorded services, each of version v1. */
const wsdl = (names: readonly string[]) => `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" targetNamespace="urn:t" xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
<w:portType name="p"/><w:binding name="b" type="t:p"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
${names.map((name) => `<w:operation name="${name}"><x:version>v1</x:version></w:operation>`).join('')}</w:binding>
<w:service name="s"><w:port name="p" binding="t:b"><soap:address location="http://127.0.0.1:19000/soap"/></w:port></w:service></w:definitions>`

const recorded = (...parts: string[]) => vector('recorded', ...parts)
const certificate = (name: string) => parseCertificate(recorded('certs', `${name}.pem`))
const privateKey = (name: string) => createPrivateKey(recorded('keys-test-only', `${name}.key.pem`))

const closers: (() => Promise<unknown> | unknown)[] = []
let serviceAnswer: Buffer = Buffer.alloc(0)
const servers = new Map<'rsa' | 'ec', RunningSecurityServer>()

async function listening(server: Server | TcpServer, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  closers.push(() => new Promise((resolve) => server.close(resolve)))
}

/** Collects a body without the house's own helpers. */
async function bodyOf(request: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

async function playAuthorities(): Promise<void> {
  const files = new Map([
    ['/internalconf', 'internalconf'],
    ['/V6/private-params.xml', 'V6/private-params.xml'],
    ['/V6/shared-params.xml', 'V6/shared-params.xml'],
  ])
  await listening(
    createServer((request, response) => {
      const url = new URL(request.url ?? '', 'http://x')
      const file = files.get(url.pathname)
      if (file === undefined || (url.pathname === '/internalconf' && url.searchParams.get('version') !== '6'))
        response.writeHead(404).end()
      else response.end(recorded('signed-configuration', ...file.split('/')))
    }),
    19080,
  )
  const ocsp = certificate('ocsp')
  await listening(
    createServer(async (request, response) => {
      const { certIds } = parseOcspRequest(await bodyOf(request))
      const answers = certIds.map((id) => ({ certId: id.raw, status: 'good' as const, thisUpdate: NOW }))
      const algorithm = signatureFor(ocsp.publicKey, 'SHA-256')
      response.end(
        await buildOcspResponse(
          { responder: ocsp, producedAt: NOW, answers, includeCertificates: [ocsp], algorithm },
          async (tbs) => sign('sha256', tbs, privateKey('ocsp')),
        ),
      )
    }),
    8888,
  )
  const tsa = certificate('tsa')
  let serialNumber = 1n
  await listening(
    createServer(async (request, response) => {
      const asked = parseTimestampRequest(await bodyOf(request))
      serialNumber += 1n
      const algorithm = signatureFor(tsa.publicKey, 'SHA-512')
      response.end(
        await buildTimestampResponse(
          { request: asked, tsa, policy: '1.2.3', serialNumber, genTime: NOW, algorithm },
          async (tbs) => sign('sha512', tbs, privateKey('tsa')),
        ),
      )
    }),
    8899,
  )
  await listening(
    createTcp((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => socket.end(serviceAnswer))
    }),
    19000,
  )
}

async function startProvider(set: 'rsa' | 'ec'): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'saadik-recorded-'))
  closers.push(() => rm(directory, { recursive: true, force: true }))
  const signer = await startSigner(join(directory, 'signer'))
  closers.push(() => signer.process.stop())
  const suffix = set === 'ec' ? '-ec' : ''
  for (const [name, use] of [
    [`auth1${suffix}`, 'authentication'],
    [`sign1${suffix}`, 'message'],
  ] as const) {
    await signer.client.importKey({ use, pkcs8: privateKey(name).export({ type: 'pkcs8', format: 'der' }) })
    await signer.client.importCertificate(certificate(name).der)
  }
  const config = securityServerSchema.parse({
    directory: join(directory, 'data'),
    server: 'TEST/COM/1111/SS1',
    anchor: vectorPath('recorded', 'signed-configuration', 'anchor.xml'),
    signer: { socket: signer.socket, tokenFile: signer.tokenFile },
    listen: { host: freshAddress() },
    messageLog: { timestampIntervalSeconds: 3600 },
  })
  const own: (() => Promise<void> | void)[] = []
  const life: Lifecycle = { stopping: false, onStop: (_name, close) => void own.push(close), stop: async () => {} }
  closers.push(async () => {
    for (const close of own.reverse()) await close()
  })
  const log = createLog({ process: `recorded-${set}`, level: 'error' })
  const server = await startSecurityServer(config, life, log, clock)
  serviceAnswer = Buffer.from(wsdl(['echo', 'attach', 'fail', 'forbidden', 'down']))
  const granted = [{ subject: 'TEST/COM/2222/CLI' }]
  await server.gateway.services.apply({
    clients: [
      {
        id: 'TEST/COM/1111/SVC',
        connection: 'HTTP',
        services: [
          { code: 'restapi', url: 'http://127.0.0.1:19000/rest', access: [{ subject: 'TEST/COM/2222/CLI' }] },
          { code: 'restforbidden', url: 'http://127.0.0.1:19000/rest', access: [] },
          { code: 'restdown', url: 'http://127.0.0.1:1/rest', access: [{ subject: 'TEST/COM/2222/CLI' }] },
          {
            wsdl: 'http://127.0.0.1:19000/wsdl',
            operations: [
              ...['echo', 'attach', 'fail'].map((code) => ({ code, access: granted })),
              { code: 'down', url: 'http://127.0.0.1:1/soap', access: granted },
            ],
          },
        ],
      },
    ],
  })
  servers.set(set, server)
  await writeFile(join(directory, 'ready'), '')
}

before(async () => {
  if (!haveVectors()) return
  await playAuthorities()
  await startProvider('rsa')
  await startProvider('ec')
})
after(async () => {
  for (const close of closers.reverse()) await close()
})

/** The recorded bytes, over TLS 1.2 with the recorded consumer's certificate; the answer to the end of the connection. */
async function replay(set: 'rsa' | 'ec', request: Buffer): Promise<{ head: string; body: Buffer }> {
  const server = servers.get(set)
  assert.ok(server)
  const suffix = set === 'ec' ? '-ec' : ''
  const socket = connect({
    host: server.listening.host,
    port: server.listening.servers,
    key: recorded('keys-test-only', `auth2${suffix}.key.pem`),
    cert: recorded('certs', `auth2${suffix}.pem`),
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  })
  await once(socket, 'secureConnect')
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  socket.on('error', () => {})
  // The recording has keep-alive; asking to close tells us where the answer ends.
  socket.write(request.toString('latin1').replace('Connection: Keep-Alive', 'Connection: close'), 'latin1')
  await once(socket, 'close')
  const answer = Buffer.concat(chunks)
  const split = answer.indexOf('\r\n\r\n')
  const head = answer.subarray(0, split).toString()
  const body = answer.subarray(split + 4)
  return { head, body: /transfer-encoding: chunked/i.test(head) ? dechunk(body) : body }
}

function dechunk(bytes: Buffer): Buffer {
  const chunks: Buffer[] = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at)
    const length = Number.parseInt(bytes.subarray(at, end).toString(), 16)
    if (!length) return Buffer.concat(chunks)
    chunks.push(bytes.subarray(end + 2, end + 2 + length))
    at = end + 4 + length
  }
}

for (const set of ['rsa', 'ec'] as const)
  for (const name of set === 'rsa' ? NAMES : EC_NAMES)
    test(`${set}/${name}: the recorded request gets the recorded answer`, async (t) => {
      if (!needsVectors(t)) return
      const expected = JSON.parse(recorded('exchanges', set, `${name}.expected.json`).toString())
      const called = expected.serviceRequestHeaders !== undefined
      serviceAnswer = called ? recorded('exchanges', set, `${name}.svc-response.bin`) : Buffer.alloc(0)
      const { head, body } = await replay(set, recorded('exchanges', set, `${name}.request.bin`))
      const contentType = /^content-type: (.*)$/im.exec(head)?.[1]?.trim() ?? ''
      if (expected.response.kind !== 'message') {
        const fault = contentType.startsWith('text/xml') ? readSoapFault(body) : await faultPart(body, contentType)
        const theirs = recorded('exchanges', set, `${name}.response.bin`).toString('latin1')
        assert.equal(contentType.startsWith('text/xml') ? 'bare fault' : 'fault part', expected.response.kind)
        assert.equal(fault?.code, /<faultcode>([^<]+)<\/faultcode>/.exec(theirs)?.[1])
        return
      }
      assert.match(head, /^x-hash-algorithm: SHA-512$/m)
      const trust = trustMaterial(parseSharedParameters(recorded('globalconf', 'TEST', 'shared-params.xml'), 6), [])
      const parts: { name: string; digest: Uint8Array; bytes?: Uint8Array }[] = []
      const signature: { signature?: Uint8Array; chain?: Uint8Array; chainResult?: Uint8Array } = {}
      for await (const part of readTransport(one(body), contentType, 'response')) {
        if (part.kind === 'rest-response') {
          assert.equal(Buffer.from(part.bytes).toString(), expected.responseHead)
          assert.equal(parseRestResponse(part.bytes).requestHash, expected.requestHash)
          parts.push({ name: '/message.xml', digest: digest('SHA-512', part.bytes), bytes: part.bytes })
        } else if (part.kind === 'soap') {
          // The reference ends the document with a line break.
          const recordedMessage = recordedSoap(recorded('exchanges', set, `${name}.response.bin`))
          assert.equal(Buffer.from(part.bytes).toString().trimEnd(), recordedMessage.trimEnd())
          assert.equal(part.message.requestHash, expected.requestHash)
          parts.push({ name: '/message.xml', digest: digest('SHA-512', part.bytes), bytes: part.bytes })
        } else if (part.kind === 'rest-body' || part.kind === 'attachment') {
          const bytes = await collect(part.body, 1 << 24)
          parts.push({ name: `/attachment${parts.length}`, digest: digest('SHA-512', bytes) })
        } else if (part.kind === 'signature') signature.signature = part.bytes
        else if (part.kind === 'chain') signature.chain = part.bytes
        else if (part.kind === 'chain-result') signature.chainResult = part.bytes
        else assert.fail(`a part of kind ${part.kind}`)
      }
      const theirs = signedParts(expected.response.parts)
      assert.deepEqual(
        parts.map((part) => part.name),
        theirs.map((part) => part.name),
      )
      assert.deepEqual(
        parts.slice(1).map((part) => Buffer.from(part.digest).toString('base64')),
        theirs.slice(1).map((part) => part.sha512),
      )
      assert.ok(signature.signature)
      const { chain, chainResult } = signature
      verifyMessage({
        signature: signature.signature,
        ...(chain && chainResult ? { chain, chainResult } : {}),
        parts,
        signer: { instance: 'TEST', memberClass: 'COM', memberCode: '1111' },
        trust,
        at: NOW,
      })
    })

async function* one(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body
}

async function faultPart(body: Uint8Array, contentType: string): Promise<{ code: string } | undefined> {
  for await (const part of readTransport(one(body), contentType, 'response'))
    if (part.kind === 'fault') return part.fault
  return undefined
}

interface RecordedPart {
  readonly name?: string
  readonly sha512: string
  readonly parts?: readonly RecordedPart[]
}

/** Attachments are parts of a part. */
function signedParts(parts: readonly RecordedPart[]): readonly RecordedPart[] {
  return parts.flatMap((part) => (part.name === undefined ? signedParts(part.parts ?? []) : [part]))
}

function recordedSoap(response: Buffer): string {
  const text = response.toString()
  const end = '</SOAP-ENV:Envelope>'
  return text.slice(text.indexOf('<?xml'), text.indexOf(end) + end.length)
}
