// Conforming containers, by judges that know XML signatures, time-stamps and ZIP and nothing of us; and what no such container can be made of.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import {
  C14N_EXCLUSIVE,
  EvidenceError,
  insertTimestamp,
  type LongTermCode,
  LongTermError,
  signatureValueOf,
  verifyContainer,
  writeContainer,
} from '#evidence'
import { type Certificate, digest, pem } from '#trust'
import { needsTools, tool } from '../../../tools.ts'
import { needsVectors, vectorPath } from '../../../vectors.ts'
import { foundCountry, NOW } from '../authority.ts'
import { certificateDigest, craft, SIGNED_PROPERTIES } from '../crafted.ts'
import { collect, type Evidence, evidenceOf, once, REST_REQUEST, REST_RESPONSE, SOAP_REQUEST } from '../messages.ts'
import { conforming, daysLater, repacked, surveyed, unpacked } from './made.ts'

const country = foundCountry()
const folder = mkdtempSync(join(tmpdir(), 'saadik-conforming-'))
after(() => rmSync(folder, { recursive: true }))

const BODY = Buffer.from('{"a":1}')
const FORMS = {
  'plain, single time-stamp': { message: REST_REQUEST, stamp: 'single' },
  'plain, batch time-stamp': { message: SOAP_REQUEST, stamp: 'batch' },
  'plain, RSA': { message: REST_REQUEST, stamp: 'batch', kind: 'RSA-2048' },
  'batch, single time-stamp': { message: REST_RESPONSE, body: BODY, stamp: 'single' },
  'batch, batch time-stamp': { message: REST_RESPONSE, body: BODY, stamp: 'batch' },
} as const satisfies Record<string, Evidence>

async function laidOut(name: string, bytes: Uint8Array): Promise<(file: string) => string> {
  const at = join(folder, name.replaceAll(/\W+/g, '-'))
  for (const [file, body] of await unpacked(bytes)) {
    mkdirSync(dirname(join(at, file)), { recursive: true })
    writeFileSync(join(at, file), body)
  }
  writeFileSync(join(at, 'whole.asice'), bytes)
  return (file) => join(at, file)
}

for (const [name, evidence] of Object.entries(FORMS))
  test(`${name}: valid for us, as what it is, with nothing unsigned`, async () => {
    const original = await evidenceOf(country, evidence)
    const bytes = await conforming(country, original)
    const report = await verifyContainer(once(bytes), country.trust)
    assert.deepEqual(
      report.checks.filter(({ ok }) => !ok),
      [],
    )
    assert.equal(report.verdict, 'valid')
    assert.deepEqual(report.message?.unsigned, [])
    const { layout, times } = await surveyed(bytes, country.trust)
    assert.equal(layout, 'XAdES-B-LTA')
    assert.deepEqual(
      times.map(({ kind }) => kind),
      ['signature time-stamp', 'archive time-stamp'],
    )
    // What X-Road's own time-stamp was over is there, octet by octet.
    const [before, now] = [await unpacked(original), await unpacked(bytes)]
    assert.deepEqual(now.get('META-INF/xroad/original.xml'), before.get('META-INF/signatures.xml'))
    assert.deepEqual(now.get('META-INF/xroad/token.der'), before.get('META-INF/timestamp.tst'))
    assert.deepEqual(now.get('META-INF/xroad/ts-hashchain.xml'), before.get('ts-hashchain.xml'))
  })

for (const [name, evidence] of Object.entries(FORMS))
  test(`${name}: Info-ZIP finds mimetype first, stored, without an extra field`, async (t) => {
    if (!needsTools(t, 'unzip', 'zipinfo', 'xmllint')) return
    const bytes = await conforming(country, await evidenceOf(country, evidence))
    const at = await laidOut(name, bytes)
    assert.equal(tool('unzip', ['-tq', at('whole.asice')]).status, 0)
    const [first = ''] = tool('zipinfo', [at('whole.asice')])
      .stdout.split('\n')
      .slice(2)
    assert.match(first, /^\S+ +\S+ \S+ +31 b- stor .* mimetype$/)
    assert.equal(bytes.readUInt16LE(28), 0)
    assert.equal(bytes.toString('latin1', 30, 69), 'mimetypeapplication/vnd.etsi.asic-e+zip')
    const listed = tool('xmllint', [
      '--xpath',
      '//*[local-name()="file-entry"]/@*[local-name()="full-path"]',
      at('META-INF/manifest.xml'),
    ]).stdout
    const objects = [...(await unpacked(bytes)).keys()].filter((file) => !/^(META-INF\/|mimetype$)/.test(file))
    assert.deepEqual(
      [...listed.matchAll(/full-path="([^"]*)"/g)].map(([, path]) => path),
      ['/', ...objects],
    )
  })

