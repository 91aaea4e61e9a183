import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { canonicalize } from '#evidence'
import { readXml, type XmlElement } from '#protocol'
import type { KeyUse, Purpose } from '#signer'
import { parseCertificate, signatureByUri } from '#trust'
import { checkPolicy, checkTlsRelease } from '../../../signer/policy.ts'
import { needsTools, tool } from '../../tools.ts'
import { needsVectors, vector, vectorPath } from '../../vectors.ts'
import { scratch } from '../host/scratch.ts'
import { algorithm, batchSignedInfo, ordinarySoap, samples } from './samples.ts'

const ALLOWED: Record<KeyUse, readonly Purpose[]> = {
  message: ['message', 'management'],
  authentication: ['management'],
  configuration: ['configuration'],
  certificate: ['certificate', 'crl'],
  ocsp: ['ocsp'],
  timestamp: ['timestamp'],
  log: [],
  mirror: [],
  witness: [],
}
const USES = Object.keys(ALLOWED) as KeyUse[]

test('each kind of bytes passes for its own purpose with the keys of that purpose, and for nothing else', async () => {
  const all = Object.entries(await samples()) as [Purpose, Uint8Array][]
  for (const [kind, data] of all) {
    for (const [purpose] of all) {
      for (const use of USES) {
        const check = () => checkPolicy(use, purpose, algorithm, data)
        if (kind === purpose && ALLOWED[use].includes(purpose)) check()
        else assert.throws(check, { code: 'policy' }, `${use} key, ${purpose}, bytes of ${kind}`)
      }
    }
  }
})

test('only authentication keys leave the signer', () => {
  for (const use of USES) {
    if (use === 'authentication') checkTlsRelease(use)
    else assert.throws(() => checkTlsRelease(use), { code: 'policy' })
  }
})

const passes = (purpose: Purpose, use: KeyUse, data: Uint8Array, by = algorithm): boolean => {
  try {
    checkPolicy(use, purpose, by, data)
    return true
  } catch (error) {
    assert.equal((error as { code?: string }).code, 'policy')
    return false
  }
}

test('a SignedInfo is over the message or the batch, the signed properties, and nothing more, with the algorithm it names', async () => {
  const { message } = await samples()
  const text = Buffer.from(message).toString()
  const bent = (from: string | RegExp, to: string) => {
    const changed = text.replace(from, to)
    assert.notEqual(changed, text, `${from} is not in the sample`)
    return passes('message', 'message', Buffer.from(changed))
  }
  assert.ok(passes('message', 'message', await batchSignedInfo()))
  assert.equal(bent('URI="/message.xml"', 'URI="/attachment1"'), false)
  assert.equal(bent('URI="/message.xml"', 'URI=""'), false)
  assert.equal(bent('URI="#signed-properties"', 'URI="#something"'), false)
  assert.equal(bent(/<ds:Reference .*?<\/ds:Reference>/, ''), false)
  assert.equal(bent(/(<ds:Reference .*?<\/ds:Reference>)/, '$1$1'), false)
  assert.equal(bent(/ecdsa-sha512/, 'ecdsa-sha256'), false)
  assert.equal(bent('</ds:SignedInfo>', '</ds:SignedInfo> '), false)
  assert.equal(bent('<ds:SignedInfo', ' <ds:SignedInfo'), false)
  assert.equal(bent('http://www.w3.org/2000/09/xmldsig#', 'http://www.w3.org/2000/09/xmldsig2#'), false)
  assert.equal(bent('<ds:DigestValue>', '<ds:DigestValue><x/>'), false)
  assert.equal(bent(/(<ds:DigestMethod)/, '<ds:Transforms></ds:Transforms>$1'), false)
  const rsa = signatureByUri('http://www.w3.org/2001/04/xmldsig-more#rsa-sha512')
  assert.ok(rsa && !passes('message', 'message', message, rsa))
})

test("the reference's own SignedInfo, canonical, passes", (t) => {
  if (!needsVectors(t)) return
  const folder = 'recorded/exchanges/rsa'
  let seen = 0
  for (const name of readdirSync(vectorPath(folder)).filter((each) => each.endsWith('.request.bin'))) {
    // De-chunked far enough: the signature is one part of the multipart, found by its tags.
    const text = dechunked(vector(folder, name)).toString('latin1')
    const xml = /<\?xml [^>]*\?><asic:XAdESSignatures[\s\S]*<\/asic:XAdESSignatures>/.exec(text)?.[0]
    if (xml === undefined) continue
    const info = childNamed(childNamed(readXml(Buffer.from(xml, 'latin1')), 'Signature'), 'SignedInfo')
    const rsa = signatureByUri('http://www.w3.org/2001/04/xmldsig-more#rsa-sha512')
    assert.ok(rsa && passes('message', 'message', canonicalize(info, { kind: 'inclusive' }), rsa), name)
    seen += 1
  }
  assert.ok(seen >= 10)
})

