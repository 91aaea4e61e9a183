// A registered member whose security server is the test itself: it can say anything on the wire, well-signed or not.

import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type Server as HttpServer } from 'node:http'
import { join } from 'node:path'
import { connect, createServer as createTlsServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { type MessagePart, type MessageSignature, type MessageSigner, signMessage } from '#evidence'
import { httpPost } from '#host'
import {
  buildRestRequest,
  buildRestResponse,
  mimeTypes,
  parseRestRequest,
  randomBoundary,
  requestSubject,
  restRequestHash,
  transportWriter,
} from '#protocol'
import type { KeyInfo } from '#signer'
import { buildOcspRequest, type Certificate, digest, parseCertificate, pem, signatureFor } from '#trust'
import { freshAddress } from './process.ts'
import { type State, startSigner } from './state.ts'

export const ROGUE_CLIENT = 'TEST/GOV/6666/rogue'

export interface Rogue {
  readonly address: string
  readonly authCertificate: Certificate
  readonly authKey: string
  readonly signer: MessageSigner
  /** Fresh OCSP answers for the two certificates. */
  ocsp(certificate: Certificate): Promise<Uint8Array>
  /** Sends raw bytes as the body of `POST /` to a server's 5500 and gives status, headers and body. */
  post(to: string, message: RogueMessage, tls?: object): Promise<{ status: number; headers: string; body: string }>
  /**
   * Its own 5500 and 5577. `answer` gives the raw HTTP response for each request; `tls` is merged over what its 5500 would do,
   * `lookUp` is what its 5577 says instead of a fresh answer.
   */
  serve(answer: Answer, tls?: TlsOptions, lookUp?: () => Promise<Uint8Array>): Promise<() => Promise<void>>
  /** The same with every connection of its 5500 left to the test, from the handshake on. */
  serveAs(conduct: Conduct): Promise<() => Promise<void>>
  stop(): Promise<void>
}

export type Answer = (request: Buffer) => Promise<Buffer | 'cut'> | Buffer | 'cut'
export type Conduct = (socket: TLSSocket) => void

/** Another member than the usual one, or other keys. */
export interface RogueOptions {
  readonly memberCode?: string
  readonly algorithm?: KeyInfo['algorithm']
  /** Life of the authentication certificate, in seconds; as long as the profile allows when absent. */
  readonly validSeconds?: number
}

export interface RogueMessage {
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly contentType: string
  readonly body: Uint8Array
}

/** Registers the member and its server in the state. */
export async function startRogue(state: State, options: RogueOptions = {}): Promise<Rogue> {
  const [memberClass, memberCode] = ['GOV', options.memberCode ?? '6666']
  const home = join(state.directory, `rogue-${memberCode}`)
  await mkdir(home, { recursive: true })
  const signer = await startSigner(home)
  const address = freshAddress()
  const facts = {
    instance: state.instance,
    memberClass,
    memberCode,
    memberName: 'Rogue',
    serverCode: 'R',
    dnsName: address,
    country: 'EE',
  }
  const keys = { algorithm: options.algorithm ?? 'EC-P256' } as const
  const auth = await signer.client.generate({ use: 'authentication', ...keys })
  const sign = await signer.client.generate({ use: 'message', ...keys })
  const issue = async (profile: 'authentication' | 'signing', key: string) =>
    parseCertificate(
      await state.authorities.issue(
        profile,
        await signer.client.csr({ key, subject: requestSubject('Basic', profile, facts) }),
        profile === 'authentication' ? { validSeconds: options.validSeconds } : {},
      ),
    )
  const authCertificate = await issue('authentication', auth.id)
  const signCertificate = await issue('signing', sign.id)
  await signer.client.importCertificate(authCertificate.der)
  await signer.client.importCertificate(signCertificate.der)
  await state.applyFederation((federation) => {
    federation['members'].push({ class: memberClass, code: memberCode, name: 'Rogue', subsystems: [{ code: 'rogue' }] })
    federation['securityServers'].push({
      owner: `${memberClass}/${memberCode}`,
      code: 'R',
      address,
      authenticationCertificates: [Buffer.from(authCertificate.der).toString('base64')],
      clients: [`${memberClass}/${memberCode}/rogue`],
    })
  })
  const issuing = parseCertificate(state.authorities.issuing)
  const ocsp = async (certificate: Certificate): Promise<Uint8Array> =>
    (
      await httpPost(state.authorities.ocspUrl, buildOcspRequest(certificate, issuing), {
        contentType: 'application/ocsp-request',
        timeoutMs: 5000,
        maxBytes: 65_536,
      })
    ).body
  const algorithm = signatureFor(signCertificate.publicKey)
  const authKey = await signer.client.releaseTlsKey(auth.id)
  const messageSigner: MessageSigner = {
    certificate: signCertificate,
    ocsp: await ocsp(signCertificate),
    intermediates: [],
    algorithm,
    sign: (data) => signer.client.sign({ key: sign.id, purpose: 'message', algorithm: algorithm.name, data }),
  }
  const servers: (() => Promise<void>)[] = []
  const listen = async (conduct: Conduct, tls: TlsOptions, lookUp: () => Promise<Uint8Array>) => {
    const identity = { key: authKey, cert: pem('CERTIFICATE', authCertificate.der) }
    const close = await serve(address, { ...identity, ...tls }, lookUp, conduct)
    servers.push(close)
    return close
  }
  return {
    address,
    authCertificate,
    authKey,
    signer: messageSigner,
    ocsp,
    post: (to, message, tls = { key: authKey, cert: pem('CERTIFICATE', authCertificate.der) }) =>
      post(to, message, tls),
    serve: (answer, tls = {}, lookUp = () => ocsp(authCertificate)) => listen(answering(answer), tls, lookUp),
    serveAs: (conduct) => listen(conduct, {}, () => ocsp(authCertificate)),
    async stop() {
      for (const close of servers) await close()
      await signer.process.stop()
    },
  }
}

async function post(
  to: string,
  message: RogueMessage,
  tls: object,
): Promise<{ status: number; headers: string; body: string }> {
  const socket = connect({ host: to, port: 5500, rejectUnauthorized: false, ...tls })
  await once(socket, 'secureConnect')
  const headers: Record<string, string | undefined> = {
    Host: `${to}:5500`,
    'Content-Type': message.contentType,
    'Content-Length': String(message.body.length),
    'x-hash-algorithm': 'SHA-512',
    'x-proxy-version': '7.8.0',
    'x-road-message-type': 'REST',
    'x-road-request-id': '00000000-0000-4000-8000-000000000000',
    Connection: 'close',
    ...message.headers,
  }
  const head = Object.entries(headers)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  socket.write(`POST / HTTP/1.1\r\n${head}\r\n`)
  socket.write(message.body)
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('latin1')
  const split = text.indexOf('\r\n\r\n')
  return { status: Number(text.slice(9, 12)), headers: text.slice(0, split), body: text.slice(split + 4) }
}

/** Reads whole requests, and ends the connection after each answer. */
function answering(answer: Answer): Conduct {
  return (socket) => {
    const chunks: Buffer[] = []
    socket.on('data', async (chunk: Buffer) => {
      chunks.push(chunk)
      const received = Buffer.concat(chunks)
      // Enough for tests: the closing delimiter of the multipart, or the last chunk.
      if (!/--xtop[A-Za-z]+--\r\n/.test(received.toString('latin1'))) return
      chunks.length = 0
      const bytes = await answer(received)
      if (bytes === 'cut') socket.destroy()
      else socket.end(bytes)
    })
  }
}

async function serve(
  address: string,
  tls: TlsOptions,
  ocsp: () => Promise<Uint8Array>,
  conduct: Conduct,
): Promise<() => Promise<void>> {
  const open = new Set<TLSSocket>()
  const peer = createTlsServer(
    { requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2', ...tls },
    (socket) => {
      open.add(socket)
      socket.on('error', () => {})
      conduct(socket)
    },
  )
  peer.listen(5500, address)
  const look: HttpServer = createServer(async (_request, response) => {
    const writer = transportWriter(randomBoundary('xtop'))
    response.setHeader('Content-Type', writer.contentType.replace('multipart/mixed', 'multipart/related'))
    response.end(Buffer.concat([writer.part(mimeTypes.ocspResponse, await ocsp()), writer.end()]))
  })
  look.listen(5577, address)
  await Promise.all([once(peer, 'listening'), once(look, 'listening')])
  return async () => {
    for (const socket of open) socket.destroy()
    await Promise.all([new Promise((resolve) => peer.close(resolve)), new Promise((resolve) => look.close(resolve))])
  }
}

/** A request head as our own consumer would build it. */
export function requestHead(
  service: string,
  options: { client?: string; method?: string; path?: string; id?: string } = {},
): Uint8Array {
  return buildRestRequest({
    method: options.method ?? 'GET',
    target: `/r1/${service}${options.path ?? ''}`,
    rawHeaders: ['X-Road-Client', options.client ?? ROGUE_CLIENT, 'X-Road-Id', options.id ?? 'rogue-1'],
    requestId: '00000000-0000-4000-8000-000000000000',
    newId: () => 'rogue',
  }).bytes
}

export function parts(head: Uint8Array, body?: Uint8Array): MessagePart[] {
  return [
    { name: '/message.xml', digest: digest('SHA-512', head), bytes: head },
    ...(body === undefined ? [] : [{ name: '/attachment1', digest: digest('SHA-512', body) }]),
  ]
}

/** A transport message from its parts; each can be left out, repeated or replaced. */
export function transport(
  pieces: readonly (readonly [type: string, body: Uint8Array])[],
  options: { unterminated?: boolean } = {},
): RogueMessage {
  const writer = transportWriter(randomBoundary('xtop'))
  const body = Buffer.concat([
    ...pieces.map(([type, bytes]) => writer.part(type, bytes)),
    ...(options.unterminated ? [] : [writer.end()]),
  ])
  return { contentType: writer.contentType, body }
}

/** The parts of a correct REST message in their order. */
export async function honest(
  rogue: Rogue,
  kind: 'request' | 'response',
  head: Uint8Array,
  body?: Uint8Array,
): Promise<[string, Uint8Array][]> {
  const signature: MessageSignature = await signMessage(parts(head, body), rogue.signer, new Date())
  return [
    ...(kind === 'request'
      ? [[mimeTypes.ocspResponse, await rogue.ocsp(rogue.authCertificate)] as [string, Uint8Array]]
      : []),
    [kind === 'request' ? mimeTypes.restRequest : mimeTypes.restResponse, head],
    ...(body === undefined ? [] : [[mimeTypes.restBody, body] as [string, Uint8Array]]),
    ...(signature.chainResult === undefined
      ? []
      : [[mimeTypes.chainResult, signature.chainResult] as [string, Uint8Array]]),
    ...(signature.chain === undefined ? [] : [[mimeTypes.chain, signature.chain] as [string, Uint8Array]]),
    [mimeTypes.signature, signature.xml],
  ]
}

/** An answer that nobody could object to, to whatever is asked. */
export function honestAnswer(rogue: Rogue, text = 'hello'): Answer {
  return async (request) => {
    const raw = request.toString('latin1')
    const start = raw.indexOf('\r\n\r\n', raw.indexOf(mimeTypes.restRequest)) + 4
    const head = Buffer.from(raw.slice(start, raw.indexOf('\r\n--xtop', start)), 'latin1')
    const parsed = parseRestRequest(head)
    const response = buildRestResponse({
      status: 200,
      reason: 'OK',
      rawHeaders: ['Content-Type', 'text/plain'],
      request: parsed,
      requestId: parsed.requestId,
      requestHash: restRequestHash(digest('SHA-512', head)),
    })
    return httpAnswer(transport(await honest(rogue, 'response', response.bytes, Buffer.from(text))))
  }
}

/** A transport message as the whole of an HTTP response. */
export function httpAnswer(message: RogueMessage): Buffer {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: ${message.contentType}\r\nx-hash-algorithm: SHA-512\r\nContent-Length: ${message.body.length}\r\nConnection: close\r\n\r\n`
  return Buffer.concat([Buffer.from(head), message.body])
}
