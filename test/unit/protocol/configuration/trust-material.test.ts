import assert from 'node:assert/strict'
import test from 'node:test'
import { authorityFor, trustMaterial } from '#protocol'
import { testKey } from './keys.ts'
import { sharedSample } from './sample.ts'

const own = sharedSample(6)
const [approved] = own.authorities
assert.ok(approved)
const federated = { ...own, instance: 'YY', ocspFreshnessSeconds: 1 }

test('every CA certificate, top and intermediate, is an authority of its instance with its own responders', () => {
  const { authorities, tsas } = trustMaterial(own, [federated])
  assert.deepEqual(
    authorities.map(({ instance, certificate, responders, ocspUrls }) => [
      instance,
      certificate.subject.text,
      responders.length,
      ocspUrls,
    ]),
    ['ZZ', 'YY'].flatMap((instance) => [
      [instance, approved.top.certificate.subject.text, 1, ['http://ocsp.example.org/?a=1&b=2']],
      [instance, 'CN=Intermediate', 0, ['http://ocsp2.example.org']],
    ]),
  )
  assert.equal(tsas.length, 2)
})

test("the own instance's rules hold for all", () => {
  assert.equal(trustMaterial(own, [federated]).ocspFreshnessSeconds, 3600)
  assert.equal(trustMaterial(own, []).verifyNextUpdate, true)
  assert.equal(trustMaterial(own, [], { verifyNextUpdate: false }).verifyNextUpdate, false)
})

test("an authority is found by the issuer's name, in its instance only, the last of two with one name", () => {
  const trust = trustMaterial(own, [])
  // Self-signed: its own issuer.
  const intermediate = approved.intermediates[0]?.certificate
  assert.ok(intermediate)
  assert.equal(authorityFor(trust, intermediate, 'ZZ')?.certificate, intermediate)
  assert.equal(authorityFor(trust, intermediate, 'YY'), undefined)
  assert.equal(authorityFor(trust, testKey('somebody').certificate, 'ZZ'), undefined)
  const twin = testKey('Intermediate').certificate
  const later = { ...approved, intermediates: [{ certificate: twin, ocsp: [] }] }
  const both = trustMaterial({ ...own, authorities: [approved, later] }, [])
  assert.equal(authorityFor(both, intermediate, 'ZZ')?.certificate, twin)
})
