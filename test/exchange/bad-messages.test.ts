// What was refused nowhere else at work: messages whose certificates are revoked or whose OCSP answers are stale, answers with parts
// that nobody signed, chains in a circle, HTTP that is none; each with its code, counted, and nothing logged (issue: Bad input).
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { buildRestResponse, mimeTypes, parseRestRequest, readSoapFault, restRequestHash } from '#protocol'
import { digest, parseOcspResponse, pem } from '#trust'
import { CLIENT, CLIENT_HEADER, type Pair, SERVICE_PATH, startPair } from '../federation/pair.ts'
import {
  honest,
  httpAnswer,
  ROGUE_CLIENT,
  type Rogue,
  requestHead,
  startRogue,
  transport,
} from '../federation/rogue.ts'
import { textOf } from '../federation/sockets.ts'
import { leaves, until } from '../federation/traces.ts'

const CONSUMER = 'server.clientproxy'
const PROVIDER = 'server.serverproxy'
const ROGUE_SERVICE = '/r1/TEST/GOV/6666/rogue/any/x'
const FRESHNESS_SECONDS = 8

type Pieces = [type: string, bytes: Uint8Array][]
type Bend = (pieces: Pieces) => Pieces | Promise<Pieces>

let pair: Pair
let rogue: Rogue
/** Answers about the rogue's two certificates that were good at the start. */
let old: { authentication: Uint8Array; signing: Uint8Array }

before(async () => {
  const config = { configuration: { intervalSeconds: 1 }, ocsp: { fetchIntervalSeconds: 1 } }
  pair = await startPair({
    settings: { ocspFreshnessSeconds: FRESHNESS_SECONDS, timestampingIntervalSeconds: 1, verifyNextUpdate: false },
    authorities: { ocsp: { cacheSeconds: 0 } },
    services: (url) => [{ code: 'items', url, access: [{ subject: CLIENT }, { subject: ROGUE_CLIENT }] }],
    providerConfig: config,
    consumerConfig: config,
  })
  rogue = await startRogue(pair.state)
  old = { authentication: await rogue.ocsp(rogue.authCertificate), signing: rogue.signer.ocsp }
  await until(async () => (await send(await requestOf('known'))) === undefined)
  await until(async () => (await answered('known', (pieces) => pieces)).code === null)
})
after(async () => {
  await rogue?.stop()
  await pair?.stop()
})

/** The rogue with a fresh OCSP answer in its signatures, or with that one. */
async function signingWith(ocsp?: Uint8Array): Promise<Rogue> {
  return { ...rogue, signer: { ...rogue.signer, ocsp: ocsp ?? (await rogue.ocsp(rogue.signer.certificate)) } }
}

async function requestOf(id: string, as?: Rogue, body?: Uint8Array): Promise<Pieces> {
  const head = requestHead('TEST/GOV/1111/registry/items', { method: body ? 'POST' : 'GET', path: '/items/1', id })
  return await honest(as ?? (await signingWith()), 'request', head, body)
}

/** The fault code that our provider has for it. */
async function send(pieces: Pieces): Promise<string | undefined> {
  const { body } = await rogue.post(pair.provider.address, transport(pieces))
  const xml = /<\?xml[\s\S]*<faultcode>[\s\S]*Envelope>/.exec(body)?.[0]
  return xml === undefined ? undefined : readSoapFault(Buffer.from(xml))?.code
}

