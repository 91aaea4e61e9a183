import assert from 'node:assert/strict'
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test, { type TestContext } from 'node:test'
import { isAuthenticationCertificate, parseCertificate, parseRequest, pem } from '#trust'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vector } from '../../vectors.ts'
import { scratch } from '../host/scratch.ts'
import { startedSigner } from './signer-process.ts'

const SUBJECT = [
  { oid: '2.5.4.6', value: 'EE' },
  { oid: '2.5.4.10', value: 'Siseministeerium "ö"' },
  { oid: '2.5.4.3', value: 'Siseministeerium' },
  { oid: '2.5.4.5', value: '70000001' },
]

test('requests: the subject in order, the usage of the key, signed by the key; openssl verifies them', async (t) => {
  const { client } = await startedSigner(t)
  const folder = scratch(t)
  const usages = {
    message: ['nonRepudiation'],
    authentication: ['digitalSignature', 'keyEncipherment', 'dataEncipherment'],
  } as const
  for (const algorithm of ['EC-P256', 'RSA-2048'] as const) {
    for (const use of ['message', 'authentication'] as const) {
      const key = await client.generate({ use, algorithm })
      const der = await client.csr({
        key: key.id,
        subject: SUBJECT,
        ...(use === 'authentication' && { dnsName: 'interior.example' }),
      })
      const request = parseRequest(der)
      assert.equal(Buffer.from(request.spki).toString('base64'), key.spki)
      assert.deepEqual(
        request.subject.attributes.map(({ oid, value }) => ({ oid, value })),
        SUBJECT,
      )
      assert.deepEqual([...(request.keyUsage ?? [])].sort(), [...usages[use]].sort())
      assert.deepEqual(request.dnsNames, use === 'authentication' ? ['interior.example'] : [])
      if (!needsTools(t, 'openssl')) continue
      writeFileSync(join(folder, 'r.der'), der)
      const judged = tool('openssl', ['req', '-in', 'r.der', '-inform', 'DER', '-verify', '-noout', '-text'], {
        cwd: folder,
      })
      assert.equal(judged.status, 0, judged.stderr)
      assert.match(judged.stdout + judged.stderr, /verify OK/i)
    }
  }
})

test('configuration keys certify themselves as a central server does (wire-conf §2.5); the certificate stays with the key', async (t) => {
  const { client } = await startedSigner(t)
  for (const algorithm of ['EC-P256', 'RSA-2048'] as const) {
    const key = await client.generate({ use: 'configuration', algorithm })
    const der = await client.selfSign({ key: key.id, commonName: 'internalSigningKey' })
    const seen = new X509Certificate(der)
    assert.ok(seen.verify(seen.publicKey))
    assert.deepEqual(
      [seen.subject, seen.issuer, seen.serialNumber, seen.ca],
      ['CN=internalSigningKey', 'CN=internalSigningKey', '01', true],
    )
    assert.deepEqual(
      [seen.validFromDate.toISOString(), seen.validToDate.toISOString()],
      ['1970-01-01T00:00:00.000Z', '2038-01-01T00:00:00.000Z'],
    )
    const certificate = parseCertificate(der)
    assert.deepEqual([...(certificate.keyUsage ?? [])].sort(), ['keyCertSign', 'nonRepudiation'])
    assert.equal(certificate.signatureAlgorithm?.digest, 'SHA-512')
    const kept = (await client.keys()).find(({ id }) => id === key.id)
    assert.deepEqual(kept?.certificates, [Buffer.from(der).toString('base64')])
  }
})

