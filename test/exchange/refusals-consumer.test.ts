// What an information system, a provider's server and a service can do wrong, seen from the consumer (issue: Bad input; wire-message §6.2, §6.4).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { signMessage } from '#evidence'
import { buildRestResponse, mimeTypes, parseRestRequest, restRequestHash } from '#protocol'
import { digest } from '#trust'
import { CLIENT, CLIENT_HEADER, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import { logged } from '../federation/process.ts'
import { honest, httpAnswer, parts, type Rogue, type RogueMessage, startRogue, transport } from '../federation/rogue.ts'
import { textOf } from '../federation/sockets.ts'
import { recordsOf, until } from '../federation/traces.ts'

const ROGUE_SERVICE = '/r1/TEST/GOV/6666/rogue/any/x'

let pair: Pair
let rogue: Rogue
before(async () => {
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, timeoutSeconds: 2, access: [{ subject: CLIENT }] },
      { code: 'nowhere', url: 'http://127.0.0.1:1', timeoutSeconds: 2, access: [{ subject: CLIENT }] },
      { code: 'nohost', url: 'http://no-such-host.invalid', timeoutSeconds: 2, access: [{ subject: CLIENT }] },
    ],
  })
  rogue = await startRogue(pair.state)
})
after(async () => {
  await rogue?.stop()
  await pair?.stop()
})

interface Refusal {
  readonly status: number
  readonly code: string | null
  readonly detail: string | undefined
}

async function ask(path: string, init: RequestInit = {}): Promise<Refusal> {
  const answer = await fetch(`${pair.consumer.client}${path}`, {
    ...init,
    headers: { ...CLIENT_HEADER, ...init.headers },
  })
  const text = await answer.text()
  const code = answer.headers.get('x-road-error')
  return {
    status: answer.status,
    code,
    detail: code === null ? undefined : (/[0-9a-f]{8}-[0-9a-f-]{27}/.exec(text)?.[0] ?? ''),
  }
}

async function refused(path: string, code: string, init: RequestInit = {}): Promise<void> {
  const answer = await ask(path, init)
  assert.equal(answer.code, code)
  assert.equal(answer.status, 500)
  assert.ok(answer.detail)
  assert.ok(
    await logged(answer.detail, pair.consumer.process, pair.provider.process),
    'the id of the error is in a log',
  )
}

test('clients and services that are not there', async () => {
  const sc = 'server.clientproxy'
  await refused(`${SERVICE_PATH}/x`, `${sc}.unknown_member`, { headers: { 'X-Road-Client': 'TEST/GOV/2222/nobody' } })
  await refused(`${SERVICE_PATH}/x`, `${sc}.unknown_member`, { headers: { 'X-Road-Client': 'TEST/GOV/1111/registry' } })
  await refused('/r1/TEST/GOV/9999/none/s/x', `${sc}.unknown_member`)
  await refused('/r1/TEST/GOV/1111/none/s/x', `${sc}.unknown_member`)
  await refused('/r1/TEST/GOV/1111/registry/none/x', 'server.serverproxy.unknown_service')
  await refused(`${SERVICE_PATH}/x`, `${sc}.invalid_security_server`, {
    headers: { 'X-Road-Security-Server': 'TEST/GOV/2222/C' },
  })
  assert.equal(
    (await ask(`${SERVICE_PATH}/items/1`, { headers: { 'X-Road-Security-Server': 'TEST/GOV/1111/P' } })).status,
    200,
  )
})

test('malformed heads', async () => {
  const sc = 'server.clientproxy'
  for (const client of ['', 'TEST', 'TEST/GOV', 'TEST/GOV/1/2/3', 'TEST/GOV//x', 'TEST/GOV/%zz/x'])
    assert.match(
      (await ask(`${SERVICE_PATH}/x`, { headers: { 'X-Road-Client': client } })).code ?? 'served',
      /internal_error|invalid_client_identifier/,
      client,
    )
  await refused(`${SERVICE_PATH}/x`, `${sc}.internal_error`, { headers: { 'X-Road-Id': 'i'.repeat(256) } })
  for (const path of ['/r1/TEST/GOV/1111', '/r1/TEST//1111/registry/items', '/r1/TEST/GOV/1111/registry/%zz'])
    assert.match((await ask(path)).code ?? 'served', /^server\.clientproxy\./, path)
})

/** What `fetch` would tidy up goes out as raw bytes. */
async function raw(text: string | Buffer): Promise<string> {
  const socket = connect(8080, pair.consumer.address)
  socket.on('error', () => {})
  socket.end(text)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString()
}

