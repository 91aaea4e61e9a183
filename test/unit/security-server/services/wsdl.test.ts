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

function manyOperations(count: number): string {
  return Array.from({ length: count }, (_, index) => `<w:operation name="o${index}"/>`).join('')
}
