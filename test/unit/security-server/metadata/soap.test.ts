// listMethods, allowedMethods and getWsdl by SOAP: bodies under X-Road's schema, the WSDL as an attachment without the service's addresses.
import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { LAND_WSDL } from '../services/land-wsdl.ts'
import { asked, CUSTOMS, EMBASSY, element, offered, PROVIDER, text } from './offered.ts'
import { schemaFaults } from './schema.ts'

const NAMESPACES = 'xmlns:xroad="http://x-road.eu/xsd/xroad.xsd" xmlns:id="http://x-road.eu/xsd/identifiers"'

function serviceXml(code: string, version?: string): string {
  return (
    '<xroad:service id:objectType="SERVICE"><id:xRoadInstance>DEMO</id:xRoadInstance><id:memberClass>GOV</id:memberClass>' +
    `<id:memberCode>1</id:memberCode><id:subsystemCode>land</id:subsystemCode><id:serviceCode>${code}</id:serviceCode>` +
    `${version === undefined ? '' : `<id:serviceVersion>${version}</id:serviceVersion>`}</xroad:service>`
  )
}

function onlyOne<T>(items: readonly T[]): T {
  const [item] = items
  assert.ok(item !== undefined && items.length === 1)
  return item
}

async function opened(t: TestContext) {
  const all = await offered(t)
  const answer = (code: string, body: string, client = CUSTOMS) =>
    all.metadata.answerSoap({ ...asked(code), client, request: element(body) })
  const getWsdl = (inside: string) =>
    answer('getWsdl', `<x:getWsdl xmlns:x="http://x-road.eu/xsd/xroad.xsd">${inside}</x:getWsdl>`)
  return { ...all, answer, getWsdl }
}

test('which requests are for metadata, whatever their version', async (t) => {
  const { metadata } = await offered(t)
  for (const serviceCode of ['listMethods', 'allowedMethods', 'getWsdl'])
    assert.ok(metadata.isSoap({ ...PROVIDER, serviceCode, serviceVersion: 'v7' }))
  for (const serviceCode of ['getOpenAPI', 'listClients', 'findParcel', 'getSecurityServerMetrics'])
    assert.ok(!metadata.isSoap({ ...PROVIDER, serviceCode }))
})

test('listMethods lists the operations of WSDLs, allowedMethods those that the client may call', async (t) => {
  const { answer } = await opened(t)
  const all = await answer('listMethods', '<listMethods xmlns="urn:anything"/>')
  assert.deepEqual(all.attachments, [])
  assert.equal(
    Buffer.from(all.body).toString(),
    `<xroad:listMethodsResponse ${NAMESPACES}>${serviceXml('findParcel', 'v1')}${serviceXml('listOwners')}` +
      `${serviceXml('findParcel', 'v2')}${serviceXml('onlyIn12')}</xroad:listMethodsResponse>`,
  )
  const allowed = await answer('allowedMethods', '<allowedMethods xmlns="http://x-road.eu/xsd/xroad.xsd"/>')
  assert.equal(
    Buffer.from(allowed.body).toString(),
    `<xroad:allowedMethodsResponse ${NAMESPACES}>${serviceXml('findParcel', 'v1')}${serviceXml('findParcel', 'v2')}</xroad:allowedMethodsResponse>`,
  )
  const nothing = await answer('allowedMethods', '<allowedMethods/>', EMBASSY)
  assert.equal(
    Buffer.from(nothing.body).toString(),
    `<xroad:allowedMethodsResponse ${NAMESPACES}></xroad:allowedMethodsResponse>`,
  )
  for (const { body } of [all, allowed, nothing]) assert.equal(schemaFaults(t, body), '')
})

