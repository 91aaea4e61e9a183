// The land register: its properties, its services, and what it asks of the population register. Between the two stands an exchange in the
// demo (test/e2e); here names come out of the population register's store.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { landApi } from '../../../demo/land-register/api.ts'
import type { Names } from '../../../demo/land-register/owners.ts'
import { properties } from '../../../demo/land-register/properties.ts'
import { landService } from '../../../demo/land-register/soap.ts'
import { openLandStore } from '../../../demo/land-register/store.ts'
import { openRegister } from '../../../demo/population-register/store.ts'
import { SoapFault } from '../../../demo/soap/fault.ts'
import { readWsdl } from '../../../security-server/services/wsdl.ts'
import { needsTools } from '../../tools.ts'
import { type Endpoint, message, schemaFaults, serve } from './soap-endpoint.ts'

const NAMESPACE = 'urn:demo:land-register'
const PROPERTY = '15101:102:0082'
const folder = mkdtempSync(join(tmpdir(), 'saadik-land-'))
const population = openRegister(':memory:')
const store = openLandStore(join(folder, 'land.db'))
const asked: object[] = []
let away = false
const names: Names = {
  async of(personalCode, onBehalf) {
    if (away) throw new SoapFault('Server', 'names_unavailable', 'the population register cannot be asked now')
    asked.push(onBehalf)
    return population.find(personalCode)
  },
  close: () => undefined,
}
let register: Endpoint

before(async () => {
  register = await serve(landApi(landService(store, names), store, () => undefined))
})
after(() => {
  register.close()
  store.close()
  population.close()
  rmSync(folder, { recursive: true })
})

const find = (code: string) => register.post(message(NAMESPACE, 'findProperty', ['cadastralCode', code]))

test('at least 5,000 properties, each with its own code, all shares together one, owners who are in the population register', () => {
  const all = [...properties()]
  assert.ok(all.length >= 5_000)
  assert.equal(new Set(all.map(({ cadastralCode }) => cadastralCode)).size, all.length)
  for (const { owners } of all) {
    assert.ok(owners.every(({ personalCode }) => population.find(personalCode)))
    assert.ok(owners.every(({ share }) => share === `1/${owners.length}`))
  }
  assert.deepEqual([...properties(50)], all.slice(0, 50), 'the same every time')
  assert.equal(store.count(), all.length)
})

test('a store that was filled stays as it is', () => {
  const again = openLandStore(join(folder, 'land.db'))
  assert.equal(again.count(), store.count())
  again.close()
})

test('the WSDL names the services, and every answer is as its schema has it', async (t) => {
  const wsdl = await (await fetch(`${register.url}/land.wsdl`)).text()
  assert.deepEqual(
    readWsdl(wsdl).map(({ code, version, url }) => [code, version, url]),
    ['findProperty', 'listPropertiesOf', 'getMap'].map((code) => [code, 'v1', `${register.url}/soap`]),
  )
  if (!needsTools(t, 'xmllint')) return
  for (const [operation, field] of [
    ['findProperty', ['cadastralCode', PROPERTY]],
    ['listPropertiesOf', ['personalCode', '39003070106']],
    ['listPropertiesOf', ['personalCode', '38203190108']],
    ['getMap', ['cadastralCode', PROPERTY]],
  ] as const) {
    const { status, text } = await register.post(message(NAMESPACE, operation, field))
    assert.equal(status, 200, text)
    // What travels beside the message is a base64 value of it (XOP §3).
    const whole = text.replace(/<xop:Include[^>]*>/, 'AAAA')
    assert.equal(await schemaFaults(wsdl, NAMESPACE, whole, folder), '', operation)
  }
})

test('who asks and in which matter is handed on', async () => {
  const question = message(NAMESPACE, 'listPropertiesOf', ['personalCode', '39003070106'])
  await register.post(question.replace('</x:id>', '</x:id><x:userId>EE1</x:userId><x:issue>case-7</x:issue>'))
  assert.deepEqual(asked.at(-1), { userId: 'EE1', issue: 'case-7' })
  await register.post(question)
  assert.deepEqual(asked.at(-1), {})
})

test('a map comes by MTOM', async () => {
  const { type, text, bytes } = await register.post(message(NAMESPACE, 'getMap', ['cadastralCode', PROPERTY]))
  assert.match(
    type,
    /^multipart\/related; type="application\/xop\+xml"; start-info="text\/xml"; start="<message>"; boundary/,
  )
  assert.match(
    text,
    /<map><xop:Include xmlns:xop="http:\/\/www.w3.org\/2004\/08\/xop\/include" href="cid:map"\/><\/map>/,
  )
  assert.ok(bytes.includes(Buffer.from('Content-ID: <map>\r\n\r\n\x89PNG', 'latin1')))
})

test('no property, no code, nobody: faults of the caller; no names: a fault of the register, not half an answer', async () => {
  assert.match((await find('10001:999:0001')).text, /soap:Client.*unknown_property/)
  assert.match((await find("1' OR 1=1")).text, /soap:Client.*invalid_cadastral_code/)
  const nobody = await register.post(message(NAMESPACE, 'listPropertiesOf', ['personalCode', '47101010033']))
  assert.match(nobody.text, /soap:Client.*unknown_person/)
  away = true
  const { status, text } = await find(PROPERTY)
  away = false
  assert.equal(status, 500)
  assert.match(text, /soap:Server.*names_unavailable/)
  assert.doesNotMatch(text, /39003070106/)
})

test('what is not SOAP', async () => {
  assert.equal((await fetch(`${register.url}/health`)).status, 200)
  assert.equal((await fetch(`${register.url}/soap`)).status, 404)
})