test('internal TLS keys certify themselves for their names and addresses', async (t) => {
  const { client } = await startedSigner(t)
  const key = await client.generate({ use: 'authentication', algorithm: 'EC-P256', label: 'internal-tls' })
  const der = await client.selfSign({
    key: key.id,
    commonName: 'interior',
    subjectAlternativeNames: { dns: ['interior', 'localhost'], ip: ['127.0.0.11'] },
  })
  const seen = new X509Certificate(der)
  assert.ok(seen.verify(seen.publicKey))
  assert.equal(seen.ca, false)
  assert.equal(seen.subjectAltName, 'DNS:interior, DNS:localhost, IP Address:127.0.0.11')
  assert.deepEqual(seen.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  assert.equal(seen.checkHost('localhost'), 'localhost')
  assert.equal(seen.checkIP('127.0.0.11'), '127.0.0.11')
  assert.ok(isAuthenticationCertificate(parseCertificate(der)))
  // Handing it in again, as one does who does not know that it is kept, changes nothing.
  assert.equal((await client.importCertificate(der)).certificates.length, 1)
  if (needsTools(t, 'openssl')) {
    const folder = scratch(t)
    writeFileSync(join(folder, 'c.pem'), pem('CERTIFICATE', der))
    assert.equal(tool('openssl', ['verify', '-x509_strict', '-CAfile', 'c.pem', 'c.pem'], { cwd: folder }).status, 0)
  }
})

test('no other key certifies itself', async (t) => {
  const { client } = await startedSigner(t)
  for (const use of ['message', 'certificate', 'ocsp', 'timestamp'] as const) {
    const key = await client.generate({ use, algorithm: 'EC-P256' })
    await assert.rejects(client.selfSign({ key: key.id, commonName: 'x' }), { code: 'policy' })
  }
})

/** A CA by openssl that certifies a request with these extensions. */
function issuer(t: TestContext) {
  const folder = scratch(t)
  const run = (...args: string[]) => {
    const result = tool('openssl', args, { cwd: folder })
    assert.equal(result.status, 0, result.stderr)
  }
  run(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=CA',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-days',
    '2',
  )
  return (csr: Uint8Array, extensions: string): Buffer => {
    writeFileSync(join(folder, 'r.der'), csr)
    writeFileSync(join(folder, 'x.cnf'), `${extensions}\n`)
    run(
      'x509',
      '-req',
      '-in',
      'r.der',
      '-inform',
      'DER',
      '-CA',
      'ca.pem',
      '-CAkey',
      'ca.key',
      '-days',
      '2',
      '-extfile',
      'x.cnf',
      '-outform',
      'DER',
      '-out',
      'c.der',
    )
    return readFileSync(join(folder, 'c.der'))
  }
}

test('certificates find their key, newest first, and must be for what the key is for (wire-conf §5.1)', async (t) => {
  if (!needsTools(t, 'openssl')) return
  const signer = await startedSigner(t)
  const { client } = signer
  const issue = issuer(t)
  const message = await client.generate({ use: 'message', algorithm: 'EC-P256' })
  const authentication = await client.generate({ use: 'authentication', algorithm: 'EC-P256' })
  const csr = await client.csr({ key: message.id, subject: SUBJECT })
  const first = issue(csr, 'keyUsage=critical,nonRepudiation')
  const second = issue(csr, 'keyUsage=critical,nonRepudiation')
  await client.importCertificate(first)
  assert.deepEqual(
    (await client.importCertificate(second)).certificates,
    [second, first].map((der) => der.toString('base64')),
  )
  await assert.rejects(client.importCertificate(issue(csr, 'keyUsage=digitalSignature')), { code: 'policy' })
  await assert.rejects(client.importCertificate(issue(csr, 'keyUsage=digitalSignature,nonRepudiation')), {
    code: 'policy',
  })
  const tls = await client.csr({ key: authentication.id, subject: SUBJECT })
  await assert.rejects(client.importCertificate(issue(tls, 'keyUsage=nonRepudiation')), { code: 'policy' })
  assert.equal(
    (await client.importCertificate(issue(tls, 'keyUsage=digitalSignature\nextendedKeyUsage=clientAuth'))).id,
    authentication.id,
  )
  await assert.rejects(client.importCertificate(Buffer.from('nonsense')), { code: 'bad_request' })

  await signer.program.kill('SIGTERM')
  await signer.start()
  const kept = (await client.keys()).find(({ id }) => id === message.id)
  assert.deepEqual(
    kept?.certificates,
    [second, first].map((der) => der.toString('base64')),
  )
})

test("a stranger's certificate belongs to no key", async (t) => {
  if (!needsVectors(t)) return
  const { client } = await startedSigner(t)
  const der = parseCertificate(vector('recorded/certs/sign1.pem')).der
  await assert.rejects(client.importCertificate(der), { code: 'unknown_key' })
})

test('keys made elsewhere are taken as PKCS#8, in DER or PEM, sealed or not', async (t) => {
  const { client } = await startedSigner(t)
  const fresh = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const sealed = { format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' } as const
  assert.equal(
    (await client.importKey({ use: 'message', pkcs8: fresh().export({ format: 'der', type: 'pkcs8' }) })).algorithm,
    'EC-P256',
  )
  const key = fresh()
  const kept = await client.importKey({
    use: 'authentication',
    pkcs8: Buffer.from(key.export(sealed)),
    password: 'secret',
    label: 'tls',
  })
  assert.equal(createPrivateKey(await client.releaseTlsKey(kept.id)).equals(key), true)
  // Again: the same key, not a second one; but not for another use.
  assert.equal(
    (await client.importKey({ use: 'authentication', pkcs8: key.export({ format: 'der', type: 'pkcs8' }) })).id,
    kept.id,
  )
  await assert.rejects(client.importKey({ use: 'message', pkcs8: key.export({ format: 'der', type: 'pkcs8' }) }), {
    code: 'import_failed',
  })
  await assert.rejects(
    client.importKey({ use: 'message', pkcs8: Buffer.from(fresh().export(sealed)), password: 'wrong' }),
    { code: 'import_failed' },
  )
  await assert.rejects(client.importKey({ use: 'message', pkcs8: Buffer.from(fresh().export(sealed)) }), {
    code: 'import_failed',
  })
  await assert.rejects(client.importKey({ use: 'message', pkcs8: Buffer.from('nonsense') }), { code: 'import_failed' })
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'der', type: 'pkcs8' })
  await assert.rejects(client.importKey({ use: 'message', pkcs8: weak }), { code: 'import_failed' })
  const other = generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
  await assert.rejects(client.importKey({ use: 'message', pkcs8: other }), { code: 'import_failed' })
  await assert.rejects(client.importKey({ use: 'message' }), { code: 'bad_request' })
})

