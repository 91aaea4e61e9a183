// The registry in its store. Whoever owns it can open services to others (ARCHITECTURE.md).
import type { Generated, Kysely, Transaction } from 'kysely'
import { openStore, type Store, type StorePlace } from '#host'
import { decodeClientId, idKey } from '#protocol'
import { MIGRATIONS } from './migrations.ts'
import type {
  AccessRight,
  ClientEntry,
  Connection,
  LocalGroup,
  ServiceEntry,
  ServiceTls,
  Subject,
  TrackerRules,
} from './model.ts'

/** Rows keep the order of the document: `seq` is the order of insertion. Clients are named by idKey. */
interface Tables {
  client: { seq: Generated<number>; id: string; connection: string }
  client_certificate: { seq: Generated<number>; client: string; der: Uint8Array }
  local_group: { seq: Generated<number>; client: string; code: string; description: string }
  local_group_member: { seq: Generated<number>; client: string; code: string; member: string }
  service: {
    seq: Generated<number>
    client: string
    code: string
    /** '' for none. */
    version: string
    type: string
    title: string | null
    description: string | null
    url: string
    timeout_seconds: number
    tls: string
    notice: string | null
    /** JSON of a TrackerRules. */
    tracker: string | null
  }
  endpoint: { seq: Generated<number>; client: string; service: string; version: string; method: string; path: string }
  access_right: {
    seq: Generated<number>
    client: string
    service: string
    version: string
    subject_kind: string
    subject: string
    method: string | null
    path: string | null
  }
}

const TABLES = [
  'access_right',
  'endpoint',
  'service',
  'local_group_member',
  'local_group',
  'client_certificate',
  'client',
] as const

export interface ServiceStore {
  read(): Promise<readonly ClientEntry[]>
  /** All or nothing: a crash leaves the registry as it was before or as it is after. */
  replace(clients: readonly ClientEntry[]): Promise<void>
  close(): Promise<void>
}

export function openServiceStore(place: StorePlace): ServiceStore {
  const store: Store<Tables> = openStore<Tables>(place, MIGRATIONS)
  return {
    read: () => readAll(store.db),
    replace: (clients) =>
      store.db.transaction().execute(async (transaction) => {
        for (const table of TABLES) await transaction.deleteFrom(table).execute()
        for (const client of clients) await insertClient(transaction, client)
      }),
    close: () => store.close(),
  }
}

async function insertClient(db: Transaction<Tables>, entry: ClientEntry): Promise<void> {
  const client = idKey(entry.id)
  await db.insertInto('client').values({ id: client, connection: entry.connection }).execute()
  await insertRows(
    db,
    'client_certificate',
    entry.tlsCertificates.map((der) => ({ client, der })),
  )
  await insertRows(
    db,
    'local_group',
    entry.localGroups.map(({ code, description }) => ({ client, code, description })),
  )
  await insertRows(
    db,
    'local_group_member',
    entry.localGroups.flatMap(({ code, members }) =>
      members.map((member) => ({ client, code, member: idKey(member) })),
    ),
  )
  for (const service of entry.services) await insertService(db, client, service)
}

async function insertService(db: Transaction<Tables>, client: string, entry: ServiceEntry): Promise<void> {
  const { code: service, version = '', type, title = null, description = null, url, tls, notice = null } = entry
  const timeout_seconds = entry.timeoutSeconds
  const tracker = entry.tracker === undefined ? null : JSON.stringify(entry.tracker)
  await db
    .insertInto('service')
    .values({ client, code: service, version, type, title, description, url, timeout_seconds, tls, notice, tracker })
    .execute()
  await insertRows(
    db,
    'endpoint',
    entry.endpoints.map(({ method, path }) => ({ client, service, version, method, path })),
  )
  await insertRows(
    db,
    'access_right',
    entry.rights.map(({ subject, endpoint }) => ({
      client,
      service,
      version,
      subject_kind: subject.kind,
      subject: subject.kind === 'client' ? idKey(subject.id) : subject.code,
      method: endpoint?.method ?? null,
      path: endpoint?.path ?? null,
    })),
  )
}

