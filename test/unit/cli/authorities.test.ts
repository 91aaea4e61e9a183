// Time-stamping authorities and responders as `saadik evidence` asks them: what a real one gives is taken, what a wrong one gives is not.
import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { TrustMaterial } from '#protocol'
import {
  buildTimestampRequest,
  buildTimestampResponse,
  digest,
  equalBytes,
  parseOcspRequest,
  parseTimestampRequest,
  parseTimestampToken,
  signatureFor,
  timestampRejection,
} from '#trust'
import { authoritiesOf } from '../../../cli/authorities.ts'
import { CliError } from '../../../cli/error.ts'
import { foundCountry, NOW, signatureOf } from '../evidence/authority.ts'

const country = foundCountry()
const holder = country.member('EC-P256')
const IMPRINT = digest('SHA-512', Buffer.from('x'))

/** What the authority answers to the octets of a request, by the path it is asked at. */
type Answering = (request: Buffer) => Promise<Uint8Array | number>

async function granted(request: Uint8Array): Promise<Uint8Array> {
  return buildTimestampResponse(
    {
      request: parseTimestampRequest(request),
      tsa: country.tsa.certificate,
      policy: '1.3.6.1.4.1.99999.1',
      serialNumber: 5n,
      genTime: NOW,
      algorithm: signatureFor(country.tsa.privateKey, 'SHA-256'),
    },
    async (attributes) => signatureOf(country.tsa.privateKey, attributes, 'SHA-256'),
  )
}

const replayed = await granted(buildTimestampRequest({ digest: 'SHA-512', imprint: IMPRINT, nonce: 1n, certReq: true }))
const answers: Readonly<Record<string, Answering>> = {
  '/good': granted,
  '/replayed': async () => replayed,
  '/other-imprint': async (request) => {
    const { nonce } = parseTimestampRequest(request)
    const imprint = digest('SHA-512', Buffer.from('y'))
    return granted(buildTimestampRequest({ digest: 'SHA-512', imprint, certReq: true, ...(nonce && { nonce }) }))
  },
  '/refusing': async () => timestampRejection('badAlg', 'not this one'),
  '/failing': async () => 500,
  '/nonsense': async () => Buffer.from('no DER'),
  '/endless': async () => Buffer.alloc(1 << 20),
  '/ocsp': async (request) => {
    assert.ok(parseOcspRequest(request))
    return country.ocsp(holder.certificate)
  },
}

let base: string
const listener: RequestListener = (request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', async () => {
    const answer = (await answers[request.url ?? '']?.(Buffer.concat(chunks))) ?? 404
    if (typeof answer === 'number') response.writeHead(answer).end()
    else response.end(answer)
  })
}
const server = createServer(listener)
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => server.close())

/** The country as its configuration would name these addresses. */
function trusting(tsas: readonly string[], responders: readonly string[] = []): TrustMaterial {
  const [authority] = country.trust.authorities
  assert.ok(authority)
  return {
    ...country.trust,
    authorities: [{ ...authority, ocspUrls: responders.map((path) => base + path) }],
    tsas: tsas.map((path) => ({ name: path, url: base + path, certificate: country.tsa.certificate })),
  }
}

const unreachable = (attempt: Promise<unknown>, why: RegExp) =>
  assert.rejects(
    attempt,
    (error) => error instanceof CliError && error.code === 'unreachable' && why.test(error.message),
  )

test('a token over this imprint, with the certificate of its authority and the time until which it stands', async () => {
  const { token, genTime, standing, tsa } = await authoritiesOf(trusting(['/good']), undefined).stamp(
    'SHA-512',
    IMPRINT,
  )
  const read = parseTimestampToken(token)
  assert.ok(equalBytes(read.imprint, IMPRINT))
  assert.ok(read.certificates.some(({ der }) => equalBytes(der, tsa.der)))
  assert.deepEqual(genTime, NOW)
  assert.deepEqual(standing.until, country.tsa.certificate.notAfter)
})

test('the first that gives one; --tsa alone where it is said', async () => {
  await authoritiesOf(trusting(['/failing', '/good']), undefined).stamp(
    'SHA3-512',
    digest('SHA3-512', Buffer.from('x')),
  )
  await unreachable(authoritiesOf(trusting(['/good']), `${base}/failing`).stamp('SHA-512', IMPRINT), /HTTP status 500/)
})

for (const [path, why] of [
  ['/replayed', /for something else/],
  ['/other-imprint', /for something else/],
  ['/refusing', /refused with status 2 badAlg not this one/],
  ['/failing', /HTTP status 500/],
  ['/nonsense', /DER/],
  ['/endless', /longer than/],
] as const)
  test(`an authority that is ${path.slice(1)}`, () =>
    unreachable(authoritiesOf(trusting([path]), undefined).stamp('SHA-512', IMPRINT), why))

test('an authority that the configuration does not name', async () => {
  const stranger = authoritiesOf({ ...trusting([]), tsas: [] }, `${base}/good`)
  await unreachable(stranger.stamp('SHA-512', IMPRINT), /not approved/)
  await assert.rejects(
    authoritiesOf({ ...trusting([]), tsas: [] }, undefined).stamp('SHA-512', IMPRINT),
    (error) => error instanceof CliError && error.code === 'usage',
  )
})

test('responders of the issuer, in turn; none where none is known', async () => {
  const ask = (responders: readonly string[]) =>
    authoritiesOf(trusting([], responders), undefined).ocsp(holder.certificate, country.ca.certificate)
  assert.ok(await ask(['/failing', '/ocsp']))
  assert.equal(await ask([]), undefined)
  await unreachable(ask(['/failing']), /nobody says whether .* is revoked/)
})