test('keys with their certificate are taken from PKCS#12 as openssl writes it, old and new, RSA and EC', async (t) => {
  if (!needsTools(t, 'openssl')) return
  const { client } = await startedSigner(t)
  const folder = scratch(t)
  const run = (...args: string[]) => tool('openssl', args, { cwd: folder })
  for (const [kind, parameters] of [
    ['rsa', ['rsa:2048']],
    ['ec', ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']],
  ] as const) {
    for (const how of [[], ['-legacy'], ['-keypbe', 'AES-256-CBC', '-certpbe', 'AES-256-CBC', '-macalg', 'sha256']]) {
      const made = run(
        'req',
        '-x509',
        '-newkey',
        ...parameters,
        '-nodes',
        '-subj',
        '/CN=x',
        '-keyout',
        'k.pem',
        '-out',
        'c.pem',
        '-days',
        '2',
        '-addext',
        'keyUsage=nonRepudiation',
      )
      assert.equal(made.status, 0, made.stderr)
      const packed = run(
        'pkcs12',
        '-export',
        '-in',
        'c.pem',
        '-inkey',
        'k.pem',
        '-passout',
        'pass:secret',
        '-out',
        'k.p12',
        ...how,
      )
      if (packed.status !== 0 && how[0] === '-legacy') continue
      assert.equal(packed.status, 0, packed.stderr)
      const pkcs12 = readFileSync(join(folder, 'k.p12'))
      const key = await client.importKey({ use: 'message', pkcs12, password: 'secret' })
      assert.equal(key.algorithm, kind === 'rsa' ? 'RSA-2048' : 'EC-P256')
      assert.deepEqual(key.certificates, [
        Buffer.from(parseCertificate(readFileSync(join(folder, 'c.pem'))).der).toString('base64'),
      ])
      await assert.rejects(client.importKey({ use: 'message', pkcs12, password: 'wrong' }), { code: 'import_failed' })
    }
  }
})

test('a PKCS#12 container costs no more than its iterations are worth, and every broken one is an import that failed', async (t) => {
  if (!needsTools(t, 'openssl')) return
  const { client } = await startedSigner(t)
  const folder = scratch(t)
  const run = (...args: string[]) => {
    const done = tool('openssl', args, { cwd: folder })
    assert.equal(done.status, 0, done.stderr)
  }
  run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'k.pem')
  run('req', '-x509', '-key', 'k.pem', '-subj', '/CN=x', '-out', 'c.pem')
  const pack = (iterations: number, ...how: string[]) => {
    const names = ['-in', 'c.pem', '-inkey', 'k.pem', '-passout', 'pass:secret', '-out', 'k.p12']
    run('pkcs12', '-export', ...names, '-iter', String(iterations), ...how)
    return readFileSync(join(folder, 'k.p12'))
  }
  const load = (pkcs12: Uint8Array) => client.importKey({ use: 'message', pkcs12, password: 'secret' })

  // As careful tools write it.
  assert.equal((await load(pack(600_000))).algorithm, 'EC-P256')
  const tooMany = { code: 'import_failed', message: /more than 2000000 iterations/ }
  await assert.rejects(load(pack(800_000)), tooMany)
  await assert.rejects(load(pack(2_100_000, '-nomac')), tooMany)

  // Whatever forge or Node cannot make sense of: never an internal error.
  const plain = pack(1, '-keypbe', 'NONE', '-certpbe', 'NONE', '-nomac')
  for (let at = 0; at < plain.length; at += 7) {
    const broken = Buffer.from(plain)
    broken.writeUInt8((broken.readUInt8(at) + 1) & 0xff, at)
    await load(broken).catch((error) => assert.equal(error.code, 'import_failed', `octet ${at}`))
  }
})