test('getWsdl echoes what was asked for, and attaches the description with every byte but the addresses', async (t) => {
  const { getWsdl } = await opened(t)
  const { body, attachments } = await getWsdl(
    '<x:serviceCode>findParcel</x:serviceCode><x:serviceVersion>v1</x:serviceVersion>',
  )
  assert.equal(
    Buffer.from(body).toString(),
    `<xroad:getWsdlResponse ${NAMESPACES}><xroad:serviceCode>findParcel</xroad:serviceCode>` +
      '<xroad:serviceVersion>v1</xroad:serviceVersion></xroad:getWsdlResponse>',
  )
  const attachment = onlyOne(attachments)
  assert.equal(attachment.contentType, 'text/xml')
  assert.match(
    JSON.stringify(attachment.headers),
    /^\[\["content-transfer-encoding","binary"\],\["content-id","<wsdl=[0-9a-f-]{36}@x-road\.eu>"\]\]$/,
  )
  const hidden = 'location="http://example.org/xroad-endpoint"'
  const expected = LAND_WSDL.replace('location="http://12.internal/land"', hidden)
    .replace('location="http://10.0.0.7:8080/land?tenant=1&amp;v=1"', hidden)
    .replace("location='http://backup.internal/land'", hidden)
    .replace('location="https://10.0.0.7/land2"', hidden)
    .replace('location="mailto:land@example.org"', hidden)
  assert.equal(await text(attachment.content), expected)
})

test('addresses are found by namespace and attribute, wherever they stand', async (t) => {
  const { getWsdl, documents } = await opened(t)
  const odd =
    '\uFEFF<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><a><address\n\txmlns:o="urn:o" o:location="kept > " title = "location=\'kept\'"\n' +
    ' location\n=\n\'http://10.0.0.7/>\' xmlns="http://schemas.xmlsoap.org/wsdl/soap/">õ</address></a>' +
    '<address location="kept" xmlns="urn:o"/><address xmlns="http://schemas.xmlsoap.org/wsdl/http/" location="http://secret"/></definitions>'
  documents.set('/land.wsdl', { text: odd })
  const { attachments } = await getWsdl('<x:serviceCode>listOwners</x:serviceCode>')
  const written = await text(onlyOne(attachments).content)
  assert.equal(
    written,
    odd
      .slice(1)
      .replace("'http://10.0.0.7/>'", '"http://example.org/xroad-endpoint"')
      .replace('"http://secret"', '"http://example.org/xroad-endpoint"'),
  )
})

test('what getWsdl refuses', async (t) => {
  const { getWsdl, documents, url, stop } = await opened(t)
  const refused = async (inside: string, code: string) =>
    await assert.rejects(getWsdl(inside), (error) => {
      assert.equal((error as { code: string }).code, `server.serverproxy.${code}`)
      assert.ok(!(error as Error).message.includes(url), 'addresses are not told')
      return true
    })
  const parcel = '<x:serviceCode>findParcel</x:serviceCode><x:serviceVersion>v1</x:serviceVersion>'
  await refused('', 'invalid_request')
  await refused('<x:serviceCode> </x:serviceCode>', 'invalid_request')
  await refused('<serviceCode>listOwners</serviceCode>', 'invalid_request')
  await refused('<x:serviceCode>listOwners</x:serviceCode><x:serviceCode>findParcel</x:serviceCode>', 'invalid_request')
  await refused(`<x:serviceCode>${'x'.repeat(256)}</x:serviceCode>`, 'invalid_request')
  await refused('<x:serviceCode>nothing</x:serviceCode>', 'unknown_service')
  await refused('<x:serviceCode>findParcel</x:serviceCode>', 'unknown_service')
  await refused('<x:serviceCode>persons</x:serviceCode>', 'service_type')
  const broken = ['<html/>', '', LAND_WSDL.slice(0, -20), LAND_WSDL.replace('<!--', '<!DOCTYPE x><!--')]
  for (const wsdl of broken) {
    documents.set('/land.wsdl', { text: wsdl })
    await refused(parcel, 'invalid_xml')
  }
  documents.delete('/land.wsdl')
  await refused(parcel, 'internal_error')
  await stop()
  await refused(parcel, 'network_error')
})
