// The authorities as real processes, judged by openssl: chains, CRLs, OCSP answers, time-stamps.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { describe } from 'node:test'
import { controlClient, runtimeSocket } from '#host'
import type { CaStatus, CeremonyAnswer, CertificatePage } from '#pki/contract'
import {
  buildOcspRequest,
  buildTimestampRequest,
  digest,
  isAuthenticationCertificate,
  isSigningCertificate,
  judgeOcsp,
  oids,
  parseCertificate,
  parseOcspResponse,
  parseTimestampResponse,
  parseTimestampToken,
} from '#trust'
import { type Authorities, startAuthorities } from '../../federation/authorities.ts'
import { startProcess } from '../../federation/process.ts'
import { needsTools } from '../../tools.ts'
import { openssl, opensslRequest, pemFile } from './openssl.ts'

const SEAL = [
  { oid: oids.country, value: 'EE' },
  { oid: oids.organization, value: 'Siseministeerium' },
  { oid: oids.businessCategory, value: 'GOV' },
  { oid: oids.commonName, value: 'Siseministeerium' },
  { oid: oids.serialNumber, value: '70000001' },
]
const SERVER = [
  { oid: oids.country, value: 'EE' },
  { oid: oids.organization, value: 'Siseministeerium' },
  { oid: oids.commonName, value: 'ss1.example.ee' },
  { oid: oids.serialNumber, value: '70000001' },
]

