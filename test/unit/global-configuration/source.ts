// A configuration source as tests need it: signed here, given out over real HTTP, bent at will.
import { createServer, type Server } from 'node:http'
import { listen } from '#host'
import {
  type Anchor,
  type ConfigurationVersion,
  type PrivateParameters,
  type SharedParameters,
  writePrivateParameters,
  writeSharedParameters,
  writeSignedDirectory,
} from '#protocol'
import { signatureFor } from '#trust'
import type { TestKey } from '../protocol/configuration/keys.ts'
import { privateSample, sharedSample } from '../protocol/configuration/sample.ts'

export interface Publication {
  readonly key: TestKey
  readonly expiresAt: Date
  readonly version?: ConfigurationVersion
  readonly instance?: string
  readonly shared?: Partial<SharedParameters>
  readonly private?: Partial<PrivateParameters>
  /** Content identifier and document. */
  readonly more?: readonly (readonly [string, string])[]
  readonly external?: boolean
  /** Replaces the location of every part; `FILE` is its name. */
  readonly location?: string
}

export class TestSource {
  /** Path with query → answer. */
  readonly files = new Map<string, Uint8Array>()
  /** What was asked for, in order. */
  readonly requests: string[] = []
  /** Answers everything with it when set. */
  status: number | undefined
  readonly #server: Server
  #generation = 0
  #port = 0

  constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? ''
      this.requests.push(path)
      const body = this.files.get(path)
      const status = this.status ?? (body === undefined ? 404 : 200)
      response.writeHead(status).end(status === 200 ? body : '')
    })
  }

  async open(): Promise<this> {
    this.#port = (await listen(this.#server, '127.0.0.1', 0)).port
    return this
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get url(): string {
    return `http://${this.address}/internalconf`
  }

  anchor(...keys: readonly TestKey[]): Anchor {
    return { instance: 'ZZ', sources: [{ url: this.url, certificates: keys.map(({ certificate }) => certificate) }] }
  }

  /** Gives out a generation; returns the paths of its parts. */
  async publish(publication: Publication): Promise<Record<string, string>> {
    const { key, expiresAt, version = 6, instance = 'ZZ', external = false } = publication
    const sample = sharedSample(version)
    const sources = [{ address: this.address, internal: [key.certificate], external: [key.certificate] }]
    const shared = writeSharedParameters({ ...sample, sources, ...publication.shared }, version)
    const documents: (readonly [identifier: string, file: string, bytes: Uint8Array])[] = [
      ['SHARED-PARAMETERS', 'shared-params.xml', shared],
    ]
    if (!external) {
      const parameters = { ...privateSample, anchors: [], instance, ...publication.private }
      documents.push(['PRIVATE-PARAMETERS', 'private-params.xml', writePrivateParameters(parameters)])
      for (const [identifier, text] of publication.more ?? [])
        documents.push([identifier, `${identifier.toLowerCase()}.xml`, Buffer.from(text)])
    }
    const folder = `/V${version}/${++this.#generation}`
    const parts = documents.map(([contentIdentifier, file, bytes]) => ({
      contentIdentifier,
      instance,
      location: publication.location?.replace('FILE', file) ?? `${folder}/${file}`,
      bytes,
    }))
    const directory = await writeSignedDirectory(
      { version, expiresAt, parts, certificate: key.certificate, algorithm: signatureFor(key.certificate.publicKey) },
      key.sign,
    )
    this.files.set(`/${external ? 'externalconf' : 'internalconf'}?version=${version}`, directory)
    for (const [index, [, file, bytes]] of documents.entries()) {
      this.files.set(`${folder}/${file}`, bytes)
      const location = parts[index]?.location
      if (location?.startsWith('/')) this.files.set(location, bytes)
    }
    return Object.fromEntries(documents.map(([identifier, file]) => [identifier, `${folder}/${file}`]))
  }
}

/** The sample as another instance would say it: its identifiers too. */
export function sharedOf(instance: string): SharedParameters {
  const sample = sharedSample(6)
  const client = <T extends { readonly instance: string }>(id: T): T => ({ ...id, instance })
  return {
    ...sample,
    instance,
    servers: sample.servers.map((server) => ({
      ...server,
      id: client(server.id),
      clients: server.clients.map(client),
    })),
    groups: sample.groups.map((group) => ({ ...group, members: group.members.map(client) })),
  }
}
