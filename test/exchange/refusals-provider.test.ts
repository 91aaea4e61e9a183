// What another member's server can send to ours, and what it gets for it (issue: Bad input; wire-message §6.1, §6.4).
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { signMessage } from '#evidence'
import { mimeTypes, readSoapFault } from '#protocol'
import type { SecurityServerStatus } from '#security-server/contract'
import { pem } from '#trust'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { logged } from '../federation/process.ts'
import {
  honest,
  parts,
  ROGUE_CLIENT,
  type Rogue,
  type RogueMessage,
  requestHead,
  startRogue,
  transport,
} from '../federation/rogue.ts'
import { onlyOn } from '../stores.ts'

const OPEN = 'TEST/GOV/1111/registry/open'
const CLOSED = 'TEST/GOV/1111/registry/items'
const PREFIX = 'server.serverproxy'

let pair: Pair
let rogue: Rogue
before(async () => {
  pair = await startPair({
    services: (url) => [
      { code: 'items', url, access: [{ subject: CLIENT }] },
      { code: 'open', url, timeoutSeconds: 5, access: [{ subject: ROGUE_CLIENT }, { subject: CLIENT }] },
      { code: 'endpoint', url, access: [{ subject: ROGUE_CLIENT, endpoints: ['GET /items/*'] }] },
      { code: 'off', url, disabled: { notice: 'Back on Monday' }, access: [{ subject: ROGUE_CLIENT }] },
    ],
  })
  rogue = await startRogue(pair.state)
  // The servers learn of the new member with their next configuration download (every 2 s here).
  await waitFor(
    async () =>
      (await send(transport(await honest(rogue, 'request', requestHead(OPEN, { path: '/items/1' }))))).code ===
      undefined,
  )
})
after(async () => {
  await rogue?.stop()
  await pair?.stop()
})

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  for (let left = 50; left > 0; left -= 1) {
    if (await condition().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error('it did not come true')
}

/** The fault code of the answer, bare or as a part; undefined when it is a message. */
async function send(
  message: RogueMessage,
  tls?: object,
): Promise<{ status: number; code: string | undefined; detail: string | undefined; body: string }> {
  const answer = await rogue.post(pair.provider.address, message, tls)
  const start = answer.body.indexOf('<?xml')
  const xml = /<faultcode>/.test(answer.body)
    ? answer.body.slice(start, answer.body.indexOf(':Envelope>', start) + 10)
    : undefined
  const fault = xml === undefined ? undefined : readSoapFault(Buffer.from(xml))
  return { status: answer.status, code: fault?.code, detail: fault?.detail, body: answer.body }
}

async function refused(message: RogueMessage, code: string, tls?: object): Promise<void> {
  const before =
    (await pair.provider.control.get<SecurityServerStatus>('/status')).counters.counts[`provider.${code}`] ?? 0
  const answer = await send(message, tls)
  assert.equal(answer.code, code, answer.body.slice(0, 2000))
  assert.equal(answer.status, 200)
  assert.ok(
    answer.detail !== undefined && (await logged(answer.detail, pair.provider.process)),
    'the id of the fault is in the log',
  )
  const after =
    (await pair.provider.control.get<SecurityServerStatus>('/status')).counters.counts[`provider.${code}`] ?? 0
  assert.equal(after, before + 1, 'the refusal is counted')
}

const head = (path = '/items/1', service = OPEN) => requestHead(service, { path })

test('an honest message of the rogue is served: the refusals below are for what is wrong with them', async () => {
  const answer = await send(transport(await honest(rogue, 'request', head())))
  assert.equal(answer.code, undefined)
  assert.match(answer.body, /application\/x-road-rest-response/)
})

test('HTTP and transport headers', async () => {
  const message = transport(await honest(rogue, 'request', head()))
  await refused({ ...message, headers: { 'x-hash-algorithm': undefined } }, `${PREFIX}.internal_error`)
  await refused({ ...message, headers: { 'x-hash-algorithm': 'MD5' } }, `${PREFIX}.internal_error`)
  await refused({ ...message, contentType: 'text/plain' }, `${PREFIX}.service_failed.invalid_content_type`)
  await refused({ ...message, contentType: 'multipart/mixed' }, `${PREFIX}.service_failed.invalid_content_type`)
  await refused({ ...message, contentType: 'multipart/mixed; boundary=other' }, `${PREFIX}.io_error`)
})

test('parts missing, unknown, repeated, misplaced, after the end', async () => {
  const good = await honest(rogue, 'request', head())
  const [ocsp, rest, signature] = good as [[string, Uint8Array], [string, Uint8Array], [string, Uint8Array]]
  await refused(transport([ocsp, rest]), `${PREFIX}.missing_signature`)
  await refused(transport([ocsp]), `${PREFIX}.missing_rest`)
  await refused(transport([rest, signature]), `${PREFIX}.service_failed.ssl_authentication_failed`)
  await refused(
    transport([ocsp, ['text/strange', Buffer.from('x')], rest, signature]),
    `${PREFIX}.service_failed.invalid_content_type`,
  )
  await refused(
    transport([ocsp, rest, ['text/strange', Buffer.from('x')], signature]),
    `${PREFIX}.service_failed.invalid_content_type`,
  )
  await refused(transport([ocsp, rest, signature, signature]), `${PREFIX}.service_failed.invalid_message`)
  await refused(transport([ocsp, rest, rest, signature]), `${PREFIX}.service_failed.invalid_content_type`)
  await refused(transport(good, { unterminated: true }), `${PREFIX}.io_error`)
  await refused(
    transport([[ocsp[0], Buffer.from('not DER')], rest, signature]),
    `${PREFIX}.service_failed.ssl_authentication_failed`,
  )
})

test('behind a long body: the same codes; a multipart that is broken', async () => {
  const long = await honest(
    rogue,
    'request',
    requestHead(OPEN, { method: 'POST', path: '/echo' }),
    randomBytes(300_000),
  )
  await refused(transport([...long, ...long.slice(-1)]), `${PREFIX}.service_failed.invalid_message`)
  for (const pieces of [await honest(rogue, 'request', head()), long]) {
    const { contentType, body } = transport(pieces)
    const broken = Buffer.from(body).toString('latin1').replace('content-type: signature', 'content type: signature')
    await refused({ contentType, body: Buffer.from(broken, 'latin1') }, `${PREFIX}.mime_parsing_failed`)
  }
})

test('a long body that the disk does not take', async (t) => {
  if (!onlyOn(t, 'sqlite')) return
  const long = await honest(
    rogue,
    'request',
    requestHead(OPEN, { method: 'POST', path: '/echo' }),
    randomBytes(300_000),
  )
  const bodies = join(pair.provider.directory, 'message-log', 'bodies')
  await rename(bodies, `${bodies}-away`)
  try {
    await refused(transport(long), `${PREFIX}.logging_failed`)
  } finally {
    await rename(`${bodies}-away`, bodies)
  }
})

test('heads: hop-by-hop headers, bad paths, bad identifiers, ids that are too long', async () => {
  for (const [text, code] of [
    [
      'GET\r\n/r1/TEST/GOV/1111/registry/open/x\r\nX-Road-Client:TEST/GOV/6666/rogue\r\nHost:evil\r\nx-road-request-id:1\r\nx-road-id:1\r\n',
      'internal_error',
    ],
    [
      'BREW\r\n/r1/TEST/GOV/1111/registry/open/x\r\nX-Road-Client:TEST/GOV/6666/rogue\r\nx-road-request-id:1\r\nx-road-id:1\r\n',
      'internal_error',
    ],
    [
      'GET\r\n/r1/TEST/GOV/1111\r\nX-Road-Client:TEST/GOV/6666/rogue\r\nx-road-request-id:1\r\nx-road-id:1\r\n',
      'internal_error',
    ],
    [
      `GET\r\n/r1/TEST/GOV/1111/registry/open/x\r\nX-Road-Client:TEST/GOV/6666/rogue\r\nx-road-request-id:1\r\nx-road-id:${'i'.repeat(256)}\r\n`,
      'internal_error',
    ],
    ['garbage', 'internal_error'],
  ] as const)
    await refused(transport(await honest(rogue, 'request', Buffer.from(text))), `${PREFIX}.service_failed.${code}`)
})

test('clients, services, rights', async () => {
  const as = async (service: string, path = '/items/1', client = ROGUE_CLIENT) =>
    transport(await honest(rogue, 'request', requestHead(service, { path, client })))
  await refused(await as(CLOSED), `${PREFIX}.access_denied`)
  await refused(await as('TEST/GOV/1111/registry/nothing'), `${PREFIX}.unknown_service`)
  await refused(await as('TEST/GOV/1111/registry/off'), `${PREFIX}.service_disabled`)
  await refused(await as('TEST/GOV/2222/office/items'), `${PREFIX}.service_failed.unknown_member`)
  // Someone else's client over the rogue's own TLS connection.
  await refused(await as(OPEN, '/items/1', CLIENT), `${PREFIX}.service_failed.ssl_authentication_failed`)
  await refused(
    await as(OPEN, '/items/1', 'TEST/GOV/9999/nobody'),
    `${PREFIX}.service_failed.ssl_authentication_failed`,
  )
})

test('paths cannot climb out of an endpoint right', async () => {
  const service = 'TEST/GOV/1111/registry/endpoint'
  const as = async (path: string) => transport(await honest(rogue, 'request', requestHead(service, { path })))
  assert.equal((await send(await as('/items/1'))).code, undefined)
  for (const path of [
    '/echo',
    '/items/../echo',
    '/items/%2e%2e/echo',
    '/items/a%2Fb',
    '/items/a%3Fb',
    '/items/a%23b',
    '/items/..%2f..%2fecho',
    '//items/1',
    '/items/1/2',
    '/items/%00',
    '/items;/1',
  ])
    assert.match((await send(await as(path))).code ?? 'served', /access_denied|internal_error/, path)
  assert.ok(!pair.service.seen.some((seen) => seen.url.includes('echo')), 'nothing of it reached the service')
})

test('signatures: of another message, by another member, over nothing, broken, with parts left out', async () => {
  const good = await honest(rogue, 'request', head('/items/2'))
  const other = await honest(rogue, 'request', head('/items/3'))
  const code = (sub: string) => `${PREFIX}.signature_verification.${sub}`
  const swap = (index: number, value: Uint8Array) =>
    transport(good.map(([type, body], at) => [type, at === index ? value : body] as const))
  await refused(swap(2, other[2]?.[1] ?? Buffer.alloc(0)), code('invalid_signature_value'))
  await refused(swap(2, Buffer.from('<not xml')), code('invalid_xml'))
  await refused(swap(2, Buffer.from('<a/>')), code('malformed_signature'))
  // A body that no reference covers.
  await refused(
    transport([...good.slice(0, 2), [mimeTypes.restBody, Buffer.from('smuggled')] as const, ...good.slice(2)]),
    code('malformed_signature'),
  )
  // A batch signature whose chain says other things.
  const batch = await honest(rogue, 'request', head('/items/4'), Buffer.from('body'))
  const chainAt = batch.findIndex(([type]) => type === mimeTypes.chain)
  const tampered = batch.map(([type, body], at) => [type, at === 2 ? Buffer.from('other') : body] as const)
  assert.match(
    (await send(transport(tampered))).code ?? '',
    /signature_verification\.(malformed_signature|invalid_signature_value)/,
  )
  const withoutChain = batch.filter((_, at) => at !== chainAt)
  assert.match((await send(transport(withoutChain))).code ?? '', /signature_verification|invalid_content_type/)
  const chain = batch[chainAt]?.[1].toString() ?? ''
  for (const [what, changed] of [
    [
      'a cycle',
      Buffer.from(batch[chainAt]?.[1] ?? [])
        .toString()
        .replace(/<([a-z0-9]*:?)DataRef[\s\S]*<\/\1DataRef>/, '<$1StepRef URI="#STEP0"/>'),
    ],
    [
      'an unused input',
      Buffer.from(batch[chainAt]?.[1] ?? [])
        .toString()
        .replace('/attachment1', '/attachment9'),
    ],
    ['no chain at all', chain.slice(0, 20)],
  ] as const)
    assert.match(
      (
        await send(
          transport(batch.map(([type, body], at) => [type, at === chainAt ? Buffer.from(changed) : body] as const)),
        )
      ).code ?? 'served',
      /signature_verification/,
      what,
    )
})

test('a signature that is right but was made by a key of another member', async () => {
  const message = requestHead(OPEN, { path: '/items/5' })
  const foreign = { ...rogue.signer, certificate: rogue.authCertificate }
  const signature = await signMessage(parts(message), foreign, new Date())
  const good = await honest(rogue, 'request', message)
  assert.match(
    (await send(transport(good.map(([type, body], at) => [type, at === 2 ? signature.xml : body] as const)))).code ??
      'served',
    /signature_verification/,
  )
})

test('TLS: no certificate, an unregistered one, a resumed session', async () => {
  const message = transport(await honest(rogue, 'request', head()))
  await refused(message, `${PREFIX}.service_failed.ssl_authentication_failed`, {})
  const stranger = await pair.state.authorities.issue('authentication', await strangerRequest())
  await refused(message, `${PREFIX}.service_failed.ssl_authentication_failed`, {
    key: strangerKey,
    cert: pem('CERTIFICATE', stranger),
  })
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const identity = { key: rogue.authKey, cert: pem('CERTIFICATE', rogue.authCertificate.der) }
    const first = connect({
      host: pair.provider.address,
      port: 5500,
      rejectUnauthorized: false,
      maxVersion,
      ...identity,
    })
    let session: Buffer | undefined
    first.on('session', (ticket) => {
      session = ticket
    })
    await once(first, 'secureConnect')
    await new Promise((resolve) => setTimeout(resolve, 100))
    first.destroy()
    if (session === undefined) continue
    const second = connect({ host: pair.provider.address, port: 5500, rejectUnauthorized: false, maxVersion, session })
    second.on('error', () => {})
    await Promise.race([once(second, 'secureConnect'), once(second, 'close')])
    assert.ok(!second.isSessionReused(), `${maxVersion}: no session is resumed without a certificate`)
    second.destroy()
  }
})

