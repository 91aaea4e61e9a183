// What applying a document would change, in words: shown to whoever applied it, and empty when nothing changes.
import { type EndpointPattern, idKey, shortId } from '#protocol'
import type { AccessRight, ClientEntry, LocalGroup, ServiceEntry, Subject } from './model.ts'

export function describeChanges(before: readonly ClientEntry[], after: readonly ClientEntry[]): string[] {
  return compare(before, after, (client) => idKey(client.id), {
    added: (client) => [`client ${shortId(client.id)} added`, ...clientContent(undefined, client)],
    removed: (client) => [`client ${shortId(client.id)} removed`],
    both: clientContent,
  })
}

function clientContent(before: ClientEntry | undefined, after: ClientEntry): string[] {
  const name = `client ${shortId(after.id)}`
  const changes: string[] = []
  if (before !== undefined && before.connection !== after.connection) {
    changes.push(`${name}: connection ${before.connection} → ${after.connection}`)
  }
  const pins = (client: ClientEntry | undefined) => client?.tlsCertificates ?? []
  changes.push(
    ...compare(pins(before), pins(after), hex, {
      added: () => [`${name}: TLS certificate added`],
      removed: () => [`${name}: TLS certificate removed`],
    }),
    ...compare(before?.localGroups ?? [], after.localGroups, ({ code }) => code, {
      added: (group) => [`${name}: local group ${group.code} added`, ...groupContent(name, undefined, group)],
      removed: (group) => [`${name}: local group ${group.code} removed`],
      both: (old, group) => groupContent(name, old, group),
    }),
    ...compare(before?.services ?? [], after.services, nameOf, {
      added: (service) => [
        `service ${serviceName(after, service)} added`,
        ...serviceContent(after, undefined, service),
      ],
      removed: (service) => [`service ${serviceName(after, service)} removed`],
      both: (old, service) => serviceContent(after, old, service),
    }),
  )
  return changes
}

function groupContent(client: string, before: LocalGroup | undefined, after: LocalGroup): string[] {
  const name = `${client}: local group ${after.code}`
  const described =
    before !== undefined && before.description !== after.description ? [`${name}: description changed`] : []
  return [
    ...described,
    ...compare(before?.members ?? [], after.members, idKey, {
      added: (member) => [`${name}: ${shortId(member)} added`],
      removed: (member) => [`${name}: ${shortId(member)} removed`],
    }),
  ]
}

function serviceContent(client: ClientEntry, before: ServiceEntry | undefined, after: ServiceEntry): string[] {
  const name = `service ${serviceName(client, after)}`
  const changes: string[] = []
  for (const key of ['type', 'title', 'description', 'url', 'timeoutSeconds', 'tls'] as const) {
    if (before !== undefined && before[key] !== after[key]) {
      changes.push(`${name}: ${key} ${before[key] ?? 'none'} → ${after[key] ?? 'none'}`)
    }
  }
  if (before?.notice !== after.notice) {
    changes.push(after.notice === undefined ? `${name}: enabled` : `${name}: disabled (${after.notice})`)
  }
  if (JSON.stringify(before?.tracker) !== JSON.stringify(after.tracker)) {
    changes.push(
      `${name}: data tracker ${after.tracker === undefined ? 'off' : before?.tracker === undefined ? 'on' : 'changed'}`,
    )
  }
  const asText = ({ method, path }: EndpointPattern) => `${method} ${path}`
  changes.push(
    ...compare(before?.endpoints ?? [], after.endpoints, asText, {
      added: (endpoint) => [`${name}: endpoint ${asText(endpoint)} added`],
      removed: (endpoint) => [`${name}: endpoint ${asText(endpoint)} removed`],
    }),
    ...compare(before?.rights ?? [], after.rights, rightText, {
      added: (right) => [`${name}: access granted to ${rightText(right)}`],
      removed: (right) => [`${name}: access withdrawn from ${rightText(right)}`],
    }),
  )
  return changes
}

function serviceName(client: ClientEntry, service: ServiceEntry): string {
  return `${shortId(client.id)}/${nameOf(service)}`
}

/** Neither part has a slash. */
function nameOf({ code, version }: ServiceEntry): string {
  return version === undefined ? code : `${code}/${version}`
}

function rightText({ subject, endpoint }: AccessRight): string {
  return endpoint === undefined
    ? subjectText(subject)
    : `${subjectText(subject)} for ${endpoint.method} ${endpoint.path}`
}

function subjectText(subject: Subject): string {
  switch (subject.kind) {
    case 'client':
      return shortId(subject.id)
    case 'global-group':
      return `global group ${subject.code}`
    case 'local-group':
      return `local group ${subject.code}`
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

interface Tell<T> {
  readonly added: (item: T) => readonly string[]
  readonly removed: (item: T) => readonly string[]
  readonly both?: (before: T, after: T) => readonly string[]
}

/** Items of two lists, matched by key; removals first. */
function compare<T>(before: readonly T[], after: readonly T[], keyOf: (item: T) => string, tell: Tell<T>): string[] {
  const old = new Map(before.map((item) => [keyOf(item), item]))
  const kept = new Set(after.map(keyOf))
  const removed = before.filter((item) => !kept.has(keyOf(item))).flatMap((item) => tell.removed(item))
  const rest = after.flatMap((item) => {
    const previous = old.get(keyOf(item))
    return previous === undefined ? tell.added(item) : (tell.both?.(previous, item) ?? [])
  })
  return [...removed, ...rest]
}
