import assert from 'node:assert/strict'
import test from 'node:test'
import {
  ProtocolError,
  parseMonitoringClient,
  parseOcspFetchInterval,
  parsePrivateParameters,
  parseVerifyNextUpdate,
  writeMonitoringClient,
  writeOcspFetchInterval,
  writePrivateParameters,
  writeVerifyNextUpdate,
} from '#protocol'
import { needsTools } from '../../../tools.ts'
import { needsVectors, vector } from '../../../vectors.ts'
import { owner, privateSample, registry } from './sample.ts'
import { schemaFaults } from './schemas.ts'

const malformed = (error: unknown) => error instanceof ProtocolError && error.code === 'malformed_configuration'
const good = Buffer.from(writePrivateParameters(privateSample)).toString()

test('what is read is what was written, and it validates against both schemas', (t) => {
  assert.deepEqual(parsePrivateParameters(Buffer.from(good)), privateSample)
  const { certificate: _, ...bare } = privateSample.managementService
  const least = { ...privateSample, anchors: [], managementService: bare }
  assert.deepEqual(parsePrivateParameters(writePrivateParameters(least)), least)
  if (!needsVectors(t) || !needsTools(t, 'xmllint')) return
  for (const version of ['v2', 'v3'])
    for (const parameters of [privateSample, least])
      assert.equal(schemaFaults(writePrivateParameters(parameters), `${version}/private-parameters.xsd`), '')
})

test("the reference's private parameters are read", (t) => {
  if (!needsVectors(t)) return
  for (const file of [
    'globalconf/signed/V3/20240408142911166434000/private-params.xml',
    'globalconf/signed/V6/20251110170000548026000/private-params.xml',
    'recorded/signed-configuration/V6/private-params.xml',
  ]) {
    const { managementService, timestampingIntervalSeconds } = parsePrivateParameters(vector(file))
    assert.match(managementService.address, /^https:\/\/cs:4001\/managementservice\/$/)
    assert.ok(managementService.provider.subsystemCode)
    assert.equal(timestampingIntervalSeconds, 60)
  }
})

test('a key of a federated instance that cannot be read is left out; the pin of the management service must be readable', () => {
  const broken = good.replace(/(<verificationCert>)[^<]*/, '$1AAAA')
  const parameters = parsePrivateParameters(Buffer.from(broken))
  assert.deepEqual(parameters.anchors[0]?.sources[0]?.certificates, [])
  assert.equal(parameters.unreadable?.length, 1)
  assert.throws(
    () => parsePrivateParameters(Buffer.from(good.replace(/(<authCertRegServiceCert>)[^<]*/, '$1AAAA'))),
    malformed,
  )
})

test('broken private parameters are refused', () => {
  for (const [name, changed] of Object.entries({
    'no service': good.replace(/<managementService>[\s\S]*<\/managementService>/, ''),
    'no provider': good.replace(/<managementRequestServiceProviderId[\s\S]*ProviderId>/, ''),
    'no address': good.replace(/<authCertRegServiceAddress>.*>/, ''),
    'no interval': good.replace(/<timeStampingIntervalSeconds>.*>/, ''),
    'an interval of nothing': good.replace('>60<', '>0<'),
    'an interval below nothing': good.replace('>60<', '>-60<'),
    'an anchor without instance': good.replace('<instanceIdentifier>YY</instanceIdentifier>', ''),
    'shared parameters': good.replaceAll('managementService', 'globalSettings'),
  })) {
    assert.notEqual(changed, good, name)
    assert.throws(() => parsePrivateParameters(Buffer.from(changed)), malformed, name)
  }
})

test('optional parts: round trips, schemas, defaults of nobody', (t) => {
  const documents = [
    [writeMonitoringClient(registry), 'monitoring-conf.xsd'],
    [writeMonitoringClient(owner), 'monitoring-conf.xsd'],
    [writeMonitoringClient(undefined), 'monitoring-conf.xsd'],
    [writeOcspFetchInterval(1200), 'ocsp-fetchinterval-conf.xsd'],
    [writeVerifyNextUpdate(false), 'ocsp-nextupdate-conf.xsd'],
  ] as const
  assert.deepEqual(
    documents.slice(0, 3).map(([xml]) => parseMonitoringClient(xml)),
    [registry, owner, undefined],
  )
  assert.equal(parseOcspFetchInterval(writeOcspFetchInterval(1200)), 1200)
  assert.equal(parseVerifyNextUpdate(writeVerifyNextUpdate(false)), false)
  assert.equal(parseVerifyNextUpdate(writeVerifyNextUpdate(true)), true)
  if (needsVectors(t) && needsTools(t, 'xmllint'))
    for (const [xml, schema] of documents) assert.equal(schemaFaults(xml, schema), '')
})

test('optional parts that say something else are refused', () => {
  const [fetch, next] = [writeOcspFetchInterval(1), writeVerifyNextUpdate(true)].map((xml) =>
    Buffer.from(xml).toString(),
  )
  const bytes = (text = '') => Buffer.from(text)
  // An empty monitoring part is valid, an empty nextUpdate is not (wire-conf §11.2).
  assert.throws(() => parseVerifyNextUpdate(bytes(next?.replace(/<verifyNextUpdate>.*>/, ''))), malformed)
  assert.throws(() => parseVerifyNextUpdate(bytes(next?.replace('>true<', '>yes<'))), malformed)
  assert.throws(() => parseOcspFetchInterval(bytes(fetch?.replace('>1<', '>1.5<'))), malformed)
  assert.throws(() => parseOcspFetchInterval(bytes(fetch?.replace('>1<', '>2147483648<'))), malformed)
  assert.throws(() => parseMonitoringClient(bytes(fetch)), malformed)
})
