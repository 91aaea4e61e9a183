// Other people's programs against the demo, as they are: a SOAP library, a client that a generator wrote from an OpenAPI description, curl, and
// the examples of saadik/client. They know nothing of X-Road but an address and a header.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test, { after, before } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { Client } from 'soap'
import { needsTools, tool } from '../tools.ts'
import { runGenerated } from './generated-client.ts'
import { demoFolder, freeBase, type RunningDemo, saadik, startDemo } from './running-demo.ts'

const CLIENT = 'DEMO/GOV/70000002/client'
const LAND = 'DEMO/GOV/70000004/land-register'
const PROPERTY = '15101:102:0082'
const OWNER = '39003070106'
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

const { directory, remove } = demoFolder()
const base = await freeBase()
const customs = `http://${base}.12:8080`
const population = `http://${base}.21:9001`
const land = `http://${base}.22:9001`
let running: RunningDemo

before(async () => {
  running = await startDemo(directory, base)
})
after(() => {
  running?.fromTerminal('SIGINT')
  remove()
})

/** What any SOAP client can be told to put into its header. */
function header(service: string, client = CLIENT): string {
  const names = ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode', 'serviceCode', 'serviceVersion']
  const identifier = (element: string, type: string, id: string) =>
    `<x:${element} i:objectType="${type}">${id
      .split('/')
      .map((value, index) => `<i:${names[index]}>${value}</i:${names[index]}>`)
      .join('')}</x:${element}>`
  const spaces = 'xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"'
  return [
    identifier('client', 'SUBSYSTEM', client),
    identifier('service', 'SERVICE', service),
    `<x:id>${crypto.randomUUID()}</x:id><x:userId>EE38203190108</x:userId><x:protocolVersion>4.0</x:protocolVersion>`,
  ]
    .join('')
    .replaceAll(/<x:(\w+)/g, `<x:$1 ${spaces}`)
}

/** The library's client from the register's own WSDL; only where it posts to and its header are ours. */
async function libraryClient(wsdl: string, service: string, at = customs, client = CLIENT): Promise<Client> {
  const soap = await import('soap')
  const made = await soap.createClientAsync(wsdl, { parseReponseAttachments: true })
  made.setEndpoint(at)
  made.addSoapHeader(header(service, client))
  return made
}

type Values = Record<string, unknown>

async function call(client: Client, operation: string, input: Values): Promise<Values> {
  const [value] = (await client[`${operation}Async`](input)) as [Values]
  return value
}

test('the SOAP library finds a property, and its owners as the population register has them', async () => {
  const client = await libraryClient(`${land}/land.wsdl`, `${LAND}/findProperty/v1`)
  const found = await call(client, 'findProperty', { cadastralCode: PROPERTY })
  assert.equal(found['cadastralCode'], PROPERTY)
  assert.deepEqual(
    (found['owner'] as Values[]).map(({ personalCode, surname, share }) => [personalCode, surname, share]),
    [
      ['37412130102', 'Uibo', '1/2'],
      [OWNER, 'Nurk', '1/2'],
    ],
  )
})

test('an owner who changed the name has the new one in the next answer', async () => {
  const update = demoCall('update a person')
  const renamed = { ...(JSON.parse(update.body ?? '') as Values), surname: 'Õunapuu & Pojad <2>' }
  const put = await fetch(update.url, { method: 'PUT', headers: update.headers, body: JSON.stringify(renamed) })
  assert.equal(put.status, 200)
  const client = await libraryClient(`${land}/land.wsdl`, `${LAND}/listPropertiesOf/v1`)
  const found = await call(client, 'listPropertiesOf', { personalCode: OWNER })
  assert.equal(found['surname'], 'Õunapuu & Pojad <2>')
  assert.deepEqual(
    (found['property'] as Values[]).map(({ cadastralCode }) => cadastralCode),
    [PROPERTY],
  )
  const back = await fetch(update.url, { method: 'PUT', headers: update.headers, body: update.body ?? '' })
  assert.equal(back.status, 200)
})

test('the ministry’s server logs both what the land register was asked and what it asked, each signed in its name', () => {
  const { records } = JSON.parse(
    saadik(['log', 'find', '--json', '--dir', directory, '--server', 'interior']).stdout,
  ) as { records: { side: string; member: string }[] }
  const own = records.filter(({ member }) => member === LAND)
  assert.ok(own.some(({ side }) => side === 'consumer') && own.some(({ side }) => side === 'provider'))
})

test('the SOAP library gets the map, which travels by MTOM', async () => {
  const client = await libraryClient(`${land}/land.wsdl`, `${LAND}/getMap/v1`)
  const found = await call(client, 'getMap', { cadastralCode: PROPERTY })
  assert.equal(found['cadastralCode'], PROPERTY)
  const [map] = client.lastResponseAttachments.parts
  assert.equal(map?.headers['content-type'], 'image/png')
  assert.ok(Buffer.from(map.body).subarray(0, 8).equals(PNG))
})

