// A registry with services of every kind, whose descriptions a real service offers, and metadata over it.
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { httpGet, type Log } from '#host'
import { parseClientId, parseServerId, readXml, type ServiceId, type XmlElement } from '#protocol'
import { type Metadata, openMetadata } from '../../../../security-server/metadata/index.ts'
import { openServices } from '../../../../security-server/services/index.ts'
import { placeIn } from '../../../stores.ts'
import { LAND_WSDL } from '../services/land-wsdl.ts'

export const PROVIDER = parseClientId('DEMO/GOV/1/land')
export const CUSTOMS = parseClientId('DEMO/GOV/2/client')
export const EMBASSY = parseClientId('DEMO/GOV/3/embassy')
const SILENT: Log = { error() {}, warn() {}, info() {}, debug() {} }

export interface Document {
  readonly type?: string
  readonly text: string | Uint8Array
}

/** What the service offers, by path; anything else is 404. */
export type Offered = Map<string, Document>

export const OPENAPI_JSON = JSON.stringify({
  openapi: '3.0.3',
  info: { title: 'Persons', version: '1' },
  servers: [
    { url: 'https://10.0.0.7:8443/api/v1?x=1' },
    { url: 'https://{env}.example.org/{base}' },
    { url: 'https://10.0.0.7' },
  ],
  paths: {
    '/persons': {
      get: { servers: [{ url: 'http://operation.internal/o' }], responses: {} },
      servers: [{ url: '//path.internal/p' }],
    },
    '/persons/{code}': { get: { responses: {} }, put: { responses: {} } },
  },
  components: { schemas: { Id: { type: 'integer', example: { servers: [{ url: 'http://kept.example/x' }] } } } },
})

export const OPENAPI_YAML = `# persons
openapi: 3.1.0
info: { title: Persons, version: "1" }
servers: &all
  - url: http://10.0.0.7:8080/v2 # internal
  - { url: "relative/v3" }
paths:
  /x:
    servers: *all
    get:
      servers:
        - url: |
            http://block.internal/b
        - url: 'http://quoted.internal'
      responses: {}
`

export async function offered(t: TestContext): Promise<{
  readonly metadata: Metadata
  readonly documents: Offered
  readonly fetched: readonly string[]
  readonly url: string
  /** Ends the service, so that nobody answers. */
  stop(): Promise<void>
}> {
  const documents: Offered = new Map([
    ['/openapi.json', { text: OPENAPI_JSON, type: 'application/json;charset=utf-8' }],
    ['/openapi.yaml', { text: OPENAPI_YAML }],
    ['/land.wsdl', { text: LAND_WSDL, type: 'text/xml' }],
  ])
  const fetched: string[] = []
  const service = createServer((request, response) => {
    fetched.push(request.url ?? '')
    const document = documents.get(request.url ?? '')
    if (document === undefined) return void response.writeHead(404).end()
    response.writeHead(200, document.type === undefined ? {} : { 'content-type': document.type }).end(document.text)
  })
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
  const stop = () =>
    new Promise<void>((resolve) => {
      service.close(() => resolve())
      service.closeAllConnections()
    })
  t.after(stop)
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`
  const get = (address: string) => httpGet(address, { timeoutMs: 10_000, maxBytes: 10 * 1024 * 1024 })

  const directory = mkdtempSync(join(tmpdir(), 'saadik-metadata-'))
  const registry = await openServices({
    place: placeIn(directory, 'services'),
    server: parseServerId('DEMO/GOV/1/interior'),
    fetchText: async (address) => Buffer.from((await get(address)).body).toString(),
    log: SILENT,
  })
  t.after(() => {
    registry.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const services = [
    {
      code: 'persons',
      openapi: `${url}/openapi.json`,
      url: 'http://10.0.0.7/api',
      access: [{ globalGroup: 'all' }, { subject: 'DEMO/GOV/3/embassy', endpoints: ['GET /persons/*'] }],
    },
    {
      code: 'yaml',
      openapi: `${url}/openapi.yaml`,
      url: 'http://10.0.0.7/',
      access: [{ subject: 'DEMO/GOV/2/client' }],
    },
    {
      code: 'maps',
      url: 'http://10.0.0.7/maps',
      disabled: { notice: 'Being redrawn' },
      access: [{ subject: 'DEMO/GOV/2/client', endpoints: ['GET /tiles/**'] }],
    },
    {
      wsdl: `${url}/land.wsdl`,
      tls: 'system',
      operations: [{ code: 'findParcel', access: [{ subject: 'DEMO/GOV/2/client' }] }],
    },
  ]
  await registry.apply({ clients: [{ id: 'DEMO/GOV/1/land', services }] })
  const metadata = openMetadata({ snapshot: () => registry.snapshot(), fetch: get, ownDescriptions: new Map() })
  return { metadata, documents, fetched, url, stop }
}

export function asked(code: string, query?: string) {
  const service: ServiceId = { ...PROVIDER, serviceCode: code }
  return { service, query, client: CUSTOMS, inGlobalGroup: () => false }
}

export async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export async function text(stream: AsyncIterable<Uint8Array>): Promise<string> {
  return (await bytesOf(stream)).toString('utf8')
}

/** The one element of a SOAP body. */
export function element(xml: string): XmlElement {
  return readXml(Buffer.from(xml))
}