test('requests that HTTP libraries would not send', async () => {
  const head = `Host: x\r\nX-Road-Client: ${CLIENT}\r\nConnection: close\r\n`
  const twice = await raw(
    `GET ${SERVICE_PATH}/items/1 HTTP/1.1\r\n${head}X-Road-Client: TEST/GOV/1111/registry\r\n\r\n`,
  )
  assert.match(twice, /x-road-error: server\.clientproxy\.invalid_client_identifier/i)
  for (const target of [
    `${SERVICE_PATH}/%2e%2e/x`,
    `${SERVICE_PATH}//x`,
    `${SERVICE_PATH}/%00`,
    `${SERVICE_PATH}/%5C`,
    `${SERVICE_PATH}/a|b`,
    '/r1/../../etc/passwd',
  ])
    assert.match(
      await raw(`GET ${target} HTTP/1.1\r\n${head}\r\n`),
      /^HTTP\/1\.1 (400|500)[\s\S]*x-road-error: server\./i,
      target,
    )
  assert.match(await raw(`BREW ${SERVICE_PATH}/x HTTP/1.1\r\n${head}\r\n`), /^HTTP\/1\.1 (400|500)/)
  assert.match(
    await raw(`GET ${SERVICE_PATH}/x HTTP/1.1\r\n${head}X-Big: ${'y'.repeat(40_000)}\r\n\r\n`),
    /^HTTP\/1\.1 431[\s\S]*x-road-error/i,
  )
  assert.match(await raw('garbage\r\n\r\n'), /^HTTP\/1\.1 400[\s\S]*x-road-error/i)
  assert.match(await raw(`GET /elsewhere HTTP/1.1\r\n${head}\r\n`), /^HTTP\/1\.1 200[\s\S]*client\.invalid_http_method/)
  assert.match(
    await raw(`POST / HTTP/1.1\r\n${head}Content-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>`),
    /^HTTP\/1\.1 200[\s\S]*<faultcode>client\.invalid_soap</,
  )
})

/** Without ending its side, as one who still waits for an answer. */
async function rawOpen(text: string): Promise<string> {
  const socket = connect(8080, pair.consumer.address)
  socket.on('error', () => {})
  socket.write(text)
  return await textOf(socket)
}

test('garbage behind a request is not answered in the place of this request', async () => {
  const head = `Host: x\r\nX-Road-Client: ${CLIENT}\r\n`
  // In the middle of a body it is this request that is refused.
  const chunked = `POST ${SERVICE_PATH}/count HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`
  assert.match(await rawOpen(`${chunked}zz\r\n`), /^HTTP\/1\.1 400[\s\S]*x-road-error/i)
  // Behind a whole one, whose answer is yet to come, has begun, or waits behind another.
  const slow = `GET ${SERVICE_PATH}/slow/500 HTTP/1.1\r\n${head}\r\n`
  for (const requests of [slow, `${slow}${chunked}`]) assert.equal(await rawOpen(`${requests}zz\r\n\r\n`), '')
  // Behind an answer that is out it is by itself.
  const socket = connect(8080, pair.consumer.address)
  socket.write(`GET ${SERVICE_PATH}/items/1 HTTP/1.1\r\n${head}\r\n`)
  await once(socket, 'data')
  socket.write('garbage\r\n\r\n')
  assert.match(await textOf(socket), /HTTP\/1\.1 400[\s\S]*x-road-error/i)
})

test('an error is JSON or XML by what the caller accepts', async () => {
  const answer = await fetch(`${pair.consumer.client}/r1/TEST/GOV/9999/none/s`, {
    headers: { ...CLIENT_HEADER, Accept: 'application/json, application/xml' },
  })
  assert.match(answer.headers.get('content-type') ?? '', /^application\/xml/)
  assert.match(
    await answer.text(),
    /^(<\?xml[^>]*>)?\s*<error><type>server\.clientproxy\.unknown_member<\/type><message>/,
  )
})

test('services that answer garbage, cut the connection or never answer', async () => {
  const sp = 'server.serverproxy'
  for (const path of ['/garbage', '/cut', '/never']) await refused(`${SERVICE_PATH}${path}`, `${sp}.io_error`)
  await refused(`${SERVICE_PATH}/cut-body/1000`, `${sp}.io_error`)
  await refused(`${SERVICE_PATH}/cut-body/200000`, `${sp}.io_error`)
  await refused('/r1/TEST/GOV/1111/registry/nowhere/x', `${sp}.network_error`)
  await refused('/r1/TEST/GOV/1111/registry/nohost/x', `${sp}.unknown_host`)
  assert.equal((await ask(`${SERVICE_PATH}/items/1`)).status, 200)
})