test('a body cut in the middle, and bytes that are no HTTP, leave the server and its log sound', async () => {
  const body = randomBytes(200_000)
  const good = transport(await honest(rogue, 'request', requestHead(OPEN, { method: 'POST', path: '/count' }), body))
  const socket = connect({
    host: pair.provider.address,
    port: 5500,
    rejectUnauthorized: false,
    key: rogue.authKey,
    cert: pem('CERTIFICATE', rogue.authCertificate.der),
  })
  await once(socket, 'secureConnect')
  socket.write(
    `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${good.contentType}\r\nContent-Length: ${good.body.length}\r\nx-hash-algorithm: SHA-512\r\nx-road-message-type: REST\r\nx-proxy-version: 7.8.0\r\n\r\n`,
  )
  socket.write(good.body.subarray(0, 100_000))
  await new Promise((resolve) => setTimeout(resolve, 100))
  socket.destroy()
  const garbage = connect({
    host: pair.provider.address,
    port: 5500,
    rejectUnauthorized: false,
    key: rogue.authKey,
    cert: pem('CERTIFICATE', rogue.authCertificate.der),
  })
  garbage.on('error', () => {})
  garbage.resume()
  await once(garbage, 'secureConnect')
  garbage.write('\x00\x01 nothing like HTTP \r\n\r\n')
  await once(garbage, 'close')
  assert.equal((await pair.call('/items/1')).status, 200)
  assert.equal((await send(transport(await honest(rogue, 'request', head())))).code, undefined)
})

let strangerKey = ''
/** A request for a certificate that nobody registers. */
async function strangerRequest(): Promise<Uint8Array> {
  const { generateKeyPairSync, sign } = await import('node:crypto')
  const { buildRequest, oids, signatureNamed } = await import('#trust')
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  strangerKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const algorithm = signatureNamed('SHA256withECDSA')
  if (algorithm === undefined) throw new Error('no such algorithm')
  return await buildRequest(
    {
      subject: [
        { oid: oids.commonName, value: 'stranger' },
        { oid: oids.country, value: 'EE' },
        { oid: oids.organization, value: 'S' },
        { oid: oids.serialNumber, value: '1' },
      ],
      spki: publicKey.export({ type: 'spki', format: 'der' }),
      keyUsage: ['digitalSignature', 'keyEncipherment'],
      algorithm,
    },
    async (tbs) => sign('sha256', tbs, privateKey),
  )
}
