// Lists and descriptions in the shapes of the dossier (wire-client §4).
import assert from 'node:assert/strict'
import test from 'node:test'
import { answer, replay } from './replay.ts'

const PROVIDER = 'QQ/ORG/7002/boats'
const SIGNED = 'HTTP/1.1 200 OK\r\nx-road-request-hash: x'

test('listClients', async (t) => {
  const { xroad, seen } = await replay(
    t,
    answer(
      'application/json; charset=utf-8',
      '{"member":[{"id":{"object_type":"MEMBER","xroad_instance":"QQ","member_class":"ORG","member_code":"7001"},"name":"Example Org"},{"id":{"object_type":"SUBSYSTEM","xroad_instance":"QQ","member_class":"ORG","member_code":"7001","subsystem_code":"desk"},"name":"Example Org","subsystem_name":"Desk"}]}',
    ),
  )
  const member = { instance: 'QQ', memberClass: 'ORG', memberCode: '7001' }
  assert.deepEqual(await xroad.listClients(), [
    { id: member, name: 'Example Org' },
    { id: { ...member, subsystemCode: 'desk' }, name: 'Example Org', subsystemName: 'Desk' },
  ])
  assert.equal(seen[0]?.url, '/listClients')
  assert.equal(seen[0]?.headers['accept'], 'application/json')
})

test('listMethods and allowedMethods of REST services', async (t) => {
  const { xroad, seen } = await replay(
    t,
    answer(
      'application/json',
      '{"service":[{"object_type":"SERVICE","service_type":"OPENAPI","xroad_instance":"QQ","member_class":"ORG","member_code":"7002","subsystem_code":"boats","service_code":"registry","endpoint_list":[{"method":"GET","path":"/boats/*"}]},{"object_type":"SERVICE","service_type":"REST","xroad_instance":"QQ","member_class":"ORG","member_code":"7002","subsystem_code":"boats","service_code":"raw"}]}',
      SIGNED,
    ),
  )
  const provider = { instance: 'QQ', memberClass: 'ORG', memberCode: '7002', subsystemCode: 'boats' }
  const expected = [
    { id: { ...provider, serviceCode: 'registry' }, type: 'OPENAPI', endpoints: [{ method: 'GET', path: '/boats/*' }] },
    { id: { ...provider, serviceCode: 'raw' }, type: 'REST', endpoints: [] },
  ]
  assert.deepEqual(await xroad.listMethods(PROVIDER, { id: 'list-1', securityServer: 'QQ/ORG/7002/ss' }), expected)
  assert.deepEqual(await xroad.allowedMethods(provider), expected)
  assert.deepEqual(
    seen.map(({ method, url }) => [method, url]),
    [
      ['GET', '/r1/QQ/ORG/7002/boats/listMethods'],
      ['GET', '/r1/QQ/ORG/7002/boats/allowedMethods'],
    ],
  )
  assert.equal(seen[0]?.headers['x-road-id'], 'list-1')
  assert.equal(seen[0]?.headers['x-road-security-server'], 'QQ/ORG/7002/ss')
})

test('an OpenAPI document comes as the provider keeps it', async (t) => {
  const { xroad, seen } = await replay(t, answer('application/x-yaml', 'openapi: 3.0.0\n', SIGNED))
  assert.deepEqual(await xroad.getOpenAPI(`${PROVIDER}/regi%2Fstry`), {
    mediaType: 'application/x-yaml',
    text: 'openapi: 3.0.0\n',
  })
  assert.equal(seen[0]?.url, '/r1/QQ/ORG/7002/boats/getOpenAPI?serviceCode=regi%2Fstry')
})

const id = (element: string, type: string, more: string) =>
  `<x:${element} i:objectType="${type}"><i:xRoadInstance>QQ</i:xRoadInstance><i:memberClass>ORG</i:memberClass><i:memberCode>7002</i:memberCode><i:subsystemCode>boats</i:subsystemCode>${more}</x:${element}>`
const envelope = (code: string, body: string) =>
  `<?xml version="1.0" encoding="UTF-8"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"><S:Header>${id('client', 'SUBSYSTEM', '')}${id('service', 'SERVICE', `<i:serviceCode>${code}</i:serviceCode>`)}<x:id>1</x:id><x:protocolVersion>4.0</x:protocolVersion></S:Header><S:Body>${body}</S:Body></S:Envelope>`

test('services of WSDLs', async (t) => {
  const listed = id(
    'service',
    'SERVICE',
    '<i:serviceCode>findBoat</i:serviceCode><i:serviceVersion>v3</i:serviceVersion>',
  )
  const { xroad, seen } = await replay(
    t,
    answer(
      'text/xml; charset=UTF-8',
      envelope('listMethods', `<x:listMethodsResponse>${listed}</x:listMethodsResponse>`),
    ),
  )
  assert.deepEqual(await xroad.listMethods(PROVIDER, { protocol: 'soap', id: 'list-2' }), [
    {
      id: {
        instance: 'QQ',
        memberClass: 'ORG',
        memberCode: '7002',
        subsystemCode: 'boats',
        serviceCode: 'findBoat',
        serviceVersion: 'v3',
      },
      type: 'WSDL',
      endpoints: [],
    },
  ])
  const sent = seen[0]?.body.toString() ?? ''
  assert.match(sent, /<xroad:listMethods xmlns:xroad="http:\/\/x-road.eu\/xsd\/xroad.xsd"\/>/)
  assert.match(sent, /<id:serviceCode>listMethods<\/id:serviceCode>/)
  assert.match(sent, /<xroad:id>list-2</)
})

test('a WSDL comes as the attachment of the answer', async (t) => {
  const wsdl = '<definitions name="õ"/>'
  const soap = envelope('getWsdl', '<x:getWsdlResponse><x:serviceCode>findBoat</x:serviceCode></x:getWsdlResponse>')
  const { xroad, seen } = await replay(
    t,
    answer(
      'multipart/related; type="text/xml"; boundary=b; charset=utf-8',
      `--b\r\ncontent-type:text/xml; charset=UTF-8\r\n\r\n${soap}\r\n--b\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <wsdl=x@x-road.eu>\r\n\r\n${wsdl}\r\n--b--\r\n`,
    ),
  )
  assert.deepEqual(await xroad.getWsdl(`${PROVIDER}/findBoat/v3`), { mediaType: 'text/xml', text: wsdl })
  const sent = seen[0]?.body.toString() ?? ''
  assert.match(sent, /<xroad:serviceCode>findBoat<\/xroad:serviceCode><xroad:serviceVersion>v3<\/xroad:serviceVersion>/)
})
