// Who may be at the other end of a connection between security servers, and how it speaks TLS (wire-message §1.2–1.7).
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { type ConnectionOptions, connect } from 'node:tls'
import { collect, mediaType, readMultipart, readSoapFault, requestSubject } from '#protocol'
import { parseCertificate, parseOcspResponse, pem } from '#trust'
import { CLIENT, CLIENT_HEADER, SERVICE_PATH } from '../federation/pair.ts'
import { logged } from '../federation/process.ts'
import { honest, honestAnswer, type Rogue, requestHead, startRogue, transport } from '../federation/rogue.ts'
import { type SelfSigned, selfSigned } from '../federation/self-signed.ts'
import { startService, type TestService } from '../federation/service.ts'
import { type Federation, type State, type StateServer, startState } from '../federation/state.ts'
import { needsTools } from '../tools.ts'

const CONSUMER_REFUSES = 'server.clientproxy.ssl_authentication_failed'
const PROVIDER_REFUSES = 'server.serverproxy.service_failed.ssl_authentication_failed'

let state: State
let service: TestService
let provider: StateServer
let rsaProvider: StateServer
let consumer: StateServer
/** Members 6666 (EC), 7777 (RSA), 8888 (to be revoked), 9999 (lives for seconds). */
let ec: Rogue
let rsa: Rogue
let revoked: Rogue
let expiring: Rogue
/** Registered for the server of 6666, though no approved CA issued it. */
let selfMade: SelfSigned
let stranger: SelfSigned