function childNamed(parent: XmlElement, local: string): XmlElement {
  const child = parent.children.find(
    (each): each is XmlElement => typeof each !== 'string' && 'local' in each && each.local === local,
  )
  assert.ok(child, local)
  return child
}

function dechunked(http: Buffer): Buffer {
  const start = http.indexOf('\r\n\r\n') + 4
  if (!/transfer-encoding: chunked/i.test(http.toString('latin1', 0, start))) return http.subarray(start)
  const chunks: Buffer[] = []
  for (let at = start; ; ) {
    const end = http.indexOf('\r\n', at)
    const size = Number.parseInt(http.toString('latin1', at, end), 16)
    if (!(size > 0)) return Buffer.concat(chunks)
    chunks.push(http.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}

test('a signed directory of a real central server passes; one that never expires does not', (t) => {
  if (!needsVectors(t)) return
  const text = vector(
    'globalconf/signed/V6',
    readdirSync(vectorPath('globalconf/signed/V6')).find((name) => /internalconf/.test(name)) ?? '',
  ).toString('latin1')
  const delimiter = /multipart\/mixed;.*boundary=(\S+)/.exec(text)?.[1]
  const end = `--${delimiter}--\r\n`
  const inner = text.slice(text.indexOf(`--${delimiter}\r\n`), text.indexOf(end) + end.length)
  const data = Buffer.from(inner, 'latin1')
  assert.ok(passes('configuration', 'configuration', data))
  assert.equal(
    passes('configuration', 'configuration', Buffer.from(inner.replace(/Expire-date:[^\r]*\r\n/i, ''), 'latin1')),
    false,
  )
})

test('certificates and CRLs that openssl makes pass', (t) => {
  if (!needsTools(t, 'openssl')) return
  const folder = scratch(t)
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) =>
    assert.equal(spawnSync('openssl', args, { cwd: folder }).status, 0, args.join(' '))
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=x',
    '-keyout',
    'k.pem',
    '-out',
    'c.pem',
    '-days',
    '2',
  )
  assert.ok(passes('certificate', 'certificate', parseCertificate(readFileSync(at('c.pem'))).tbs))
  for (const [name, text] of [
    ['index.txt', ''],
    ['number', '01\n'],
    [
      'ca.cnf',
      '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\ndefault_crl_days=3\n',
    ],
  ] as const) {
    assert.equal(tool('sh', ['-c', `printf '${text.replaceAll('\n', '\\n')}' > ${at(name)}`]).status, 0)
  }
  openssl('ca', '-config', 'ca.cnf', '-gencrl', '-keyfile', 'k.pem', '-cert', 'c.pem', '-out', 'crl.pem')
  openssl('crl', '-in', 'crl.pem', '-outform', 'DER', '-out', 'crl.der')
  const crl = readFileSync(at('crl.der'))
  // CertificateList is SEQUENCE { TBSCertList, … }: the first child, with its four octets of tag and length at most.
  const inner = crl.subarray(crl[1] === 0x82 ? 4 : crl[1] === 0x81 ? 3 : 2)
  const length =
    inner[1] === 0x82 ? 4 + inner.readUInt16BE(2) : inner[1] === 0x81 ? 3 + (inner[2] ?? 0) : 2 + (inner[1] ?? 0)
  assert.ok(passes('crl', 'certificate', inner.subarray(0, length)))
})

test('bytes that only begin well do not pass', async () => {
  const all = await samples()
  for (const [purpose, data] of Object.entries(all) as [Purpose, Uint8Array][]) {
    const use = USES.find((each) => ALLOWED[each].includes(purpose)) ?? 'message'
    for (const bent of [
      data.subarray(0, data.length - 3),
      Buffer.concat([data, data]),
      Buffer.concat([data, Buffer.from('x')]),
      new Uint8Array(),
    ]) {
      assert.equal(passes(purpose, use, bent), false, purpose)
    }
  }
})

test('management signatures are for management requests, not for any envelope', async () => {
  const { management } = await samples()
  assert.equal(passes('management', 'message', ordinarySoap), false)
  const text = Buffer.from(management).toString()
  for (const bent of [
    text.replace('<s:Envelope', '<!DOCTYPE x><s:Envelope'),
    text.replace('schemas.xmlsoap.org', 'example.org'),
    text.replace('clientReg', 'clientRegX'),
  ]) {
    assert.equal(passes('management', 'message', Buffer.from(bent)), false)
  }
})