for (const [name, evidence] of Object.entries(FORMS))
  test(`${name}: xmlsec1 and the XAdES schema`, async (t) => {
    if (!needsTools(t, 'xmlsec1', 'xmllint') || !needsVectors(t)) return
    const at = await laidOut(name, await conforming(country, await evidenceOf(country, evidence)))
    const covered = 'body' in evidence ? 'sig-hashchainresult.xml' : 'message.xml'
    const map = [`--url-map:/${covered}`, at(covered)]
    const options = ['--verify', ...map, '--id-attr:Id', 'SignedProperties', '--insecure']
    const judged = tool('xmlsec1', [...options, at('META-INF/signatures.xml')])
    assert.equal(judged.status, 0, judged.stderr)
    const [bare = ''] = /<ds:Signature .*<\/ds:Signature>/s.exec(textOf(at)) ?? []
    writeFileSync(at('bare.xml'), declared(bare))
    writeFileSync(at('xades-141.xsd'), XADES_141)
    writeFileSync(at('both.xsd'), bothSchemas(at('xades-141.xsd')))
    const structure = tool('xmllint', ['--noout', '--nonet', '--schema', at('both.xsd'), at('bare.xml')])
    assert.equal(structure.status, 0, structure.stderr)
  })

const XADES_132_FILE = 'xades-schema.xsd'
/** The two properties of XAdES 1.4.1 that are used, as EN 319 132-1 §5.5 declares them. */
const XADES_141 = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" xmlns:v141="http://uri.etsi.org/01903/v1.4.1#" targetNamespace="http://uri.etsi.org/01903/v1.4.1#" elementFormDefault="qualified">
<xs:import namespace="http://uri.etsi.org/01903/v1.3.2#" schemaLocation="${vectorPath('schemas', XADES_132_FILE)}"/>
<xs:element name="TimeStampValidationData" type="v141:ValidationDataType"/>
<xs:complexType name="ValidationDataType"><xs:sequence><xs:element ref="xades:CertificateValues" minOccurs="0"/><xs:element ref="xades:RevocationValues" minOccurs="0"/></xs:sequence><xs:attribute name="Id" type="xs:ID"/><xs:attribute name="URI" type="xs:anyURI"/></xs:complexType>
<xs:element name="ArchiveTimeStamp" type="xades:XAdESTimeStampType"/>
</xs:schema>`

function bothSchemas(later: string): string {
  const [first, second] = ['http://uri.etsi.org/01903/v1.3.2#', 'http://uri.etsi.org/01903/v1.4.1#']
  return `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:import namespace="${first}" schemaLocation="${vectorPath('schemas', XADES_132_FILE)}"/><xs:import namespace="${second}" schemaLocation="${later}"/></xs:schema>`
}

const NAMESPACES =
  ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#" xmlns:xades="http://uri.etsi.org/01903/v1.3.2#" xmlns:xadesv141="http://uri.etsi.org/01903/v1.4.1#"'

function textOf(at: (file: string) => string): string {
  return readFileSync(at('META-INF/signatures.xml'), 'utf8')
}

/** An element of the document as a document of its own: exclusive canonicalisation gives the same for both. */
function declared(element: string): string {
  return element.replace(/^<[\w:]+/, (start) => start + NAMESPACES)
}

function elementsOf(text: string, name: string): readonly string[] {
  return [...text.matchAll(new RegExp(`<${name}[ >].*?</${name}>`, 'gs'))].map(([element]) => element)
}

/** libxml2's exclusive canonical form. */
function canonical(at: (file: string) => string, element: string | undefined): Buffer {
  assert.ok(element)
  writeFileSync(at('element.xml'), declared(element))
  return Buffer.from(tool('xmllint', ['--exc-c14n', at('element.xml')]).stdout)
}

for (const [name, evidence] of Object.entries(FORMS))
  test(`${name}: openssl ts verifies both time-stamps over what libxml2 canonicalises`, async (t) => {
    if (!needsTools(t, 'xmllint', 'openssl')) return
    const at = await laidOut(name, await conforming(country, await evidenceOf(country, evidence)))
    writeFileSync(at('ca.pem'), pem('CERTIFICATE', country.ca.certificate.der))
    const text = textOf(at)
    const whole = (element: string) => elementsOf(text, element)[0]
    const [, properties = ''] =
      /<xades:UnsignedSignatureProperties>(.*)<\/xades:UnsignedSignatureProperties>/s.exec(text) ?? []
    const value = canonical(at, whole('ds:SignatureValue'))
    verifyStamp(at, text, 'xades:SignatureTimeStamp', value)
    const before = properties.slice(0, properties.indexOf('<xadesv141:ArchiveTimeStamp'))
    const unsigned = [...before.matchAll(/<(xades(?:v141)?:\w+)(?: [^>]*)?>.*?<\/\1>/gs)].map(([element]) => element)
    assert.deepEqual(
      unsigned.map((element) => /^<([\w:]+)/.exec(element)?.[1]),
      [
        'xades:SignatureTimeStamp',
        'xadesv141:TimeStampValidationData',
        'xades:CertificateValues',
        'xades:RevocationValues',
      ],
    )
    const referenced = 'body' in evidence ? 'sig-hashchainresult.xml' : 'message.xml'
    const archived = Buffer.concat([
      readFileSync(at(referenced)),
      canonical(at, whole('xades:SignedProperties')),
      canonical(at, whole('ds:SignedInfo')),
      value,
      canonical(at, whole('ds:KeyInfo')),
      ...unsigned.map((element) => canonical(at, element)),
    ])
    verifyStamp(at, text, 'xadesv141:ArchiveTimeStamp', archived)
  })

function verifyStamp(at: (file: string) => string, text: string, property: string, data: Buffer): void {
  const [, token] = /<xades:EncapsulatedTimeStamp>([^<]*)</.exec(elementsOf(text, property)[0] ?? '') ?? []
  writeFileSync(at('token.der'), Buffer.from(token ?? '', 'base64'))
  writeFileSync(at('data'), data)
  const attime = `${Math.trunc(daysLater(1).getTime() / 1000)}`
  const args = ['-token_in', '-in', at('token.der'), '-data', at('data'), '-CAfile', at('ca.pem'), '-attime', attime]
  const judged = tool('openssl', ['ts', '-verify', ...args])
  assert.equal(judged.status, 0, `${property}: ${judged.stderr}`)
}

const plain = await evidenceOf(country, FORMS['plain, single time-stamp'])
const refused = (attempt: Promise<unknown>, code: LongTermCode) =>
  assert.rejects(attempt, (error) => error instanceof LongTermError && error.code === code)

test('a container that is not valid is not made a conforming one', async () => {
  await refused(conforming(country, await repacked(plain, { 'message.xml': SOAP_REQUEST })), 'not_believed')
  await refused(conforming(country, Buffer.from('no container')), 'not_believed')
  await refused(conforming(country, plain, { trust: { ...country.trust, tsas: [] } }), 'not_believed')
})

test('after the certificate ended, or was revoked, no time-stamp shows that the signature is older', async () => {
  await refused(conforming(country, plain, { at: daysLater(6 * 365) }), 'too_late')
  const ocsp = (certificate: Certificate) =>
    country.ocsp(certificate, {
      thisUpdate: daysLater(1),
      status: certificate === country.tsa.certificate ? 'good' : 'revoked',
    })
  await refused(conforming(country, plain, { authorities: { ocsp } }), 'too_late')
})

test('a time-stamping authority that its own CA revoked is not believed', async () => {
  const ocsp = (certificate: Certificate) =>
    country.ocsp(certificate, {
      thisUpdate: daysLater(1),
      status: certificate === country.tsa.certificate ? 'revoked' : 'good',
    })
  await refused(conforming(country, plain, { authorities: { ocsp } }), 'timestamp_invalid')
})

test('without an answer of now the one of then is too old', async () => {
  await assert.rejects(
    conforming(country, plain, { authorities: { ocsp: async () => undefined } }),
    (error) => error instanceof EvidenceError && error.code === 'invalid_cert_path.incorrect_validation_info',
  )
  // Within the freshness of the configuration it will do.
  const soon = new Date(NOW.getTime() + 60_000)
  await conforming(country, plain, { at: soon, authorities: { ocsp: async () => undefined } })
})

test('a conforming container is not made once more: its archive time-stamp would be lost', async () => {
  await refused(conforming(country, await conforming(country, plain)), 'not_conforming')
})

test('a signature without wrapper gets one where nothing that is signed changes', async () => {
  const holder = country.member('EC-P256')
  const ocsp = [await country.ocsp(holder.certificate)]
  const transforms = `<D:Transforms><D:Transform Algorithm="${C14N_EXCLUSIVE}"/></D:Transforms>`
  const references = [
    { uri: '/message.xml', bytes: REST_RESPONSE },
    { uri: '/attachment1', bytes: BODY },
    { ...SIGNED_PROPERTIES, transforms },
  ]
  const signingCertificate = certificateDigest(holder, 'SigningCertificateV2')
  for (const prefixes of [
    { ds: 'ds', xades: 'xades' },
    { ds: '', xades: 'x' },
  ] as const)
    for (const kind of ['exclusive', 'inclusive'] as const) {
      const xml = craft({
        holder,
        ocsp,
        references,
        signingCertificate,
        prefixes,
        bare: true,
        canonicalization: { kind },
      })
      const token = await country.stamp(digest('SHA-512', signatureValueOf(xml)))
      const container = await collect(
        writeContainer({
          createdAt: NOW,
          message: REST_RESPONSE,
          signature: insertTimestamp(xml, token),
          attachments: [{ name: 'attachment1', body: () => once(BODY) }],
        }),
      )
      // Inclusive canonicalisation takes the namespaces around it into what is signed.
      if (kind === 'inclusive') await refused(conforming(country, container), 'not_conforming')
      else {
        const bytes = await conforming(country, container)
        assert.equal((await verifyContainer(once(bytes), country.trust)).verdict, 'valid')
        assert.equal((await surveyed(bytes, country.trust)).layout, 'XAdES-B-LTA')
        assert.match(
          `${(await unpacked(bytes)).get('META-INF/signatures.xml')}`,
          /^<\?xml [^>]*><asic:XAdESSignatures /,
        )
        await refused(surveyed(await repacked(bytes, { attachment1: '{"a":2}' }), country.trust), 'wrong_imprint')
      }
    }
})

test('every octet counts: of the message, of the signature, of either token', async () => {
  const bytes = await conforming(country, plain)
  const xml = (await unpacked(bytes)).get('META-INF/signatures.xml')?.toString() ?? ''
  const tokens = [...xml.matchAll(/<xades:EncapsulatedTimeStamp>([^<]*)</g)].map(([, token = '']) => token)
  assert.equal(tokens.length, 2)
  const [signatureToken = '', archiveToken = ''] = tokens
  const changes: Record<string, string> = {
    'certificate values': xml.replace(
      /<xades:CertificateValues>(?!.*TimeStampValidationData).*?<\/xades:CertificateValues>/s,
      '',
    ),
    'validation data of the time-stamp': xml.replace(
      /<xadesv141:TimeStampValidationData.*?<\/xadesv141:TimeStampValidationData>/s,
      '',
    ),
    'an answer': xml.replace(
      /<xades:EncapsulatedOCSPValue>[^<]*<\/xades:EncapsulatedOCSPValue><xades:Enc/,
      '<xades:Enc',
    ),
    'tokens exchanged': xml
      .replace(signatureToken, 'X')
      .replace(archiveToken, signatureToken)
      .replace('>X<', `>${archiveToken}<`),
    'one token twice': xml.replace(archiveToken, signatureToken),
    'a property of no meaning': xml.replace(
      '<xades:CertificateValues>',
      '<xades:CompleteCertificateRefs/><xades:CertificateValues>',
    ),
  }
  for (const [what, changed] of Object.entries(changes)) {
    assert.notEqual(changed, xml, what)
    await assert.rejects(surveyed(await repacked(bytes, { 'META-INF/signatures.xml': changed }), country.trust), what)
  }
  await refused(surveyed(await repacked(bytes, { 'message.xml': SOAP_REQUEST }), country.trust), 'wrong_imprint')
  await refused(surveyed(bytes, { ...country.trust, tsas: [] }), 'timestamp_invalid')
})

test('the same container twice is the same but for the answers and tokens of each time', async () => {
  const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  const [one, two] = [
    await unpacked(await conforming(country, plain)),
    await unpacked(await conforming(country, plain)),
  ]
  assert.deepEqual([...one.keys()], [...two.keys()])
  for (const [name, body] of one)
    if (name !== 'META-INF/signatures.xml')
      assert.equal(digestOf(body), digestOf(two.get(name) ?? Buffer.alloc(0)), name)
})