test('an upload that is cut leaves no record and no server down', async () => {
  const socket = connect(8080, pair.consumer.address)
  socket.on('error', () => {})
  socket.write(
    `POST ${SERVICE_PATH}/count HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${CLIENT}\r\nX-Road-Id: cut-upload\r\nContent-Length: 1000000\r\n\r\n`,
  )
  socket.write(randomBytes(300_000))
  await new Promise((resolve) => setTimeout(resolve, 300))
  socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 300))
  for (const server of [pair.consumer, pair.provider])
    assert.deepEqual((await server.control.get<{ records: unknown[] }>('/log?order=oldest&id=cut-upload')).records, [])
  assert.equal((await ask(`${SERVICE_PATH}/items/1`)).status, 200)
})

/** The rogue answers as a provider; `bend` spoils its answer. */
async function provide(
  bend: (pieces: [string, Uint8Array][]) => Promise<RogueMessage | Buffer | 'cut'> | RogueMessage | Buffer | 'cut',
  options: { hash?: string; id?: string; requestId?: string; body?: Buffer } = {},
) {
  return await rogue.serve(async (request) => {
    const text = request.toString('latin1')
    const start = text.indexOf('\r\n\r\n', text.indexOf('application/x-road-rest-request')) + 4
    const head = Buffer.from(text.slice(start, text.indexOf('\r\n--xtop', start)), 'latin1')
    const parsed = parseRestRequest(head)
    const response = buildRestResponse({
      status: 200,
      reason: 'OK',
      rawHeaders: ['Content-Type', 'text/plain'],
      request: options.id === undefined ? parsed : { ...parsed, id: options.id },
      requestId: options.requestId ?? parsed.requestId,
      requestHash: options.hash ?? restRequestHash(digest('SHA-512', head)),
    })
    const bent = await bend(await honest(rogue, 'response', response.bytes, options.body ?? Buffer.from('hello')))
    if (bent === 'cut' || Buffer.isBuffer(bent)) return bent
    return Buffer.concat([
      Buffer.from(
        `HTTP/1.1 200 OK\r\nContent-Type: ${bent.contentType}\r\nx-hash-algorithm: SHA-512\r\nContent-Length: ${bent.body.length}\r\nConnection: close\r\n\r\n`,
      ),
      bent.body,
    ])
  })
}

async function judged(
  code: RegExp | undefined,
  bend: Parameters<typeof provide>[0],
  options?: Parameters<typeof provide>[1],
): Promise<void> {
  const close = await provide(bend, options)
  try {
    const answer = await ask(ROGUE_SERVICE)
    if (code === undefined) assert.equal(answer.status, 200)
    else assert.match(answer.code ?? 'served', code)
  } finally {
    await close()
  }
}

test('answers of a provider server: honest, then every way to be wrong', async () => {
  for (let left = 50; left > 0 && (await ask(ROGUE_SERVICE)).code === 'server.clientproxy.unknown_member'; left -= 1)
    await new Promise((resolve) => setTimeout(resolve, 200))
  const sc = 'server\\.clientproxy'
  await judged(undefined, (pieces) => transport(pieces))
  await judged(new RegExp(`^${sc}\\.missing_signature$`), (pieces) => transport(pieces.slice(0, -1)))
  await judged(new RegExp(`^${sc}\\.service_failed\\.invalid_content_type$`), () =>
    transport([[mimeTypes.signature, Buffer.from('<a/>')]]),
  )
  await judged(new RegExp(`^${sc}\\.service_failed\\.(mime_parsing_failed|io_error)$`), (pieces) =>
    transport(pieces, { unterminated: true }),
  )
  await judged(new RegExp(`^${sc}\\.network_error$`), () => 'cut')
  await judged(new RegExp(`^${sc}\\.http_error$`), () =>
    Buffer.from('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'),
  )
  await judged(new RegExp(`^${sc}\\.(http_error|network_error|io_error)$`), () =>
    Buffer.from('garbage garbage garbage\r\n\r\n'),
  )
  await judged(new RegExp(`^${sc}\\.(service_failed\\.)?invalid_content_type$`), () =>
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi'),
  )
  await judged(new RegExp(`^${sc}\\.invalid_content_type$`), () =>
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi'),
  )
  await judged(new RegExp(`^${sc}\\.service_failed\\.io_error$`), () =>
    Buffer.from(
      'HTTP/1.1 200 OK\r\nContent-Type: multipart/mixed; boundary=x\r\nx-hash-algorithm: SHA-512\r\nContent-Length: 20000\r\n\r\n--x\r\n',
    ),
  )
  await judged(new RegExp(`^${sc}\\.service_failed\\.`), () =>
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<a/>'),
  )
  await judged(/^server\.serverproxy\.access_denied$/, () => {
    const body =
      '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/"><SOAP-ENV:Body><SOAP-ENV:Fault><faultcode>server.serverproxy.access_denied</faultcode><faultstring>no</faultstring></SOAP-ENV:Fault></SOAP-ENV:Body></SOAP-ENV:Envelope>'
    return Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    )
  })
  // Another body than the one signed; another exchange's answer; wrong hashes.
  await judged(new RegExp(`^${sc}\\.signature_verification\\.`), (pieces) =>
    transport(pieces.map(([type, body]) => [type, type === mimeTypes.restBody ? Buffer.from('HELLO') : body] as const)),
  )
  await judged(new RegExp(`^${sc}\\.inconsistent_response$`), (pieces) => transport(pieces), {
    hash: restRequestHash(digest('SHA-512', Buffer.from('another request'))),
  })
  await judged(new RegExp(`^${sc}\\.inconsistent_response$`), (pieces) => transport(pieces), { id: 'another' })
  await judged(new RegExp(`^${sc}\\.inconsistent_response$`), (pieces) => transport(pieces), { requestId: 'replayed' })
})

