// server.yaml as a document: which clients this server speaks for, what they offer, and to whom. It is the whole truth:
// what is not in it is not offered. Every fault is found before anything changes, and all are told at once.
import { schemaFaults } from '#host'
import { type ClientId, idKey, parseClientId, type ServerId } from '#protocol'
import { parseCertificate } from '#trust'
import type { FetchText } from './document-checks.ts'
import { Faults } from './document-faults.ts'
import { subsystem } from './document-rights.ts'
import { type ClientInput, documentSchema } from './document-schema.ts'
import { readServices } from './document-services.ts'
import { trackerService } from './document-tracker.ts'
import type { ClientEntry, LocalGroup } from './model.ts'

/**
 * Judges a document and fetches the descriptions that it names.
 *
 * @param fetchText Its failure is a fault of the document.
 * @throws ServicesError `invalid_services` with all faults.
 */
export async function readDocument(
  document: unknown,
  server: ServerId,
  fetchText: FetchText,
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
  fetchText: FetchText,
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
  faults.refuseTwice(
    input.localGroups.map(({ code }) => code),
    (index) => `${path}.localGroups[${index}].code`,
  )
  const context = {
    groups: localGroups,
    pins: tlsCertificates,
    faults,
    tracked: input.tracker !== undefined,
    fetchText,
  }
  const services = await readServices(input.services, { ...context, path: `${path}.services` })
  const own = input.tracker && trackerService(input.tracker, `${path}.tracker`, { ...context, path })
  if (id === undefined) return undefined
  if ((input.services.length > 0 || own !== undefined) && id.subsystemCode === undefined) {
    faults.add(
      `${path}.${own === undefined ? 'services' : 'tracker'}`,
      `${input.id} is a member; services belong to subsystems`,
    )
  }
  return {
    id,
    connection: input.connection,
    tlsCertificates,
    localGroups,
    services: own === undefined ? services : [...services, own],
  }
}

/** PEM or base64 DER: only base64 knows no dashes. */
function readCertificate(written: string): Uint8Array {
  const bytes = Buffer.from(written, written.includes('-----') ? 'utf8' : 'base64')
  return parseCertificate(bytes).der
}