for (const algorithm of ['EC-P256', 'RSA-2048'] as const) {
  describe(`authorities with ${algorithm} keys`, () => {
    const home = mkdtempSync(join(tmpdir(), 'saadik-pki-'))
    const file = (name: string) => join(home, name)
    let authorities: Authorities
    let chain: readonly string[]

    test.before(async () => {
      authorities = await startAuthorities(home, { algorithm })
      pemFile(home, 'root', authorities.root)
      pemFile(home, 'issuing', authorities.issuing)
      chain = ['-CAfile', file('root.pem'), '-untrusted', file('issuing.pem')]
    })
    test.after(async () => {
      await authorities?.stop()
      rmSync(home, { recursive: true, force: true })
    })

    async function seal(name: string): Promise<Uint8Array> {
      const key = await authorities.signer.generate({ use: 'message', algorithm: 'EC-P256' })
      const certificate = await authorities.issue(
        'signing',
        await authorities.signer.csr({ key: key.id, subject: SEAL }),
      )
      pemFile(home, name, certificate)
      return certificate
    }

    test('an authentication and a signing certificate, from requests of the signer', async (t) => {
      const key = await authorities.signer.generate({ use: 'authentication', algorithm })
      const csr = await authorities.signer.csr({ key: key.id, subject: SERVER, dnsName: 'ss1.example.ee' })
      const authentication = parseCertificate(await authorities.issue('authentication', csr))
      const signing = parseCertificate(await seal('signing'))
      assert.ok(isAuthenticationCertificate(authentication) && !isSigningCertificate(authentication))
      assert.ok(isSigningCertificate(signing) && !isAuthenticationCertificate(signing))
      // wire-conf §5.2: the request asked for keyCertSign too; the profile does not give it.
      assert.deepEqual(signing.keyUsage, ['nonRepudiation'])
      assert.deepEqual(signing.ocspUrls, [authorities.ocspUrl])
      assert.ok(authentication.dnsNames.includes('ss1.example.ee'))
      if (!needsTools(t, 'openssl')) return
      pemFile(home, 'authentication', authentication.der)
      openssl('verify', '-x509_strict', '-purpose', 'sslclient', ...chain, file('authentication.pem'))
      openssl('verify', '-x509_strict', ...chain, file('signing.pem'))
    })

    test('a TLS certificate from a request of openssl, for its names', async (t) => {
      if (!needsTools(t, 'openssl')) return
      const key = algorithm === 'EC-P256' ? 'ec' : 'rsa'
      const { csr } = opensslRequest(home, 'tls', {
        subject: '/CN=register.example.ee',
        key,
        extensions: ['subjectAltName=DNS:register.example.ee'],
      })
      pemFile(home, 'tls', await authorities.issue('tls', csr, { ipAddresses: ['127.0.0.21'] }))
      openssl(
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        '-verify_hostname',
        'register.example.ee',
        ...chain,
        file('tls.pem'),
      )
      openssl('verify', '-verify_ip', '127.0.0.21', ...chain, file('tls.pem'))
    })

    test('what certificates point to is there', async () => {
      const crl = await fetch(`${authorities.caUrl}/crl`)
      assert.equal(crl.headers.get('content-type'), 'application/pkix-crl')
      const issuing = Buffer.from(await (await fetch(`${authorities.caUrl}/issuing.cer`)).arrayBuffer())
      assert.ok(issuing.equals(authorities.issuing))
      assert.match(await (await fetch(`${authorities.caUrl}/root.pem`)).text(), /^-----BEGIN CERTIFICATE-----\n/)
      assert.equal((await fetch(`${authorities.caUrl}/nothing`)).status, 404)
      assert.equal((await fetch(`${authorities.caUrl}/crl`, { method: 'POST' })).status, 405)
    })

    test('openssl ocsp: good, then revoked, with and without nonce; unknown', async (t) => {
      if (!needsTools(t, 'openssl')) return
      const certificate = await seal('asked')
      const ask = (...more: string[]) =>
        openssl(
          'ocsp',
          '-issuer',
          file('issuing.pem'),
          '-url',
          authorities.ocspUrl,
          ...chain.slice(0, 2),
          '-verify_other',
          file('issuing.pem'),
          ...more,
        )
      const about = ['-cert', file('asked.pem')]
      for (const nonce of [['-nonce'], ['-no_nonce']]) {
        assert.match(ask(...about, ...nonce), /^.*asked\.pem: good\n[\s\S]*Response verify OK\n$/)
      }
      assert.match(ask('-sha256', ...about), /asked\.pem: good/)
      assert.match(ask('-serial', '0x1234'), /0x1234: unknown/)
      const { crlNumber } = await authorities.revoke(certificate, 'keyCompromise')
      assert.ok(crlNumber !== undefined && crlNumber > 1)
      for (const nonce of [['-nonce'], ['-no_nonce']]) {
        const answer = ask(...about, ...nonce)
        assert.match(answer, /Response verify OK/)
        assert.match(answer, /asked\.pem: revoked/)
        assert.match(answer, /Reason: keyCompromise/)
        assert.match(answer, /Next Update/)
      }
      assert.doesNotMatch(ask(...about, '-nonce'), /WARNING: no nonce/)
    })

    test('the root answers for the issuing CA through a responder of its own', async (t) => {
      if (!needsTools(t, 'openssl')) return
      const answer = openssl(
        'ocsp',
        '-issuer',
        file('root.pem'),
        '-cert',
        file('issuing.pem'),
        '-url',
        authorities.ocspUrl,
        '-CAfile',
        file('root.pem'),
      )
      assert.match(answer, /^.*issuing\.pem: good\n[\s\S]*Response verify OK\n$/)
    })

    test('openssl crl: signed, numbered, and it stops a revoked certificate', async (t) => {
      if (!needsTools(t, 'openssl')) return
      const fetchCrl = async (path: string, name: string) =>
        writeFileSync(file(name), Buffer.from(await (await fetch(`${authorities.caUrl}${path}`)).arrayBuffer()))
      const certificate = await seal('listed')
      await fetchCrl('/root.crl', 'root.crl')
      await fetchCrl('/crl', 'before.crl')
      assert.match(
        openssl('crl', '-inform', 'DER', '-in', file('root.crl'), '-CAfile', file('root.pem'), '-noout'),
        /verify OK/,
      )
      await authorities.revoke(certificate, 'cessationOfOperation')
      await fetchCrl('/crl', 'after.crl')
      writeFileSync(
        file('both.pem'),
        readFileSync(file('root.pem'), 'utf8') + readFileSync(file('issuing.pem'), 'utf8'),
      )
      const text = openssl(
        'crl',
        '-inform',
        'DER',
        '-in',
        file('after.crl'),
        '-CAfile',
        file('both.pem'),
        '-noout',
        '-text',
      )
      assert.match(text, /verify OK/)
      assert.match(text, /Cessation Of Operation/)
      assert.match(text, /X509v3 CRL Number/)
      const numberOf = (name: string) =>
        BigInt(
          openssl('crl', '-inform', 'DER', '-in', file(name), '-noout', '-crlnumber')
            .replace(/^crlNumber=/, '')
            .trim(),
        )
      assert.ok(numberOf('after.crl') > numberOf('before.crl'))
      const crlCheck = (name: string) => {
        openssl('crl', '-inform', 'DER', '-in', file(name), '-out', file('crl.pem'))
        return ['verify', '-crl_check', '-CRLfile', file('crl.pem'), ...chain, file('listed.pem')]
      }
      openssl(...crlCheck('before.crl'))
      assert.throws(() => openssl(...crlCheck('after.crl')), /certificate revoked/)
    })

    test('openssl ts: query, reply, verify; with and without certReq', async (t) => {
      if (!needsTools(t, 'openssl')) return
      writeFileSync(file('data.txt'), 'sealed and sent')
      pemFile(home, 'tsa', authorities.tsaCertificate)
      for (const hash of ['-sha256', '-sha384', '-sha512']) {
        for (const more of [['-cert'], ['-cert', '-no_nonce'], [], ['-no_nonce']]) {
          openssl('ts', '-query', '-data', file('data.txt'), hash, ...more, '-out', file('query.tsq'))
          const response = await post(
            authorities.tsaUrl,
            'application/timestamp-query',
            readFileSync(file('query.tsq')),
          )
          assert.equal(response.headers.get('content-type'), 'application/timestamp-reply')
          writeFileSync(file('reply.tsr'), Buffer.from(await response.arrayBuffer()))
          const certificates = more.includes('-cert')
            ? ['-untrusted', file('issuing.pem')]
            : ['-untrusted', file('bundle.pem')]
          writeFileSync(
            file('bundle.pem'),
            readFileSync(file('issuing.pem'), 'utf8') + readFileSync(file('tsa.pem'), 'utf8'),
          )
          const verified = openssl(
            'ts',
            '-verify',
            '-queryfile',
            file('query.tsq'),
            '-in',
            file('reply.tsr'),
            '-CAfile',
            file('root.pem'),
            ...certificates,
          )
          assert.match(verified, /Verification: OK/)
        }
      }
    })
  })
}