test('a replayed answer is refused: it carries another request id', async () => {
  let kept: RogueMessage | undefined
  await judged(undefined, (pieces) => {
    kept = transport(pieces)
    return kept
  })
  await judged(/inconsistent_response$/, () => kept ?? 'cut')
})

test('a provider that stops listening', async () => {
  const answer = await ask(ROGUE_SERVICE)
  assert.equal(answer.code, 'server.clientproxy.network_error')
  assert.equal((await ask(`${SERVICE_PATH}/items/1`)).status, 200)
})

test('an answer signed for another member', async () => {
  const close = await rogue.serve(async (request) => {
    const text = request.toString('latin1')
    const start = text.indexOf('\r\n\r\n', text.indexOf('application/x-road-rest-request')) + 4
    const head = Buffer.from(text.slice(start, text.indexOf('\r\n--xtop', start)), 'latin1')
    const parsed = parseRestRequest(head)
    const response = buildRestResponse({
      status: 200,
      reason: 'OK',
      rawHeaders: [],
      request: parsed,
      requestId: parsed.requestId,
      requestHash: restRequestHash(digest('SHA-512', head)),
    })
    const signature = await signMessage(
      parts(response.bytes),
      { ...rogue.signer, certificate: rogue.authCertificate },
      new Date(),
    )
    const message = transport([
      [mimeTypes.restResponse, response.bytes],
      [mimeTypes.signature, signature.xml],
    ])
    return Buffer.concat([
      Buffer.from(
        `HTTP/1.1 200 OK\r\nContent-Type: ${message.contentType}\r\nx-hash-algorithm: SHA-512\r\nContent-Length: ${message.body.length}\r\nConnection: close\r\n\r\n`,
      ),
      message.body,
    ])
  })
  assert.match((await ask(ROGUE_SERVICE)).code ?? 'served', /signature_verification/)
  await close()
})

test('an answer that comes while the request is not signed and not logged', async () => {
  const body = Buffer.alloc(100_000, 1)
  const close = await rogue.serveAs((socket) => {
    const chunks: Buffer[] = []
    socket.on('data', async (chunk: Buffer) => {
      chunks.push(chunk)
      const received = Buffer.concat(chunks)
      // All of the body is here, and its signature is not: the signer stands still.
      if (received.filter((byte) => byte === 1).length < body.length) return
      socket.removeAllListeners('data').resume()
      const start = received.indexOf('\r\n\r\n', received.indexOf('application/x-road-rest-request')) + 4
      const head = received.subarray(start, received.indexOf('\r\n--xtop', start))
      const request = parseRestRequest(head)
      const requestHash = restRequestHash(digest('SHA-512', head), digest('SHA-512', body))
      const { requestId } = request
      const response = buildRestResponse({ status: 200, reason: 'OK', rawHeaders: [], request, requestId, requestHash })
      await sleep(500)
      socket.end(httpAnswer(transport(await honest(rogue, 'response', response.bytes))))
    })
  })
  const { pid } = pair.consumer.signerProcess
  process.kill(pid, 'SIGSTOP')
  try {
    const answer = await ask(ROGUE_SERVICE, { method: 'POST', body, headers: { 'X-Road-Id': 'too-early' } })
    assert.equal(answer.code, 'server.clientproxy.inconsistent_response')
  } finally {
    process.kill(pid, 'SIGCONT')
    await close()
  }
  await until(async () => (await recordsOf(pair.consumer, 'too-early')) === 'request')
})
