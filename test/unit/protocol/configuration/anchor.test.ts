import assert from 'node:assert/strict'
import test from 'node:test'
import { ProtocolError, parseAnchor, writeAnchor } from '#protocol'
import { needsTools } from '../../../tools.ts'
import { needsVectors, vector } from '../../../vectors.ts'
import { keys } from './sample.ts'
import { schemaFaults } from './schemas.ts'

const malformed = (error: unknown) => error instanceof ProtocolError && error.code === 'malformed_configuration'
const anchor = {
  generatedAt: new Date('2030-01-01T00:00:00.123Z'),
  instance: 'ZZ',
  sources: [
    { url: 'http://cs.example.org/internalconf', certificates: [keys.internal.certificate, keys.next.certificate] },
    { url: 'https://cs.example.org/internalconf', certificates: [keys.internal.certificate] },
  ],
}

test("what is read is what was written, and it validates against X-Road's schema", (t) => {
  const written = writeAnchor(anchor)
  assert.deepEqual(parseAnchor(written), anchor)
  const { generatedAt: _, ...undated } = anchor
  assert.deepEqual(parseAnchor(writeAnchor(undated)), undated)
  if (needsVectors(t) && needsTools(t, 'xmllint')) assert.equal(schemaFaults(written, 'v2/private-parameters.xsd'), '')
})

test("the reference's anchors are read", (t) => {
  if (!needsVectors(t)) return
  const dev = parseAnchor(vector('globalconf/configuration_anchor_CS_internal.xml'))
  assert.equal(dev.instance, 'DEV')
  assert.equal(dev.generatedAt?.toISOString(), '2025-11-05T22:10:45.770Z')
  assert.deepEqual(
    dev.sources.map(({ url, certificates }) => [url, certificates.map(({ subject }) => subject.text)]),
    [
      ['http://cs/internalconf', ['CN=internalSigningKey']],
      ['https://cs/internalconf', ['CN=internalSigningKey']],
    ],
  )
  assert.equal(parseAnchor(vector('recorded/signed-configuration/anchor.xml')).instance, 'TEST')
})

test('anchors that name nobody or nowhere are refused', () => {
  const good = Buffer.from(writeAnchor(anchor)).toString()
  const cases: Record<string, (xml: string) => string> = {
    'no instance': (xml) => xml.replace(/<instanceIdentifier>.*>/, ''),
    'no source': (xml) => xml.replace(/<source>[\s\S]*<\/source>/, ''),
    'no URL': (xml) => xml.replace(/<downloadURL>.*>/, ''),
    'no certificate': (xml) => xml.replaceAll(/<verificationCert>.*>/g, ''),
    'a certificate that is none': (xml) => xml.replace(/(<verificationCert>)[^<]*/, '$1AAAA'),
    "PR-GCONF's misprint": (xml) => xml.replaceAll('downloadURL', 'downloadURI'),
    'a file': (xml) => xml.replace('http://cs.example.org/', 'file:///etc/'),
    'a secret in a URL': (xml) => xml.replace('http://cs', 'http://user:word@cs'),
    'no URL at all': (xml) => xml.replace('http://cs.example.org/internalconf', 'cs'),
    'a date that is none': (xml) => xml.replace('2030-01-01T', '2030-01-99T'),
    'another document': (xml) => xml.replaceAll('configurationAnchor', 'conf'),
    'a document type': (xml) => xml.replace('?>', '?><!DOCTYPE a SYSTEM "file:///etc/passwd">'),
    'sources without end': (xml) => xml.replace(/(<source>[\s\S]*?<\/source>)/, (source) => source.repeat(300)),
  }
  for (const [name, change] of Object.entries(cases)) {
    const changed = change(good)
    assert.notEqual(changed, good, name)
    assert.throws(() => parseAnchor(Buffer.from(changed)), malformed, name)
  }
})