before(async () => {
  service = await startService()
  const rogues = ['6666', '7777', '8888', '9999'].map((code) => `TEST/GOV/${code}/rogue`)
  const services = [{ code: 'items', url: service.url, access: [CLIENT, ...rogues].map((subject) => ({ subject })) }]
  const config = { configuration: { intervalSeconds: 1 }, logLevel: 'debug' }
  state = await startState({
    servers: [
      {
        code: 'P',
        owner: 'GOV/1111',
        subsystems: ['registry'],
        clients: [{ id: 'TEST/GOV/1111/registry', connection: 'HTTP', services }],
        config,
      },
      {
        code: 'PR',
        owner: 'GOV/3333',
        subsystems: ['registry'],
        clients: [{ id: 'TEST/GOV/3333/registry', connection: 'HTTP', services }],
        config,
        algorithm: 'RSA-2048',
      },
      {
        code: 'C',
        owner: 'GOV/2222',
        subsystems: ['office'],
        clients: [{ id: CLIENT, connection: 'HTTP' }],
        config,
      },
    ],
  })
  ;[provider, rsaProvider, consumer] = [state.server('P'), state.server('PR'), state.server('C')]
  selfMade = await selfSigned('self-made')
  stranger = await selfSigned('stranger')
  ec = await startRogue(state)
  rsa = await startRogue(state, { memberCode: '7777', algorithm: 'RSA-2048' })
  revoked = await startRogue(state, { memberCode: '8888' })
  expiring = await startRogue(state, { memberCode: '9999', validSeconds: 2 })
  await state.applyFederation((federation) => {
    const [own] = federation['securityServers'].filter((server: Federation) => server['owner'] === 'GOV/6666')
    own.authenticationCertificates.push(Buffer.from(selfMade.der).toString('base64'))
    // A member whose server has the address of another's.
    federation['members'].push({ class: 'GOV', code: '5555', name: 'Neighbour', subsystems: [{ code: 'rogue' }] })
    federation['securityServers'].push({
      owner: 'GOV/5555',
      code: 'N',
      address: ec.address,
      authenticationCertificates: [],
      clients: ['GOV/5555/rogue'],
    })
  })
  // All servers know all of it when they know the last.
  for (const server of [provider, rsaProvider, consumer])
    await until(async () => {
      const path = join(server.directory, 'configuration', state.instance, 'shared-params.xml')
      return (await readFile(path, 'utf8')).includes('Neighbour')
    })
})
after(async () => {
  for (const rogue of [ec, rsa, revoked, expiring]) await rogue?.stop()
  await state?.stop()
  await service?.stop()
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let left = 150; left > 0; left -= 1) {
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  assert.fail('it did not come true')
}

const identityOf = (rogue: Rogue) => ({ key: rogue.authKey, cert: pem('CERTIFICATE', rogue.authCertificate.der) })

/** What 5500 agrees to, or why not. */
async function handshake(
  server: StateServer,
  tls: ConnectionOptions,
): Promise<{ cipher: string; leaf: string; session: Buffer | undefined } | string> {
  const socket = connect({ host: server.address, port: 5500, rejectUnauthorized: false, ...identityOf(ec), ...tls })
  try {
    await once(socket, 'secureConnect')
    const leaf = socket.getPeerX509Certificate()
    return {
      cipher: socket.getCipher().standardName,
      leaf: leaf === undefined ? '' : parseCertificate(leaf.raw).sha256,
      session: socket.getSession(),
    }
  } catch (error) {
    return `${(error as { code?: string }).code}`
  } finally {
    socket.destroy()
  }
}

/** The fault code of what a rogue's message to one of our providers gets; undefined when it is served. */
async function send(
  rogue: Rogue,
  member: string,
  to: StateServer,
  tls: ConnectionOptions = {},
): Promise<{ code: string | undefined; message: string }> {
  const owner = to === rsaProvider ? '3333' : '1111'
  const head = requestHead(`TEST/GOV/${owner}/registry/items`, {
    client: `TEST/GOV/${member}/rogue`,
    path: '/items/1',
  })
  const message = transport(await honest(rogue, 'request', head))
  const { body } = await rogue.post(to.address, message, { ...identityOf(rogue), ...tls })
  const xml = /<\?xml[\s\S]*<faultcode>[\s\S]*Envelope>/.exec(body)?.[0]
  if (xml === undefined) assert.match(body, /application\/x-road-rest-response/)
  const fault = xml === undefined ? undefined : readSoapFault(Buffer.from(xml))
  return { code: fault?.code, message: fault?.message ?? '' }
}

/** What our consumer says of a provider: X-Road-Error and text, or its answer. */
async function ask(path: string): Promise<string> {
  const answer = await fetch(`${consumer.client}${path}`, { headers: CLIENT_HEADER })
  const text = await answer.text()
  const code = answer.headers.get('x-road-error')
  return code === null ? text : `${code} ${text}`
}

const at = (member: string) => `/r1/TEST/GOV/${member}/rogue/any`

async function refused(member: string, why: RegExp, close: () => Promise<void>): Promise<void> {
  try {
    const outcome = await ask(at(member))
    assert.ok(outcome.startsWith(`${CONSUMER_REFUSES} `), outcome)
    assert.match(outcome, why)
  } finally {
    await close()
  }
}

const SUITES = {
  'ECDHE-ECDSA-AES256-SHA384': 'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384',
  'ECDHE-RSA-AES256-SHA384': 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384',
  'DHE-RSA-AES256-SHA256': 'TLS_DHE_RSA_WITH_AES_256_CBC_SHA256',
} as const
const RSA_SUITES = ['ECDHE-RSA-AES256-SHA384', 'DHE-RSA-AES256-SHA256'] as const
const OTHER_SUITES = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384', 'AES256-SHA256'] as const

async function speaksOnlyXRoads(server: StateServer, suites: readonly (keyof typeof SUITES)[]): Promise<void> {
  const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
  for (const ciphers of suites) {
    const agreed = await handshake(server, { ...old, ciphers })
    assert.ok(typeof agreed === 'object', `${ciphers}: ${agreed}`)
    assert.equal(agreed.cipher, SUITES[ciphers])
    const { session } = agreed
    assert.ok(session)
    const again = connect({ host: server.address, port: 5500, rejectUnauthorized: false, ...old, ciphers, session })
    await once(again, 'secureConnect')
    assert.equal(again.isSessionReused(), false, 'no session is resumed')
    again.destroy()
  }
  for (const ciphers of OTHER_SUITES) assert.match(String(await handshake(server, { ...old, ciphers })), /ALERT/)
  const tls11 = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  assert.match(String(await handshake(server, tls11)), /ALERT|ERR_SSL/)
  const tls13 = await handshake(server, {})
  assert.ok(typeof tls13 === 'object')
  assert.match(tls13.cipher, /^TLS_(AES|CHACHA)/)
}

test('5500 speaks TLS 1.3, and TLS 1.2 with the suites of X-Road alone, to EC and RSA clients', async () => {
  await speaksOnlyXRoads(provider, ['ECDHE-ECDSA-AES256-SHA384'])
  await speaksOnlyXRoads(rsaProvider, RSA_SUITES)
  for (const [rogue, member] of [
    [ec, '6666'],
    [rsa, '7777'],
  ] as const) {
    const old = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const
    for (const ciphers of RSA_SUITES)
      assert.equal((await send(rogue, member, rsaProvider, { ...old, ciphers })).code, undefined)
    assert.equal((await send(rogue, member, provider, old)).code, undefined)
    assert.equal((await send(rogue, member, provider)).code, undefined)
  }
})

test('between two of ours: TLS 1.3', async () => {
  assert.match(await ask(`${SERVICE_PATH}/items/1`), /"id":"1"/)
  assert.ok(await logged('"protocol":"TLSv1.3"', provider.process))
})

test('a refusal costs no connection, neither bare nor behind a message that has begun; who is refused itself has none', async () => {
  const connections = () => provider.process.output().split('"peer connected"').length
  assert.match(await ask(`${SERVICE_PATH}/items/1`), /"id":"1"/)
  const before = connections()
  for (let left = 3; left > 0; left -= 1) {
    assert.match(await ask('/r1/TEST/GOV/1111/registry/none/x'), /^server\.serverproxy\.unknown_service /)
    assert.match(await ask(`${SERVICE_PATH}/cut`), /^server\.serverproxy\.io_error /)
    assert.match(await ask(`${SERVICE_PATH}/cut-body/200000`), /^server\.serverproxy\.io_error /)
    assert.match(await ask(`${SERVICE_PATH}/items/1`), /"id":"1"/)
  }
  assert.equal(connections(), before)
  const head = requestHead('TEST/GOV/1111/registry/none', { client: 'TEST/GOV/6666/rogue', path: '/x' })
  const message = transport(await honest(ec, 'request', head))
  const headers = { ...message.headers, Connection: 'keep-alive' }
  const { headers: told } = await ec.post(
    provider.address,
    { ...message, headers },
    { key: stranger.key, cert: stranger.cert },
  )
  assert.match(told, /connection: close/i)
})

test('to a provider that knows TLS 1.2 alone: each suite of X-Road, and no other', async () => {
  const old = { maxVersion: 'TLSv1.2' } as const
  for (const [rogue, member, ciphers] of [
    [ec, '6666', 'ECDHE-ECDSA-AES256-SHA384'],
    ...RSA_SUITES.map((suite) => [rsa, '7777', suite] as const),
  ] as const) {
    const close = await rogue.serve(honestAnswer(rogue), { ...old, ciphers, dhparam: 'auto' })
    assert.equal(await ask(at(member)), 'hello', ciphers)
    await close()
  }
  for (const [rogue, member] of [
    [ec, '6666'],
    [rsa, '7777'],
  ] as const)
    await refused(
      member,
      /handshake/,
      await rogue.serve(honestAnswer(rogue), { ...old, ciphers: OTHER_SUITES.join(':') }),
    )
})

test('a provider whose certificate is registered for nobody, or for another, or made by itself', async () => {
  const close = await ec.serve(honestAnswer(ec))
  assert.equal(await ask(at('6666')), 'hello')
  await refused('5555', /does not serve TEST\/GOV\/5555\/rogue/, close)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await refused('6666', /not registered/, await ec.serve(honestAnswer(ec), { ...stranger, maxVersion }))
    await refused('6666', /no approved CA/, await ec.serve(honestAnswer(ec), { ...selfMade, maxVersion }))
  }
})