describe('what the authorities refuse', () => {
  const home = mkdtempSync(join(tmpdir(), 'saadik-pki-'))
  let authorities: Authorities

  test.before(async () => {
    authorities = await startAuthorities(home)
  })
  test.after(async () => {
    await authorities?.stop()
    rmSync(home, { recursive: true, force: true })
  })

  const sealCsr = async (subject = SEAL) => {
    const key = await authorities.signer.generate({ use: 'message', algorithm: 'EC-P256' })
    return await authorities.signer.csr({ key: key.id, subject })
  }

  test('a request whose key is not the asker’s', async () => {
    const csr = Buffer.from(await sealCsr())
    csr[csr.length - 1] = (csr[csr.length - 1] ?? 0) ^ 1
    await assert.rejects(authorities.issue('signing', csr), /invalid_request|csr/)
  })

  test('garbage for a request', async () => {
    await assert.rejects(authorities.issue('signing', Buffer.from('hello')), /csr/)
    await assert.rejects(authorities.control.post('/issue', { profile: 'root', csr: 'AAAA' }), /profile/)
    await assert.rejects(authorities.control.post('/issue', { profile: 'signing', csr: 'AAAA', days: 1 }), /days/)
  })

  test('a subject that the profile does not know', async () => {
    await assert.rejects(authorities.issue('signing', await sealCsr(SERVER)), /businessCategory is missing/)
  })

  test('a key that already has another purpose or holder; renewal of the same is granted', async () => {
    const key = await authorities.signer.generate({ use: 'message', algorithm: 'EC-P256' })
    const csr = await authorities.signer.csr({ key: key.id, subject: SEAL })
    await authorities.issue('signing', csr)
    const renewed = await authorities.issue('signing', csr)
    await assert.rejects(authorities.issue('authentication', csr, { subject: SERVER }), /already|make a new one/)
    await assert.rejects(
      authorities.issue('signing', csr, {
        subject: SEAL.map((a) => (a.oid === oids.serialNumber ? { ...a, value: '2' } : a)),
      }),
      /make a new one/,
    )
    await authorities.revoke(renewed, 'keyCompromise')
    await assert.rejects(authorities.issue('signing', csr), /compromised/)
  })

  test('a life longer than the profile’s is cut, a shorter one is given', async () => {
    const csr = await sealCsr()
    const long = parseCertificate(await authorities.issue('signing', csr, { validSeconds: 10 ** 9 }))
    const short = parseCertificate(await authorities.issue('signing', csr, { validSeconds: 60 }))
    assert.ok(long.notAfter.getTime() - long.notBefore.getTime() <= 2 * 365 * 86_400_000)
    assert.ok(short.notAfter.getTime() < Date.now() + 61_000)
  })

  test('revoking what was never issued; revoking twice keeps the first word', async () => {
    await assert.rejects(authorities.revoke('abcdef'), /no certificate abcdef/)
    const certificate = await authorities.issue('signing', await sealCsr())
    const first = await authorities.revoke(certificate, 'superseded')
    const second = await authorities.revoke(certificate, 'keyCompromise')
    assert.deepEqual({ ...second, crlNumber: undefined }, { ...first, crlNumber: undefined })
  })

  test('the ceremony held again makes nothing', async () => {
    const again = await authorities.control.post<CeremonyAnswer>('/ceremony')
    assert.deepEqual(again.made, [])
    assert.ok(Buffer.from(again.root, 'base64').equals(authorities.root))
  })

  test('the register is paged and complete', async () => {
    const first = await authorities.control.get<CertificatePage>('/certificates?limit=3')
    assert.deepEqual(
      first.certificates.map(({ profile }) => profile),
      ['root', 'issuing', 'ocsp'],
    )
    assert.equal(first.next, 3)
    const rest = await authorities.control.get<CertificatePage>(`/certificates?after=${first.next}&limit=500`)
    assert.equal(rest.next, undefined)
    const status = await authorities.control.get<CaStatus>('/status')
    assert.ok(status.ready)
    assert.equal(status.issued + status.revoked, first.certificates.length + rest.certificates.length)
    await assert.rejects(authorities.control.get('/certificates?limit=501'), /limit/)
  })

  test('HTTP that is not OCSP', async () => {
    const { ocspUrl } = authorities
    assert.equal((await fetch(ocspUrl, { method: 'PUT', body: 'x' })).status, 405)
    assert.equal((await post(ocspUrl, 'text/plain', Buffer.from('x'))).status, 415)
    assert.equal((await post(ocspUrl, 'application/ocsp-request', Buffer.alloc(20_000))).status, 413)
    const malformed = Buffer.from('30030a0101', 'hex')
    assert.ok((await bytes(post(ocspUrl, 'application/ocsp-request', Buffer.from('hello')))).equals(malformed))
    assert.ok((await bytes(post(ocspUrl, 'application/ocsp-request', Buffer.alloc(0)))).equals(malformed))
    assert.ok((await bytes(fetch(`${ocspUrl}/not%20base64`))).equals(malformed))
    assert.ok((await bytes(fetch(`${ocspUrl}/${'A'.repeat(4000)}`))).equals(malformed))
  })

  test('OCSP by GET; an answer is repeated byte for byte until the status changes', async () => {
    const certificate = parseCertificate(await authorities.issue('signing', await sealCsr()))
    const question = Buffer.from(buildOcspRequest(certificate, parseCertificate(authorities.issuing))).toString(
      'base64',
    )
    const get = (path: string) => fetch(`${authorities.ocspUrl}/${path}`)
    const first = await get(encodeURIComponent(question))
    assert.match(first.headers.get('cache-control') ?? '', /max-age=\d+/)
    const answer = Buffer.from(await first.arrayBuffer())
    assert.equal(parseOcspResponse(answer).responses[0]?.status, 'good')
    assert.ok((await bytes(get(question))).equals(answer))
    await authorities.revoke(certificate.der)
    assert.equal(parseOcspResponse(await bytes(get(question))).responses[0]?.status, 'revoked')
  })

  test('a nonce is given back, one of more than 128 octets is not', async () => {
    const certificate = parseCertificate(await authorities.issue('signing', await sealCsr()))
    const ask = (nonce: Uint8Array) =>
      bytes(
        post(
          authorities.ocspUrl,
          'application/ocsp-request',
          Buffer.from(buildOcspRequest(certificate, parseCertificate(authorities.issuing), nonce)),
        ),
      )
    const answer = parseOcspResponse(await ask(Buffer.from('0123456789abcdef')))
    assert.equal(Buffer.from(answer.nonce ?? []).toString(), '0123456789abcdef')
    assert.equal((await ask(Buffer.alloc(200, 1))).toString('hex'), '30030a0101')
  })

  test('an answer as a security server judges it: good, then revoked', async () => {
    const issuer = parseCertificate(authorities.issuing)
    const certificate = parseCertificate(await authorities.issue('signing', await sealCsr()))
    const judge = async (listed: readonly Uint8Array[]) => {
      const question = Buffer.from(buildOcspRequest(certificate, issuer))
      const response = parseOcspResponse(await bytes(post(authorities.ocspUrl, 'application/ocsp-request', question)))
      const trust = { issuer, responders: listed.map(parseCertificate), authorities: [issuer] }
      const policy = { at: new Date(), freshnessSeconds: 60, verifyNextUpdate: true }
      return judgeOcsp(certificate, response, trust, policy).responder.subject.text
    }
    // wire-conf §5.5: authorised as listed for the CA, and as delegated by it.
    assert.equal(await judge([authorities.ocspCertificate]), 'CN=Test OCSP,O=Test,C=EE')
    assert.equal(await judge([]), 'CN=Test OCSP,O=Test,C=EE')
    await authorities.revoke(certificate.der)
    await assert.rejects(judge([]), { code: 'cert_validation' })
  })

  test('without a signer: try later, system failure, not ready; and on again by itself', async () => {
    const csr = await sealCsr()
    const question = Buffer.from(
      buildOcspRequest(parseCertificate(authorities.issuing), parseCertificate(authorities.root), randomBytes(16)),
    )
    const query = Buffer.from(buildTimestampRequest({ digest: 'SHA-256', imprint: digest('SHA-256', question) }))
    const ask = () => bytes(post(authorities.ocspUrl, 'application/ocsp-request', question))
    const stamp = async () =>
      parseTimestampResponse(await bytes(post(authorities.tsaUrl, 'application/timestamp-query', query)))
    const ready = () =>
      Promise.all(statuses.map(async (status) => (await status.get<{ ready: boolean }>('/status')).ready))
    const statuses = ['ca', 'ocsp', 'tsa'].map((name) => controlClient(runtimeSocket(authorities.directory, name)))
    await authorities.stopSigner('SIGKILL')
    assert.equal((await ask()).toString('hex'), '30030a0103')
    assert.equal((await stamp()).failure, 'systemFailure')
    await assert.rejects(authorities.issue('signing', csr), { code: 'control_failed' })
    assert.deepEqual(await ready(), [false, false, false])
    await authorities.startSigner()
    assert.equal(parseOcspResponse(await ask()).responses[0]?.status, 'good')
    assert.ok((await stamp()).token)
    await authorities.issue('signing', csr)
    assert.deepEqual(await ready(), [true, true, true])
  })

  test('a second CA on the same directory does not start', async () => {
    const second = await startProcess('pki/main.ts', ['ca', '--config', join(home, 'ca.yaml')], { ready: false })
    assert.equal(await second.exited, 1)
    assert.match(second.output(), /runs already/)
  })

  test('a configuration with faults: every one is named, and nothing starts', async () => {
    const file = join(home, 'faulty.yaml')
    writeFileSync(
      file,
      'directory: data\nname: Test\ncountry: Estonia\nlisten: {host: 127.0.0.1, port: 1, backlog: 2}\npublicUrl: https://ca.example\n',
    )
    const process = await startProcess('pki/main.ts', ['ca', '--config', file], { ready: false })
    assert.equal(await process.exited, 1)
    for (const fault of [
      /country: two capital letters/,
      /listen\.backlog: unknown key/,
      /signer: /,
      /publicUrl: an http:/,
    ]) {
      assert.match(process.output(), fault)
    }
  })

  test('HTTP that is not RFC 3161', async () => {
    const { tsaUrl } = authorities
    assert.equal((await fetch(tsaUrl)).status, 405)
    assert.equal((await fetch(`${tsaUrl}/else`, { method: 'POST' })).status, 404)
    assert.equal((await post(tsaUrl, 'application/json', Buffer.from('{}'))).status, 415)
    assert.equal((await post(tsaUrl, 'application/timestamp-query', Buffer.alloc(20_000))).status, 413)
  })

  test('time-stamp requests that are refused, each with its reason', async () => {
    const imprint = digest('SHA-256', Buffer.from('x'))
    const refusal = async (query: Uint8Array) =>
      parseTimestampResponse(await bytes(post(authorities.tsaUrl, 'application/timestamp-query', Buffer.from(query))))
        .failure
    assert.equal(await refusal(Buffer.from('hello')), 'badDataFormat')
    assert.equal(await refusal(buildTimestampRequest({ digest: 'SHA-1', imprint: digest('SHA-1', imprint) })), 'badAlg')
    assert.equal(
      await refusal(buildTimestampRequest({ digest: 'SHA-256', imprint: imprint.subarray(1) })),
      'badDataFormat',
    )
    assert.equal(
      await refusal(buildTimestampRequest({ digest: 'SHA-256', imprint, policy: '1.2.3.4' })),
      'unacceptedPolicy',
    )
  })

  test('serial numbers and times of the TSA over a restart and a kill', async () => {
    const query = Buffer.from(
      buildTimestampRequest({ digest: 'SHA-256', imprint: digest('SHA-256', Buffer.from('x')) }),
    )
    const stamps: { serial: bigint; at: number }[] = []
    const stamp = async () => {
      for (;;) {
        const { token } = parseTimestampResponse(
          await bytes(post(authorities.tsaUrl, 'application/timestamp-query', query)),
        )
        // Just after a kill the TSA refuses until times that may have been given are past.
        if (token === undefined) {
          await new Promise((resolve) => setTimeout(resolve, 50))
          continue
        }
        const { serialNumber, genTime } = parseTimestampToken(token)
        stamps.push({ serial: serialNumber, at: genTime.getTime() })
        return
      }
    }
    for (const signal of ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const) {
      await Promise.all([stamp(), stamp(), stamp()])
      await authorities.stopTsa(signal)
      await authorities.startTsa()
    }
    await stamp()
    assert.equal(new Set(stamps.map(({ serial }) => serial)).size, stamps.length)
    const bySerial = stamps.toSorted((a, b) => (a.serial < b.serial ? -1 : 1))
    assert.deepEqual(
      bySerial.map(({ at }) => at),
      stamps.map(({ at }) => at).toSorted((a, b) => a - b),
    )
  })
})

function post(url: string, contentType: string, body: Buffer): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'Content-Type': contentType }, body: new Uint8Array(body) })
}

async function bytes(response: Promise<Response>): Promise<Buffer> {
  return Buffer.from(await (await response).arrayBuffer())
}
