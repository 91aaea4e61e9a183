// server.yaml as a document: which clients this server speaks for, what they offer, and to whom. It is the whole truth:
// what is not in it is not offered. Every fault is found before anything changes, and all are told at once.
import { schemaFaults } from '#host'
import { type ClientId, compilePattern, type EndpointPattern, idKey, parseClientId, type ServerId } from '#protocol'
import { parseCertificate } from '#trust'
import { type ClientInput, documentSchema, MAX_URL, type RightInput, type ServiceInput } from './document-schema.ts'
import { ServicesError } from './error.ts'
import type { AccessRight, ClientEntry, LocalGroup, ServiceEntry, Subject } from './model.ts'
import { type Description, readDescription } from './openapi.ts'

/** The names of X-Road's own services: a service of such a name would never be reached (wire-client §5.6). */
export const RESERVED_CODES: ReadonlySet<string> = new Set([
  'listClients',
  'listMethods',
  'allowedMethods',
  'getWsdl',
  'getOpenAPI',
  'getSecurityServerMetrics',
  'getSecurityServerOperationalData',
  'getSecurityServerHealthData',
])

/** Collects faults, each with the path of what is wrong. */
class Faults {
  readonly lines: string[] = []

  add(path: string, what: string): void {
    this.lines.push(`${path}: ${what}`)
  }

  /** The value, or undefined and a fault. */
  attempt<T>(path: string, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      this.add(path, (error as Error).message)
      return undefined
    }
  }

  throwIfAny(): void {
    if (this.lines.length > 0) throw new ServicesError('invalid_services', this.lines.join('\n'))
  }
}

/**
 * Judges a document and fetches the descriptions that it names.
 *
 * @param fetchText Fetches a description, up to 10 MiB; its failure is a fault of the document.
 * @throws ServicesError `invalid_services` with all faults.
 */
export async function readDocument(
  document: unknown,
  server: ServerId,
  fetchText: (url: string) => Promise<string>,
): Promise<readonly ClientEntry[]> {
  const faults = new Faults()
  const parsed = documentSchema.safeParse(document)
  if (!parsed.success) {
    faults.lines.push(...schemaFaults(parsed.error.issues, '(document)'))
    faults.throwIfAny()
    return []
  }
  const clients: ClientEntry[] = []
  const seen = new Set<string>()
  for (const [index, input] of parsed.data.clients.entries()) {
    const path = `clients[${index}]`
    const id = faults.attempt(`${path}.id`, () => localClient(input.id, server))
    const entry = await readClient(input, id, path, faults, fetchText)
    if (id === undefined || entry === undefined) continue
    if (seen.has(idKey(id))) faults.add(`${path}.id`, `${input.id} is listed twice`)
    seen.add(idKey(id))
    clients.push(entry)
  }
  faults.throwIfAny()
  return clients
}

function localClient(written: string, server: ServerId): ClientId {
  const id = parseClientId(written)
  if (id.instance !== server.instance) throw new Error(`${written} is not of instance ${server.instance}`)
  return id
}

async function readClient(
  input: ClientInput,
  id: ClientId | undefined,
  path: string,
  faults: Faults,
  fetchText: (url: string) => Promise<string>,
): Promise<ClientEntry | undefined> {
  const tlsCertificates = input.tlsCertificates.flatMap((certificate, index) => {
    const der = faults.attempt(`${path}.tlsCertificates[${index}]`, () => readCertificate(certificate))
    return der === undefined ? [] : [der]
  })
  const localGroups = input.localGroups.map((group, index): LocalGroup => {
    const members = group.members.flatMap((member, position) => {
      const subject = faults.attempt(`${path}.localGroups[${index}].members[${position}]`, () => subsystem(member))
      return subject === undefined ? [] : [subject]
    })
    return { code: group.code, description: group.description, members }
  })
  refuseTwice(
    input.localGroups.map(({ code }) => code),
    (index) => `${path}.localGroups[${index}].code`,
    faults,
  )
  refuseTwice(
    input.services.map(({ code }) => code),
    (index) => `${path}.services[${index}].code`,
    faults,
  )
  // Descriptions are fetched side by side: ten services of a dead host cost one time-out.
  const services = await Promise.all(
    input.services.map((each, index) =>
      readService(each, {
        path: `${path}.services[${index}]`,
        groups: localGroups,
        pins: tlsCertificates.length,
        faults,
        fetchText,
      }),
    ),
  )
  if (id === undefined) return undefined
  if (services.length > 0 && id.subsystemCode === undefined) {
    faults.add(`${path}.services`, `${input.id} is a member; services belong to subsystems`)
  }
  return {
    id,
    connection: input.connection,
    tlsCertificates,
    localGroups,
    services: services.filter((entry) => entry !== undefined),
  }
}

/** PEM or base64 DER: only base64 knows no dashes. */
function readCertificate(written: string): Uint8Array {
  const bytes = Buffer.from(written, written.includes('-----') ? 'utf8' : 'base64')
  return parseCertificate(bytes).der
}

interface ServiceContext {
  readonly path: string
  readonly groups: readonly LocalGroup[]
  /** How many certificates the client has pinned. */
  readonly pins: number
  readonly faults: Faults
  readonly fetchText: (url: string) => Promise<string>
}