test('a client whose certificate was made by itself', async () => {
  const { code, message } = await send(ec, '6666', provider, { key: selfMade.key, cert: selfMade.cert })
  assert.equal(code, PROVIDER_REFUSES)
  assert.match(message, /no approved CA/)
})

test('expired certificates, of clients and of providers', async () => {
  await until(async () => Date.now() > expiring.authCertificate.notAfter.getTime() + 1000)
  const { code, message } = await send(expiring, '9999', provider)
  assert.equal(code, PROVIDER_REFUSES)
  assert.match(message, /is valid from/)
  await refused('9999', /is valid from/, await expiring.serve(honestAnswer(expiring)))
})

test('revoked certificates; an older answer does not undo a revocation that was seen', async () => {
  const good = await revoked.ocsp(revoked.authCertificate)
  assert.equal(parseOcspResponse(good).responses[0]?.status, 'good')
  await state.authorities.revoke(revoked.authCertificate.der)
  await until(async () => {
    const [single] = parseOcspResponse(await revoked.ocsp(revoked.authCertificate)).responses
    return single?.status === 'revoked'
  })
  const { code, message } = await send(revoked, '8888', provider)
  assert.equal(code, PROVIDER_REFUSES)
  assert.match(message, /revoked/)
  await refused('8888', /revoked/, await revoked.serve(honestAnswer(revoked)))
  await refused('8888', /revoked/, await revoked.serve(honestAnswer(revoked), {}, async () => good))
})