/** SQLite binds 32,766 values in one statement. */
const ROWS_AT_ONCE = 1000

async function insertRows<T extends keyof Tables & string>(
  db: Transaction<Tables>,
  table: T,
  rows: readonly Omit<Tables[T], 'seq'>[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    // The generated column makes the row type conditional on T, which kysely cannot see through.
    await db
      .insertInto(table)
      .values(rows.slice(at, at + ROWS_AT_ONCE) as never)
      .execute()
  }
}

async function readAll(db: Kysely<Tables>): Promise<ClientEntry[]> {
  const clients = await db.selectFrom('client').selectAll().orderBy('seq').execute()
  const certificates = Map.groupBy(
    await db.selectFrom('client_certificate').selectAll().orderBy('seq').execute(),
    byClient,
  )
  const groups = Map.groupBy(await db.selectFrom('local_group').selectAll().orderBy('seq').execute(), byClient)
  const members = Map.groupBy(await db.selectFrom('local_group_member').selectAll().orderBy('seq').execute(), (row) =>
    pair(row.client, row.code),
  )
  const services = Map.groupBy(await db.selectFrom('service').selectAll().orderBy('seq').execute(), byClient)
  const endpoints = Map.groupBy(await db.selectFrom('endpoint').selectAll().orderBy('seq').execute(), byService)
  const rights = Map.groupBy(await db.selectFrom('access_right').selectAll().orderBy('seq').execute(), byService)
  return clients.map(({ id, connection }) => ({
    id: decodeClientId(id),
    connection: connection as Connection,
    tlsCertificates: (certificates.get(id) ?? []).map(({ der }) => der),
    localGroups: (groups.get(id) ?? []).map(
      ({ code, description }): LocalGroup => ({
        code,
        description,
        members: (members.get(pair(id, code)) ?? []).map(({ member }) => decodeClientId(member)),
      }),
    ),
    services: (services.get(id) ?? []).map((row): ServiceEntry => {
      const key = serviceKey(id, row.code, row.version)
      return {
        code: row.code,
        type: row.type as ServiceEntry['type'],
        url: row.url,
        timeoutSeconds: row.timeout_seconds,
        tls: row.tls as ServiceTls,
        endpoints: (endpoints.get(key) ?? []).map(({ method, path }) => ({ method, path })),
        rights: (rights.get(key) ?? []).map(readRight),
        ...(row.version === '' ? {} : { version: row.version }),
        ...(row.title === null ? {} : { title: row.title }),
        ...(row.description === null ? {} : { description: row.description }),
        ...(row.notice === null ? {} : { notice: row.notice }),
        ...(row.tracker === null ? {} : { tracker: JSON.parse(row.tracker) as TrackerRules }),
      }
    }),
  }))
}

function readRight(row: {
  subject_kind: string
  subject: string
  method: string | null
  path: string | null
}): AccessRight {
  const subject: Subject =
    row.subject_kind === 'client'
      ? { kind: 'client', id: decodeClientId(row.subject) }
      : { kind: row.subject_kind as 'global-group' | 'local-group', code: row.subject }
  return row.method === null || row.path === null
    ? { subject }
    : { subject, endpoint: { method: row.method, path: row.path } }
}

const byClient = ({ client }: { client: string }): string => client
const byService = ({ client, service, version }: { client: string; service: string; version: string }): string =>
  serviceKey(client, service, version)

/** Codes have no slash. */
function serviceKey(client: string, code: string, version: string): string {
  return pair(client, `${code}/${version}`)
}

/** Client keys are percent-encoded, so a space is in none of them. */
function pair(client: string, code: string): string {
  return `${client} ${code}`
}
