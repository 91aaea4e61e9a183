// WSDL 1.1 as the registry reads it: operations, versions, addresses, titles; and what is refused.
import assert from 'node:assert/strict'
import test from 'node:test'
import { readWsdl, ServicesError } from '../../../../security-server/services/index.ts'
import { LAND_WSDL, SOAP_HTTP } from './land-wsdl.ts'

test('operations have versions, titles and the address of their port; SOAP 1.1 comes before 1.2', () => {
  assert.deepEqual(readWsdl(LAND_WSDL), [
    { code: 'findParcel', version: 'v1', title: 'Find a parcel', url: 'http://10.0.0.7:8080/land?tenant=1&v=1' },
    { code: 'listOwners', url: 'http://10.0.0.7:8080/land?tenant=1&v=1' },
    { code: 'findParcel', version: 'v2', title: 'Find a parcel', url: 'https://10.0.0.7/land2' },
    { code: 'onlyIn12', url: 'http://12.internal/land' },
  ])
})

test('a port without an address is an operation without one', () => {
  const wsdl = LAND_WSDL.replace('<soap:address location="https://10.0.0.7/land2"/>', '')
  assert.equal(readWsdl(wsdl).find(({ version }) => version === 'v2')?.url, undefined)
})

test('what is not a WSDL with SOAP over HTTP is refused', () => {
  const refusals: readonly (readonly [what: RegExp, text: string])[] = [
    [/not well-formed/, LAND_WSDL.replace('</w:definitions>', '')],
    [/definitions/, '<definitions xmlns="http://www.w3.org/ns/wsdl"/>'],
    [/definitions/, '<html><body>Not found</body></html>'],
    [/DOCTYPE/, LAND_WSDL.replace('<!--', '<!DOCTYPE w [<!ENTITY a SYSTEM "file:/etc/passwd">]><!--')],
    [/UTF-8 and says otherwise/, LAND_WSDL.replace('encoding="UTF-8"', 'encoding="ISO-8859-1"')],
    [/no operation/, LAND_WSDL.replaceAll(SOAP_HTTP, 'http://example.org/carrier-pigeon')],
    [/no operation/, '<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"/>'],
    [/not in the document/, LAND_WSDL.replace('binding="tns:land2"', 'binding="tns:imported"')],
    [/has no name/, LAND_WSDL.replace('<w:operation name="onlyIn12"/>', '<w:operation/>')],
    [/listOwners\/ twice/, LAND_WSDL.replace('name="onlyIn12"', 'name="listOwners"')],
    [/two bindings named land1/, LAND_WSDL.replace('binding name="mail"', 'binding name="land1"')],
    [/depth|deep|inside/, LAND_WSDL.replace('<xs:schema', `${'<a>'.repeat(100)}<xs:schema`)],
    [/over 1000 operations/, LAND_WSDL.replace('<w:operation name="onlyIn12"/>', manyOperations(1001))],
  ]
  for (const [what, text] of refusals) {
    assert.throws(
      () => readWsdl(text),
      (error) => {
        assert.ok(error instanceof ServicesError, String(error))
        assert.equal(error.code, 'invalid_description')
        assert.match(error.message, what)
        return true
      },
      what.source,
    )
  }
})

test('many ports of one binding, and many bindings of one port type, cost no more than the document is long', () => {
  // Walked for each of them this would take minutes: the runner's bound would end the test.
  const title = `<w:documentation><t:title xmlns:t="urn:t">${'T'.repeat(10)}</t:title></w:documentation>`
  const operations = Array.from({ length: 900 }, (_, index) => `<w:operation name="o${index}"/>`).join('')
  const many = (count: number, each: (index: number) => string) =>
    Array.from({ length: count }, (_, at) => each(at)).join('')
  const binding = (index: number, inside: string) =>
    `<w:binding name="b${index}" type="w"><s:binding transport="${SOAP_HTTP}"/>${inside}</w:binding>`
  const wsdl = `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/">
    <w:portType name="w">${many(40_000, (index) => `<w:operation name="o${index}">${index < 900 ? title : ''}</w:operation>`)}</w:portType>
    ${binding(0, operations)}${many(20_000, (index) => binding(index + 1, ''))}
    <w:service>${many(60_000, () => '<w:port name="p" binding="b0"><s:address location="http://a/"/></w:port>')}
    ${many(20_000, (index) => `<w:port name="p" binding="b${index + 1}"/>`)}</w:service></w:definitions>`
  const found = readWsdl(wsdl)
  assert.equal(found.length, 900)
  assert.deepEqual(found[899], { code: 'o899', title: 'TTTTTTTTTT', url: 'http://a/' })
})

function manyOperations(count: number): string {
  return Array.from({ length: count }, (_, index) => `<w:operation name="o${index}"/>`).join('')
}