test('look-ups that say nothing, nonsense, or speak of another certificate', async () => {
  // Nothing is known of this server yet: its answers must come with it.
  const late = await startRogue(state, { memberCode: '4444' })
  try {
    await until(async () => !(await ask(at('4444'))).includes('unknown_member'))
    for (const answer of [
      async () => Buffer.from('no DER'),
      async () => await ec.ocsp(ec.authCertificate),
      async () => Buffer.alloc(0),
    ])
      await refused('4444', /./, await late.serve(honestAnswer(late), {}, answer))
    const close = await late.serve(honestAnswer(late))
    assert.equal(await ask(at('4444')), 'hello')
    await close()
  } finally {
    await late.stop()
  }
})

/** OpenSSL refuses clients in the handshake, with an alert; Node's own servers only cut the connection. */
async function refusesUs(t: TestContext, version: '-tls1_2' | '-tls1_3'): Promise<void> {
  const file = async (name: string, text: string) => {
    await writeFile(join(state.directory, name), text)
    return join(state.directory, name)
  }
  const { key, cert } = identityOf(ec)
  const child = spawn(
    'openssl',
    [
      ...['s_server', '-accept', `${ec.address}:5500`, version, '-quiet', '-Verify', '1', '-verify_return_error'],
      ...['-key', await file('refuser.key', key), '-cert', await file('refuser.pem', cert)],
      ...['-CAfile', await file('nobody.pem', stranger.cert), '-cipher', Object.keys(SUITES).join(':')],
    ],
    { stdio: 'ignore' },
  )
  t.after(() => child.kill())
  await until(async () => {
    const socket = connectTcp(5500, ec.address)
    await once(socket, 'connect')
    socket.destroy()
    return true
  })
  for (let left = 20; left > 0; left -= 1) {
    const outcome = await ask(at('6666'))
    assert.ok(outcome.startsWith(`${CONSUMER_REFUSES} `), outcome)
  }
  child.kill()
  await once(child, 'exit')
}

test('a provider that does not accept us: in TLS 1.2 the handshake fails, in TLS 1.3 it shows later', async (t) => {
  if (!needsTools(t, 'openssl')) return
  await refusesUs(t, '-tls1_2')
  await refusesUs(t, '-tls1_3')
  assert.match(await ask(`${SERVICE_PATH}/items/1`), /"id":"1"/, 'and the consumer goes on')
})

