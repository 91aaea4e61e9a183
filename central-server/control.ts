// Routes of the control socket (contract.ts).
import type { Application } from 'express'
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { Clock } from '#host'
import { CONFIGURATION_VERSIONS, type ConfigurationVersion } from '#protocol'
import { encodeBase64 } from '#trust'
import { anchorOf } from './anchors.ts'
import {
  type ApplyAnswer,
  type CentralServerStatus,
  controlPaths,
  type PublishAnswer,
  type SigningKey,
  SOURCES,
} from './contract.ts'
import { CentralServerError } from './error.ts'
import type { Publisher } from './publication/publisher.ts'
import type { Registry } from './registry/registry.ts'
import type { CentralTables } from './registry/schema.ts'
import type { SigningKeys, SourceKey } from './signing-keys.ts'

export interface ControlParts {
  readonly registry: Registry
  readonly keys: SigningKeys
  readonly publisher: Publisher
  readonly db: Kysely<CentralTables>
  readonly clock: Clock
  readonly address: string
  readonly url: string
  readonly minimumVersion: ConfigurationVersion
}

const source = z.enum(SOURCES)
const anchorQuery = z.strictObject({ source: source.default('internal') })
const keyRequest = z.strictObject({ source })
const activateRequest = z.strictObject({ force: z.boolean().default(false) })

export function controlRoutes(parts: ControlParts): (app: Application) => void {
  const { registry, keys, publisher } = parts
  return (app) => {
    app.post(controlPaths.apply, async (request, response) => {
      response.json(await applied(parts, await registry.apply(request.body)))
    })
    app.post(controlPaths.publish, async (_request, response) => {
      const { publishedAt, expiresAt } = await publisher.publish()
      const answer = { publishedAt: publishedAt.toISOString(), expiresAt: expiresAt.toISOString() }
      response.json(answer satisfies PublishAnswer)
    })
    app.get(controlPaths.anchor, async (request, response) => {
      const xml = await anchorOf(
        anchorQuery.parse(request.query).source,
        { instance: await instanceOf(registry), address: parts.address, keys: await keys.ensure() },
        parts,
      )
      response.type('application/xml').send(Buffer.from(xml))
    })
    app.get(controlPaths.status, async (_request, response) => void response.json(await statusOf(parts)))
    app.get(controlPaths.keys, async (_request, response) => {
      response.json((await keys.list()).map((key) => shown(key, keys)))
    })
    app.post(controlPaths.keys, async (request, response) => {
      await instanceOf(registry)
      const added = await keys.add(keyRequest.parse(request.body).source)
      // Listed from now on; that it signs is another decision, later.
      await publisher.publish()
      response.json(shown((await keys.list()).find(({ id }) => id === added.id) ?? added, keys))
    })
    app.post(`${controlPaths.keys}/:id/activate`, async (request, response) => {
      const { force } = activateRequest.parse(request.body ?? {})
      const key = await keys.activate(request.params.id, force)
      await publisher.publish()
      response.json(shown(key, keys))
    })
    app.post(`${controlPaths.keys}/:id/delete`, async (request, response) => {
      const key = await keys.remove(request.params.id)
      await publisher.publish()
      response.json(shown(key, keys))
    })
  }
}

async function instanceOf(registry: Registry): Promise<string> {
  const instance = (await registry.facts())?.get('instance', '')?.name
  if (instance === undefined) throw new CentralServerError('no_federation', 'No federation has been applied yet')
  return instance
}

/** What was registered is registered, whether or not it could be published at once: the next publication has it. */
async function applied({ publisher, clock }: ControlParts, changes: readonly string[]): Promise<ApplyAnswer> {
  const { last, lastError } = publisher
  if (changes.length === 0 && lastError === undefined && last !== undefined && last.expiresAt > clock.now())
    return { changes, published: true }
  try {
    await publisher.publish()
    return { changes, published: true }
  } catch (error) {
    if (!(error instanceof CentralServerError)) throw error
    return { changes, published: false, reason: error.message }
  }
}

async function statusOf({
  registry,
  publisher,
  clock,
  url,
  minimumVersion,
}: ControlParts): Promise<CentralServerStatus> {
  const facts = await registry.facts()
  const { last, lastError } = publisher
  const reason =
    facts === undefined
      ? 'no federation has been applied yet'
      : (lastError ?? (last === undefined || last.expiresAt < clock.now() ? 'nothing valid is published' : undefined))
  const instance = facts?.get('instance', '')?.name
  return {
    ready: reason === undefined,
    ...(reason !== undefined && { reason }),
    ...(instance !== undefined && { instance }),
    versions: CONFIGURATION_VERSIONS.filter((version) => version >= minimumVersion),
    ...(last && { lastPublished: last.publishedAt.toISOString(), expiresAt: last.expiresAt.toISOString() }),
    ...(lastError !== undefined && { lastError }),
    members: facts?.of('member').length ?? 0,
    subsystems: facts?.of('subsystem').length ?? 0,
    securityServers: facts?.of('security server').length ?? 0,
    url,
  }
}

function shown(key: SourceKey, keys: SigningKeys): SigningKey {
  const activatableAt = key.active ? undefined : keys.activatableAt(key)
  return {
    id: key.id,
    source: key.source,
    active: key.active,
    addedAt: key.addedAt.toISOString(),
    ...(key.publishedAt && { publishedAt: key.publishedAt.toISOString() }),
    ...(activatableAt && { activatableAt: activatableAt.toISOString() }),
    certificate: encodeBase64(key.certificate.der),
  }
}