/** What our consumer makes of an answer of the rogue's. */
async function answered(
  id: string,
  bend: Bend,
  as?: Rogue,
  lookUp?: Uint8Array,
): Promise<{ code: string | null; text: string }> {
  const signing = as ?? (await signingWith())
  const close = await rogue.serve(
    async (request) => {
      const raw = request.toString('latin1')
      const start = raw.indexOf('\r\n\r\n', raw.indexOf(mimeTypes.restRequest)) + 4
      const head = Buffer.from(raw.slice(start, raw.indexOf('\r\n--xtop', start)), 'latin1')
      const parsed = parseRestRequest(head)
      const { bytes } = buildRestResponse({
        status: 200,
        reason: 'OK',
        rawHeaders: ['Content-Type', 'text/plain'],
        request: parsed,
        requestId: parsed.requestId,
        requestHash: restRequestHash(digest('SHA-512', head)),
      })
      return httpAnswer(transport(await bend(await honest(signing, 'response', bytes, Buffer.from('hello')))))
    },
    {},
    lookUp === undefined ? undefined : async () => lookUp,
  )
  try {
    const answer = await fetch(`${pair.consumer.client}${ROGUE_SERVICE}`, {
      headers: { ...CLIENT_HEADER, 'X-Road-Id': id },
    })
    return { text: await answer.text(), code: answer.headers.get('x-road-error') }
  } finally {
    await close()
  }
}

async function requestRefused(id: string, code: string, pieces: Pieces): Promise<void> {
  await leaves(pair, id, { counts: [`provider.${PROVIDER}.${code}`] }, async () =>
    assert.equal(await send(pieces), `${PROVIDER}.${code}`, id),
  )
}

/** The request has gone out, so the consumer has it; of the answer nobody keeps anything. */
async function answerRefused(id: string, code: string, bend: Bend, as?: Rogue): Promise<void> {
  await leaves(pair, id, { counts: [`consumer.${CONSUMER}.${code}`], consumer: 'request' }, async () =>
    assert.equal((await answered(id, bend, as)).code, `${CONSUMER}.${code}`, id),
  )
}

const extra =
  (type: string, at: number): Bend =>
  (pieces) =>
    pieces.toSpliced(at, 0, [type, Buffer.from('smuggled')])
const changed =
  (type: string, change: (text: string) => string): Bend =>
  (pieces) =>
    pieces.map(([kind, bytes]) => [kind, kind === type ? Buffer.from(change(`${Buffer.from(bytes)}`)) : bytes])
/** A step whose input is its own result. */
const circle = changed(mimeTypes.chain, (xml) =>
  xml.replace(/<([a-z0-9]*:?)DataRef[\s\S]*?<\/\1DataRef>/, '<$1StepRef URI="#STEP0"/>'),
)
const absentStep = changed(mimeTypes.chain, (xml) =>
  xml.replace(/<([a-z0-9]*:?)DataRef[\s\S]*?<\/\1DataRef>/, '<$1StepRef URI="#STEP99"/>'),
)

test('answers with parts that nobody knows, nobody signed, or that come too late', async () => {
  await answerRefused('unknown part', 'service_failed.invalid_content_type', extra('text/strange', 1))
  await answerRefused('second body', 'service_failed.invalid_content_type', extra(mimeTypes.restBody, 2))
  await answerRefused('after the end', 'service_failed.invalid_message', (pieces) => [...pieces, ...pieces.slice(-1)])
  await answerRefused('no body', 'signature_verification.malformed_signature.invalid_hash_chain_ref', (pieces) =>
    pieces.filter(([type]) => type !== mimeTypes.restBody),
  )
})

test('hash chains in a circle, with a step that is not there, or none', async () => {
  for (const [what, code, bend] of [
    ['circle', 'signature_verification.malformed_signature.malformed_hash_chain', circle],
    ['absent step', 'signature_verification.malformed_signature.malformed_hash_chain', absentStep],
    [
      'no XML',
      'signature_verification.malformed_signature.malformed_hash_chain',
      changed(mimeTypes.chain, (xml) => xml.slice(0, 40)),
    ],
  ] as const) {
    await answerRefused(`answer ${what}`, code, bend)
    const id = `request ${what}`
    await requestRefused(id, code, await bend(await requestOf(id, undefined, Buffer.from('body'))))
  }
})