async function readService(input: ServiceInput, context: ServiceContext): Promise<ServiceEntry | undefined> {
  const { path, faults } = context
  checkCode(input.code, path, faults)
  const rights = input.access.flatMap((entry, index) => readRights(entry, `${path}.access[${index}]`, context))
  const description = await fetchDescription(input, context)
  const base = input.url ?? description?.url
  if (base === undefined) {
    if (input.openapi === undefined) faults.add(path, 'needs url or openapi')
    return undefined
  }
  const where = input.url === undefined ? `${path}.openapi` : `${path}.url`
  const address = faults.attempt(where, () => checkAddress(base))
  if (address === undefined) return undefined
  return {
    code: input.code,
    type: input.openapi === undefined ? 'REST' : 'OPENAPI3',
    url: base,
    timeoutSeconds: input.timeoutSeconds,
    tls: checkTls(input, address, context),
    endpoints: description?.endpoints ?? [],
    rights,
    ...(input.openapi === undefined ? {} : { description: input.openapi }),
    ...(input.disabled === undefined ? {} : { notice: input.disabled.notice }),
  }
}

function checkCode(code: string, path: string, faults: Faults): void {
  if (RESERVED_CODES.has(code)) faults.add(`${path}.code`, `${code} is reserved for a service of X-Road itself`)
  // The rules of identifiers, borrowed from where they stand.
  faults.attempt(`${path}.code`, () => parseClientId(`instance/class/member/${code}`))
}

async function fetchDescription(
  input: ServiceInput,
  { path, faults, fetchText }: ServiceContext,
): Promise<Description | undefined> {
  const { openapi } = input
  if (openapi === undefined) return undefined
  if (faults.attempt(`${path}.openapi`, () => checkAddress(openapi, 'description')) === undefined) return undefined
  try {
    return await readDescription(await fetchText(openapi), openapi)
  } catch (error) {
    faults.add(`${path}.openapi`, (error as Error).message)
    return undefined
  }
}

/** A service's address is extended by path and query; its own query would end up in the middle (wire-client §3.5). */
function checkAddress(written: string, kind: 'service' | 'description' = 'service'): URL {
  const address = URL.canParse(written) ? new URL(written) : undefined
  if (address === undefined || !/^https?:$/.test(address.protocol))
    throw new Error(`'${written}' is not an http or https address`)
  if (written.length > MAX_URL) throw new Error(`the address is over ${MAX_URL} characters`)
  if (address.username !== '' || address.password !== '')
    throw new Error('the address must not hold a user name or password')
  if (written.includes('#')) throw new Error('the address must not have a fragment')
  if (kind === 'service' && written.includes('?')) throw new Error('the address must not have a query')
  return address
}

function checkTls(input: ServiceInput, address: URL, { path, faults, pins }: ServiceContext): ServiceEntry['tls'] {
  if (address.protocol === 'http:') {
    if (input.tls !== undefined) faults.add(`${path}.tls`, 'is for https only')
    return 'none'
  }
  const tls = input.tls ?? 'pinned'
  if (tls === 'pinned' && pins === 0) {
    faults.add(
      `${path}.tls`,
      "pinned needs the service's certificate among the client's tlsCertificates; or say system",
    )
  }
  return tls
}

function readRights(input: RightInput, path: string, { groups, faults }: ServiceContext): AccessRight[] {
  const subject = readSubject(input, path, groups, faults)
  const endpoints = input.endpoints?.map((written, index) =>
    faults.attempt(`${path}.endpoints[${index}]`, () => readEndpoint(written)),
  )
  if (subject === undefined) return []
  if (endpoints === undefined) return [{ subject }]
  return endpoints.filter((endpoint) => endpoint !== undefined).map((endpoint) => ({ subject, endpoint }))
}

function readSubject(
  input: RightInput,
  path: string,
  groups: readonly LocalGroup[],
  faults: Faults,
): Subject | undefined {
  const { subject, globalGroup, localGroup } = input
  if ([subject, globalGroup, localGroup].filter((name) => name !== undefined).length !== 1) {
    faults.add(path, 'needs exactly one of subject, globalGroup and localGroup')
    return undefined
  }
  if (globalGroup !== undefined) return { kind: 'global-group', code: globalGroup }
  if (localGroup !== undefined) {
    if (!groups.some(({ code }) => code === localGroup))
      faults.add(`${path}.localGroup`, `${localGroup} is not a local group of this client`)
    return { kind: 'local-group', code: localGroup }
  }
  const id = faults.attempt(`${path}.subject`, () => subsystem(subject ?? ''))
  return id === undefined ? undefined : { kind: 'client', id }
}

/** Rights are given to subsystems, never to a member as a whole (wire-client §5.1). */
function subsystem(written: string): ClientId {
  const id = parseClientId(written)
  if (id.subsystemCode === undefined) throw new Error(`${written} is a member; rights belong to subsystems`)
  return id
}

/** `GET /persons/*`, `* /open/**`, or a path alone for any method. */
function readEndpoint(written: string): EndpointPattern {
  const match = /^(?:([A-Za-z]+|\*)[ ]+)?([/*].*)$/.exec(written.trim())
  if (match === null) throw new Error(`'${written}' is not METHOD /path`)
  const pattern = { method: (match[1] ?? '*').toUpperCase(), path: match[2] ?? '' }
  compilePattern(pattern)
  return pattern
}

function refuseTwice(codes: readonly string[], path: (index: number) => string, faults: Faults): void {
  for (const [index, code] of codes.entries()) {
    if (codes.indexOf(code) < index) faults.add(path(index), `${code} is used twice`)
  }
}
