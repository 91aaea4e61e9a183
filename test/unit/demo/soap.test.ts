// The population register over SOAP: what it answers, and what it refuses.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test, { after, before } from 'node:test'
import { registerApi } from '../../../demo/population-register/api.ts'
import { portrait } from '../../../demo/population-register/photo.ts'
import { openRegister } from '../../../demo/population-register/store.ts'
import { readWsdl } from '../../../security-server/services/wsdl.ts'
import { needsTools } from '../../tools.ts'
import { type Endpoint, message, schemaFaults, serve } from './soap-endpoint.ts'

const NAMESPACE = 'urn:demo:population-register'
const CODE = '38203190108'
const folder = mkdtempSync(join(tmpdir(), 'saadik-soap-'))
const store = openRegister(':memory:')
let register: Endpoint

before(async () => {
  register = await serve(registerApi(store, () => undefined))
})
after(() => {
  register.close()
  store.close()
  rmSync(folder, { recursive: true })
})

const ask = (operation: string, code = CODE) => message(NAMESPACE, operation, ['personalCode', code])
const good = ask('getPerson')

test('the WSDL names both services with their version, and where it came from', async () => {
  const operations = readWsdl(await (await fetch(`${register.url}/persons.wsdl`)).text())
  assert.deepEqual(operations, [
    { code: 'getPerson', version: 'v1', title: 'One person', url: `${register.url}/soap` },
    { code: 'getPhoto', version: 'v1', title: 'The photo of a person, as an attachment', url: `${register.url}/soap` },
  ])
})

test('a person, under the header of the question and as the schema has it', async (t) => {
  const { status, type, text } = await register.post(good.replace('>unit<', '>a &amp; &lt;b&gt;<'))
  assert.deepEqual([status, type], [200, 'text/xml; charset=UTF-8'])
  assert.match(text, /<xroad:id>a &amp; &lt;b&gt;<\/xroad:id>/)
  assert.match(text, /<xroad:client id:objectType="SUBSYSTEM"><id:xRoadInstance>DEMO</)
  assert.match(text, /<givenName>Sten<\/givenName><surname>Rebane<\/surname>/)
  if (!needsTools(t, 'xmllint')) return
  const wsdl = await (await fetch(`${register.url}/persons.wsdl`)).text()
  assert.equal(await schemaFaults(wsdl, NAMESPACE, text, folder), '')
})

test('a photo comes as an attachment, whatever is attached to the question', async () => {
  const parts = [
    'Content-Type: text/xml',
    '',
    ask('getPhoto'),
    '--b',
    'Content-Type: a/b',
    '',
    'Why we ask',
    '--b--',
    '',
  ]
  for (const [question, type] of [
    [ask('getPhoto'), 'text/xml; charset=utf-8'],
    [['--b', ...parts].join('\r\n'), 'multipart/related; type="text/xml"; boundary=b'],
    [['', '--b', ...parts].join('\r\n'), 'multipart/related; boundary="b"'],
  ] as const) {
    const answer = await register.post(question, type)
    const { status, bytes, text } = answer
    assert.equal(status, 200, text)
    assert.match(answer.type, /^multipart\/related; type="text\/xml"; start="<message>"; boundary="/)
    assert.match(text, /<photo>cid:photo<\/photo>/)
    assert.ok(
      bytes.includes(
        Buffer.concat([Buffer.from('Content-ID: <photo>\r\n\r\n'), portrait(CODE), Buffer.from('\r\n--')]),
      ),
    )
  }
})

const entity = '<!DOCTYPE a [<!ENTITY e "x">]>'
const deep = '<a>'.repeat(100) + '</a>'.repeat(100)
for (const [what, body, said, type] of [
  ['nobody', ask('getPerson', '47101010033'), /unknown_person/],
  ['no code', ask('getPerson', '47101010034'), /invalid_personal_code/],
  ['another operation', ask('getCar'), /there is no operation getCar/],
  ['a name of every object', ask('toString'), /there is no operation toString/],
  ['another namespace', good.replace(NAMESPACE, 'urn:other'), /there is no operation/],
  ['no field', good.replace(/<personalCode>.*<\/personalCode>/, ''), /needs an element personalCode/],
  ['a field twice', good.replace('<personalCode>', '<personalCode>1</personalCode><personalCode>'), /stands twice/],
  [
    'another field',
    good.replace('<personalCode>', '<__proto__>1</__proto__><personalCode>'),
    /takes no element __proto__/,
  ],
  ['a field in a namespace', good.replaceAll('personalCode>', 'r:personalCode>'), /takes no element/],
  ['a field with elements', good.replace(`>${CODE}<`, '><a/><'), /is a short text/],
  ['two elements in the body', good.replace('</s:Body>', '<x/></s:Body>'), /one element/],
  ['two bodies', good.replace('</s:Envelope>', '<s:Body/></s:Envelope>'), /one body/],
  ['no envelope', '<a/>', /no SOAP 1.1 envelope/],
  ['nothing', '', /not well-formed|no XML/],
  ['a DOCTYPE', entity + good, /DOCTYPE/],
  ['an entity', good.replace(CODE, '&e;'), /not well-formed/],
  ['depth', good.replace(CODE, deep), /depth/],
  ['a flood of elements', good.replace(CODE, '<a/>'.repeat(1000)), /more elements/],
  [
    'a flood of attributes',
    good.replace('<personalCode', `<personalCode ${Array.from({ length: 50 }, (_, n) => `a${n}=""`).join(' ')}`),
    /attributes/,
  ],
  ['a prefix that is not declared', good.replace('<personalCode>', '<personalCode q:a="">'), /not well-formed/],
  ['another encoding', `<?xml version="1.0" encoding="ISO-8859-1"?>${good}`, /UTF-8/],
  ['another charset', good, /UTF-8/, 'text/xml; charset=utf-16'],
  ['octets that are no UTF-8', Buffer.concat([Buffer.from(good), Buffer.of(0xff)]), /not in UTF-8/],
  ['another type', good, /text\/xml/, 'application/json'],
  ['no type', good, /text\/xml/, ';;'],
  ['a multipart without boundary', good, /no boundary/, 'multipart/related'],
  [
    'a multipart without end',
    `--b\r\nContent-Type: text/xml\r\n\r\n${good}`,
    /no end/,
    'multipart/related; boundary=b',
  ],
  ['a multipart of nothing', '--b--', /no parts/, 'multipart/related; boundary=b'],
  ['a flood of parts', `${'--b\r\n\r\n\r\n'.repeat(100)}--b--`, /more than 20 parts/, 'multipart/related; boundary=b'],
  [
    'a part in base64',
    `--b\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--`,
    /base64/,
    'multipart/related; boundary=b',
  ],
  ['a body that is too long', good.padEnd(2 * 1024 * 1024), /at most/],
] as const satisfies readonly (readonly [string, string | Buffer, RegExp, string?])[])
  test(`${what}: a fault that says so`, async () => {
    const answer = await register.post(body, type)
    assert.deepEqual([answer.status, answer.type], [500, 'text/xml; charset=UTF-8'])
    assert.match(answer.text, /<soap:Body><soap:Fault><faultcode>soap:Client</)
    assert.match(answer.text, said)
  })

test('SOAP is posted; a target that is no path ends nothing', async () => {
  assert.equal((await fetch(`${register.url}/soap`)).status, 405)
  assert.equal((await fetch(`${register.url}//`)).status, 400)
  assert.equal((await register.post(good)).status, 200)
})
