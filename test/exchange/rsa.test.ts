// RSA members under RSA authorities, and RSA with EC both ways: exchanges, TLS between the servers, and evidence that we and other
// people's tools verify (wire-message §1.3, §3.2, §4; issue: Shows it 5).
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connect } from 'node:tls'
import { parseCertificate, pem } from '#trust'
import { assertPassed, entriesOf, evidenceOf, verdictOf } from '../federation/evidence.ts'
import { logged } from '../federation/process.ts'
import { startService, type TestService } from '../federation/service.ts'
import { type State, type StateServer, startState } from '../federation/state.ts'
import { needsTools, tool } from '../tools.ts'

/** Each is a member with a security server of its own, and asks as well as it serves. */
const MEMBERS = {
  rsa: { code: '1111', algorithm: 'RSA-2048', key: 'rsa', method: /^http:.*#rsa-sha(256|384|512)$/ },
  otherRsa: { code: '2222', algorithm: 'RSA-2048', key: 'rsa', method: /^http:.*#rsa-sha(256|384|512)$/ },
  ec: { code: '3333', algorithm: 'EC-P256', key: 'ec', method: /^http:.*#ecdsa-sha(256|384|512)$/ },
} as const
type Name = keyof typeof MEMBERS
const LEGS = ['requestOnly', 'responseOnly'] as const
const DIRECTIONS: readonly (readonly [consumer: Name, provider: Name])[] = [
  ['rsa', 'otherRsa'],
  ['ec', 'rsa'],
  ['rsa', 'ec'],
]

const clientOf = (name: Name) => `TEST/GOV/${MEMBERS[name].code}/office`
const idOf = (consumer: Name, provider: Name, body: boolean) => `${consumer}-${provider}-${body ? 'body' : 'none'}`

let state: State
let service: TestService
const server = (name: Name): StateServer => state.server(name)

before(async () => {
  service = await startService()
  const names = Object.keys(MEMBERS) as Name[]
  const access = names.map((name) => ({ subject: clientOf(name) }))
  const services = [{ code: 'items', url: service.url, timeoutSeconds: 5, access }]
  state = await startState({
    authorities: { algorithm: 'RSA-2048' },
    servers: names.map((name) => ({
      code: name,
      owner: `GOV/${MEMBERS[name].code}`,
      subsystems: ['office'],
      algorithm: MEMBERS[name].algorithm,
      clients: [{ id: clientOf(name), connection: 'HTTP', services }],
      config: { logLevel: 'debug' },
    })),
  })
})
after(async () => {
  await state?.stop()
  await service?.stop()
})

for (const [consumer, provider] of DIRECTIONS)
  test(`${consumer} asks ${provider}: messages with and without a body`, async () => {
    const url = `${server(consumer).client}/r1/${clientOf(provider)}/items`
    const headers = (body: boolean) => ({
      'X-Road-Client': clientOf(consumer),
      'X-Road-Id': idOf(consumer, provider, body),
    })
    const body = randomBytes(100_000)
    const sent = await fetch(`${url}/count`, { method: 'POST', body, headers: headers(true) })
    assert.deepEqual(await sent.json(), { bytes: body.length, sha256: createHash('sha256').update(body).digest('hex') })
    const got = await fetch(`${url}/items/7`, { headers: headers(false) })
    assert.deepEqual(await got.json(), { id: '7', method: 'GET' })
    assert.match(got.headers.get('x-road-request-hash') ?? '', /^[A-Za-z0-9+/]{86}==$/)
  })

test('each server shows a certificate of its kind of key, and TLS 1.3 is what they speak', async () => {
  for (const name of Object.keys(MEMBERS) as Name[]) {
    const socket = connect({ host: server(name).address, port: 5500, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    assert.equal(socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType, MEMBERS[name].key)
    socket.destroy()
  }
  for (const [consumer, provider] of DIRECTIONS) {
    const met = `"message":"peer connected","server":"TEST/GOV/${MEMBERS[consumer].code}/${consumer}","protocol":"TLSv1.3"`
    assert.ok(await logged(met, server(provider).process), `${provider} met ${consumer}`)
  }
})

interface Piece {
  readonly what: string
  readonly signer: Name
  readonly container: Buffer
}

/** The containers of one direction: both messages, both legs, as both servers have them. */
async function pieces(consumer: Name, provider: Name): Promise<Piece[]> {
  const found: Piece[] = []
  for (const body of [true, false])
    for (const leg of LEGS)
      for (const holder of [consumer, provider])
        found.push({
          what: `${idOf(consumer, provider, body)} ${leg} of ${holder}`,
          signer: leg === 'requestOnly' ? consumer : provider,
          container: await evidenceOf(server(holder), clientOf(holder), idOf(consumer, provider, body), leg),
        })
  return found
}

for (const [consumer, provider] of DIRECTIONS)
  test(`${consumer} asks ${provider}: the evidence of both verifies, signed as the key wants it`, async () => {
    for (const { what, signer, container } of await pieces(consumer, provider)) {
      const report = await verdictOf(server(consumer), container)
      assertPassed(report)
      assert.equal(report.signer, clientOf(signer), what)
      const xml = `${(await entriesOf(container)).get('META-INF/signatures.xml')}`
      assert.match(/<ds:SignatureMethod Algorithm="([^"]+)"/.exec(xml)?.[1] ?? '', MEMBERS[signer].method, what)
      const [, certificate = ''] = /<ds:X509Certificate>([^<]+)</.exec(xml) ?? []
      const { publicKey } = parseCertificate(Buffer.from(certificate, 'base64'))
      assert.equal(publicKey.asymmetricKeyType, MEMBERS[signer].key, what)
    }
  })

for (const [consumer, provider] of DIRECTIONS)
  test(`${consumer} asks ${provider}: xmlsec1 and openssl ts accept the evidence, and nothing changed`, async (t) => {
    if (!needsTools(t, 'xmlsec1', 'openssl')) return
    const roots = join(state.directory, 'roots.pem')
    const { root, issuing } = state.authorities
    await writeFile(roots, pem('CERTIFICATE', root) + pem('CERTIFICATE', issuing))
    for (const [index, { what, container }] of (await pieces(consumer, provider)).entries()) {
      const at = join(state.directory, `${consumer}-${provider}-${index}`)
      await mkdir(at)
      const entries = await entriesOf(container)
      for (const [name, bytes] of entries) await writeFile(join(at, name.replaceAll('/', '_')), bytes)
      const covered = entries.has('sig-hashchainresult.xml') ? 'sig-hashchainresult.xml' : 'message.xml'
      const maps = ['message.xml', 'sig-hashchainresult.xml']
        .filter((name) => entries.has(name))
        .flatMap((name) => [`--url-map:/${name}`, join(at, name)])
      const judge = () =>
        tool('xmlsec1', [
          ...['--verify', ...maps, '--id-attr:Id', 'SignedProperties', '--insecure'],
          join(at, 'META-INF_signatures.xml'),
        ])
      const good = judge()
      assert.equal(good.status, 0, `${what}: ${good.stderr}`)
      await writeFile(join(at, covered), `${entries.get(covered)} `)
      assert.notEqual(judge().status, 0, what)
      const stamp = timestampOf(entries)
      await writeFile(join(at, 'token'), stamp.token)
      await writeFile(join(at, 'stamped'), stamp.data)
      const { stdout, stderr } = tool('openssl', [
        ...['ts', '-verify', '-token_in', '-in', join(at, 'token'), '-data', join(at, 'stamped'), '-CAfile', roots],
      ])
      assert.match(stdout + stderr, /Verification: OK/, what)
    }
  })

/** Beside the signature over a hash chain, or inside it over the signature value (wire-message §7.3). */
function timestampOf(entries: ReadonlyMap<string, Buffer>): { token: Buffer; data: Buffer } {
  const token = entries.get('META-INF/timestamp.tst')
  const data = entries.get('ts-hashchainresult.xml')
  if (token !== undefined && data !== undefined) return { token, data }
  const xml = `${entries.get('META-INF/signatures.xml')}`
  const inside = (pattern: RegExp) => Buffer.from(pattern.exec(xml)?.[1] ?? '', 'base64')
  return {
    token: inside(/<xades:EncapsulatedTimeStamp>([^<]+)</),
    data: inside(/<ds:SignatureValue[^>]*>([^<]+)</),
  }
}