/** 5577 as a peer asks it. */
async function lookUp(query: string, method = 'GET'): Promise<{ status: number; serials: bigint[]; length: number }> {
  const call = httpRequest({ host: provider.address, port: 5577, path: query, method })
  call.end()
  const [answer] = await once(call, 'response')
  const body = await collect(answer, 1 << 20)
  const { type, parameters } = mediaType(answer.headers['content-type'] ?? 'text/plain')
  const serials: bigint[] = []
  if (type === 'multipart/related') {
    assert.equal(parameters.get('type'), 'application/ocsp-response')
    for await (const part of readMultipart(one(body), parameters.get('boundary') ?? '')) {
      assert.equal(part.mediaType, 'application/ocsp-response')
      serials.push(parseOcspResponse(await collect(part.body, 1 << 16)).responses[0]?.serialNumber ?? -1n)
    }
  }
  return { status: answer.statusCode, serials, length: body.length }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

test('5577: all or nothing, in the order asked, by either hash', async () => {
  const keys = await provider.signer.keys()
  const certificate = (use: string) => {
    const text = keys.find((key) => key.use === use && key.label === undefined)?.certificates[0]
    return parseCertificate(Buffer.from(text ?? '', 'base64'))
  }
  const [auth, sign] = [certificate('authentication'), certificate('message')]
  const serials = [auth.serialNumber, sign.serialNumber]
  const both = `/?cert=${auth.sha1}&cert=${sign.sha1}&cert_hash=${auth.sha256}&cert_hash=${sign.sha256}`
  assert.deepEqual((await lookUp(both)).serials, serials, 'as our own consumers ask')
  assert.deepEqual((await lookUp(`/?cert=${sign.sha1}&cert=${auth.sha1}`)).serials, serials.toReversed())
  assert.deepEqual((await lookUp(`/?cert_hash=${sign.sha256.toUpperCase()}`)).serials, [sign.serialNumber])
  for (const query of [
    '/',
    '/?cert=',
    `/?cert=${auth.sha1}&cert=${'0'.repeat(40)}`,
    `/?cert=${'0'.repeat(40)}&cert_hash=${auth.sha256}`,
    `/?${Array.from({ length: 17 }, () => `cert=${auth.sha1}`).join('&')}`,
    // Somebody else's, issued by the same CA: no server relays for others.
    `/?cert=${ec.authCertificate.sha1}`,
  ])
    assert.deepEqual([(await lookUp(query)).status, (await lookUp(query)).serials], [500, []], query)
  const head = await lookUp('/', 'HEAD')
  assert.deepEqual([head.status, head.length], [200, 0])
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) assert.equal((await lookUp(both, method)).status, 500)
})

test('5577 outlives whatever it is asked', async () => {
  for (const text of [
    'GET // HTTP/1.1',
    'GET //[ HTTP/1.1',
    'GET http://[ HTTP/1.1',
    'GET /?%zz=%zz HTTP/1.1',
    '\0\0\0',
  ]) {
    const socket = connectTcp(5577, provider.address)
    socket.on('error', () => {})
    socket.end(`${text}\r\nHost: x\r\nConnection: close\r\n\r\n`)
    socket.resume()
    await once(socket, 'close')
  }
  assert.equal((await lookUp('/', 'HEAD')).status, 200)
})

test('a renewed certificate is shown while the server runs, with the same suites and no sessions', async () => {
  const auth = await provider.signer.generate({ use: 'authentication', algorithm: 'RSA-2048' })
  const subject = requestSubject('Basic', 'authentication', {
    instance: state.instance,
    memberClass: 'GOV',
    memberCode: '1111',
    memberName: 'Member 1111',
    serverCode: 'P',
    dnsName: provider.address,
    country: 'EE',
  })
  const csr = await provider.signer.csr({ key: auth.id, subject })
  const renewed = parseCertificate(await state.authorities.issue('authentication', csr))
  await provider.signer.importCertificate(renewed.der)
  await state.applyFederation((federation) => {
    const [own] = federation['securityServers'].filter((server: Federation) => server['owner'] === 'GOV/1111')
    own.authenticationCertificates.push(Buffer.from(renewed.der).toString('base64'))
  })
  await until(async () => {
    const agreed = await handshake(provider, {})
    return typeof agreed === 'object' && agreed.leaf === renewed.sha256
  })
  await speaksOnlyXRoads(provider, RSA_SUITES)
  assert.match(await ask(`${SERVICE_PATH}/items/1`), /"id":"1"/)
})