test('stale OCSP answers, in signatures and about TLS certificates', async () => {
  await sleep(FRESHNESS_SECONDS * 1000 + 1500)
  // What the consumer has kept of its last meeting is as old, so it asks; and is told the same again.
  const { code, text } = await answered('stale provider', (pieces) => pieces, undefined, old.authentication)
  assert.equal(code, `${CONSUMER}.ssl_authentication_failed`, text)
  const stale = await signingWith(old.signing)
  const info = 'signature_verification.invalid_cert_path.incorrect_validation_info'
  await requestRefused('stale signature', info, await requestOf('stale signature', stale))
  await answerRefused('stale answer', info, (pieces) => pieces, stale)
  await requestRefused(
    'stale peer',
    'service_failed.ssl_authentication_failed',
    (await requestOf('stale peer')).map(([type, bytes]) => [
      type,
      type === mimeTypes.ocspResponse ? old.authentication : bytes,
    ]),
  )
})

test('OCSP answers about another certificate of the same member', async () => {
  const foreign = await signingWith(await rogue.ocsp(rogue.authCertificate))
  const info = 'signature_verification.invalid_cert_path.incorrect_validation_info'
  await requestRefused('foreign ocsp', info, await requestOf('foreign ocsp', foreign))
  await answerRefused('foreign ocsp answer', info, (pieces) => pieces, foreign)
})

test('a message signed with a revoked certificate', async () => {
  await pair.state.authorities.revoke(rogue.signer.certificate.der)
  const status = async () =>
    parseOcspResponse(await rogue.ocsp(rogue.signer.certificate)).responses.map((one) => one.status)
  await until(async () => (await status()).includes('revoked'))
  const code = 'signature_verification.invalid_cert_path.cert_validation'
  await requestRefused('revoked', code, await requestOf('revoked'))
  await answerRefused('revoked answer', code, (pieces) => pieces)
})

const SMUGGLING = 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
const TOO_LARGE = `X-Big: ${'y'.repeat(40_000)}\r\n\r\n`

test('HTTP that is none, to 8080: counted too', async () => {
  const head = `POST ${SERVICE_PATH}/count HTTP/1.1\r\nHost: x\r\nX-Road-Client: ${CLIENT}\r\nX-Road-Id: no-http\r\n`
  for (const [what, code, text] of [
    ['two lengths', 'internal_error', `${head}${SMUGGLING}`],
    ['too large', 'internal_error', `${head}${TOO_LARGE}`],
    ['no such server', 'invalid_security_server', `${head}X-Road-Security-Server: TEST/GOV/1111/NONE\r\n\r\n`],
    ['chunks that are none', 'internal_error', `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`],
  ] as const)
    await leaves(pair, 'no-http', { counts: [`consumer.${CONSUMER}.${code}`] }, async () => {
      const socket = connect(8080, pair.consumer.address)
      socket.on('error', () => {})
      socket.write(text)
      const answer = await textOf(socket, /\r\n\r\n.*}/s)
      assert.match(answer, new RegExp(`x-road-error: ${CONSUMER}.${code}`, 'i'), what)
    })
})

test('HTTP that is none, to 5500', async () => {
  const identity = { key: rogue.authKey, cert: pem('CERTIFICATE', rogue.authCertificate.der) }
  for (const text of [
    `POST / HTTP/1.1\r\nHost: x\r\n${SMUGGLING}`,
    `POST / HTTP/1.1\r\nHost: x\r\n${TOO_LARGE}`,
    'x\r\n\r\n',
  ])
    await leaves(pair, 'none', { counts: [`provider.${PROVIDER}.internal_error`] }, async () => {
      const socket = connectTls({ host: pair.provider.address, port: 5500, rejectUnauthorized: false, ...identity })
      socket.on('error', () => {})
      await once(socket, 'secureConnect')
      socket.write(text)
      assert.match(await textOf(socket, /Envelope>/), new RegExp(`^HTTP/1.1 4[\\s\\S]*${PROVIDER}.internal_error`))
    })
})