test('the SOAP library gets a person and a photo, which is attached', async () => {
  const wsdl = `${population}/persons.wsdl`
  const at = 'DEMO/GOV/70000001/population-register'
  const person = await call(await libraryClient(wsdl, `${at}/getPerson/v1`), 'getPerson', { personalCode: OWNER })
  assert.equal(person['surname'], 'Nurk')
  const client = await libraryClient(wsdl, `${at}/getPhoto/v1`)
  assert.equal((await call(client, 'getPhoto', { personalCode: OWNER }))['photo'], 'cid:photo')
  const photo = client.lastResponseAttachments.parts[0]?.body
  const rest = await fetch(`${population}/persons/${OWNER}/photo`)
  assert.deepEqual(Buffer.from(photo ?? Buffer.of()), Buffer.from(await rest.arrayBuffer()))
})

test('a fault of the register and a refusal of X-Road are faults of the library', async () => {
  const client = await libraryClient(`${land}/land.wsdl`, `${LAND}/findProperty/v1`)
  await assert.rejects(call(client, 'findProperty', { cadastralCode: '10001:999:0001' }), /there is no property/)
  const embassy = await libraryClient(
    `${land}/land.wsdl`,
    `${LAND}/findProperty/v1`,
    `http://${base}.13:8080`,
    'DEMO/GOV/70000003/embassy',
  )
  await assert.rejects(call(embassy, 'findProperty', { cadastralCode: PROPERTY }), /access_denied/)
})

test('a client that a generator wrote from the OpenAPI description runs unchanged', async () => {
  // Through the exchange, as a developer elsewhere would get it.
  const service = `${customs}/r1/DEMO/GOV/70000001/population-register`
  const described = await fetch(`${service}/getOpenAPI?serviceCode=persons`, { headers: { 'X-Road-Client': CLIENT } })
  const folder = join(directory, 'generated')
  const environment = { SERVICE: `${service}/persons`, CLIENT, PERSON: OWNER }
  const said = await runGenerated(await described.text(), folder, environment)
  assert.deepEqual(said, { total: 3, surname: 'Nurk', updated: 'Nurk', nobody: 404 })
})

test('the SOAP line that the demo printed works in a shell as printed', (t) => {
  if (!needsTools(t, 'curl')) return
  const printed = /^ *(curl -H 'Content-Type: text\/xml' .*)$/m.exec(running.output())?.[1]
  assert.ok(printed)
  const answer = tool('sh', ['-c', `${printed} --silent --show-error --fail`])
  assert.equal(answer.status, 0, answer.stderr)
  assert.match(answer.stdout, /<surname>Nurk<\/surname>/)
})

test('curl sends an attachment, and one comes back', (t) => {
  if (!needsTools(t, 'curl')) return
  const body = demoCall('the photo of a person, over SOAP with an attachment').body ?? ''
  const message = [
    '--mime-part',
    'Content-Type: text/xml; charset=UTF-8\r\n',
    body,
    '--mime-part',
    'Content-Type: text/plain\r\n',
    'Why we ask.',
    '--mime-part--\r\n',
  ].join('\r\n')
  const file = join(directory, 'evidence', 'photo.multipart')
  const type = 'Content-Type: multipart/related; type="text/xml"; boundary="mime-part"'
  const sent = tool('curl', ['-sS', '--fail', '-o', file, '-H', type, '--data-binary', message, customs])
  assert.equal(sent.status, 0, sent.stderr)
  const answer = readFileSync(file)
  assert.ok(answer.includes('getPhotoResponse') && answer.includes(PNG), answer.toString())
})

test('without the population register the land register answers with a fault, and as before when it is back', async () => {
  const { registers } = demoStatus()
  const victim = registers.find(({ id }) => id.endsWith('/population-register'))
  assert.ok(victim?.pid)
  const client = await libraryClient(`${land}/land.wsdl`, `${LAND}/findProperty/v1`)
  const find = () => call(client, 'findProperty', { cadastralCode: PROPERTY })
  process.kill(victim.pid, 'SIGKILL')
  await assert.rejects(find(), /cannot be asked now/)
  let back: Values | undefined
  for (let attempt = 0; attempt < 100 && back === undefined; attempt++) {
    await pause(200)
    back = await find().catch(() => undefined)
  }
  assert.equal(back?.['cadastralCode'], PROPERTY)
})

for (const [example, said] of [
  ['soap.ts', /photo: image\/png, \d+ bytes/],
  ['rest.ts', /image\/png, \d+ bytes[\s\S]*access_denied/],
  ['listing.ts', /getPhoto[\s\S]*findProperty/],
] as const)
  test(`the example ${example} runs`, () => {
    const file = resolve(import.meta.dirname, '../../client/examples', example)
    const env = { SECURITY_SERVER: customs, EMBASSY_SERVER: `http://${base}.13:8080` }
    const ran = tool('env', [...Object.entries(env).map(([name, value]) => `${name}=${value}`), process.execPath, file])
    assert.equal(ran.status, 0, ran.stderr)
    assert.match(ran.stdout, said)
  })

interface DemoCall {
  readonly name: string
  readonly url: string
  readonly headers: Record<string, string>
  readonly body?: string
}

function demoStatus() {
  return JSON.parse(saadik(['demo', 'status', '--json', '--dir', directory]).stdout) as {
    readonly registers: readonly { readonly id: string; readonly pid: number | null }[]
    readonly calls: readonly DemoCall[]
  }
}

function demoCall(name: string): DemoCall {
  const { calls } = demoStatus()
  const call = calls.find((each) => each.name === name)
  assert.ok(call, name)
  return call
}
