// The registry on disk: services.sqlite in the server's directory. Whoever owns it can open services to others (ARCHITECTURE.md).
import { join } from 'node:path'
import type { Generated, Kysely, Transaction } from 'kysely'
import { type Migration, openStore, type Store } from '#host'
import { decodeClientId, idKey } from '#protocol'
import type { AccessRight, ClientEntry, Connection, LocalGroup, ServiceEntry, ServiceTls, Subject } from './model.ts'

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
    type: string
    description: string | null
    url: string
    timeout_seconds: number
    tls: string
    notice: string | null
  }
  endpoint: { seq: Generated<number>; client: string; service: string; method: string; path: string }
  access_right: {
    seq: Generated<number>
    client: string
    service: string
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

const MIGRATIONS: readonly Migration[] = [
  {
    name: '001-services',
    async up(db) {
      const table = (name: string) =>
        db.schema.createTable(name).addColumn('seq', 'integer', (column) => column.primaryKey())
      await table('client')
        .addColumn('id', 'text', (column) => column.notNull().unique())
        .addColumn('connection', 'text', (column) => column.notNull())
        .execute()
      await table('client_certificate')
        .addColumn('client', 'text', (column) => column.notNull().references('client.id'))
        .addColumn('der', 'blob', (column) => column.notNull())
        .execute()
      await table('local_group')
        .addColumn('client', 'text', (column) => column.notNull().references('client.id'))
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addUniqueConstraint('local_group_code', ['client', 'code'])
        .execute()
      await table('local_group_member')
        .addColumn('client', 'text', (column) => column.notNull())
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('member', 'text', (column) => column.notNull())
        .addForeignKeyConstraint('member_group', ['client', 'code'], 'local_group', ['client', 'code'])
        .execute()
      await table('service')
        .addColumn('client', 'text', (column) => column.notNull().references('client.id'))
        .addColumn('code', 'text', (column) => column.notNull())
        .addColumn('type', 'text', (column) => column.notNull())
        .addColumn('description', 'text')
        .addColumn('url', 'text', (column) => column.notNull())
        .addColumn('timeout_seconds', 'integer', (column) => column.notNull())
        .addColumn('tls', 'text', (column) => column.notNull())
        .addColumn('notice', 'text')
        .addUniqueConstraint('service_code', ['client', 'code'])
        .execute()
      await table('endpoint')
        .addColumn('client', 'text', (column) => column.notNull())
        .addColumn('service', 'text', (column) => column.notNull())
        .addColumn('method', 'text', (column) => column.notNull())
        .addColumn('path', 'text', (column) => column.notNull())
        .addForeignKeyConstraint('endpoint_service', ['client', 'service'], 'service', ['client', 'code'])
        .execute()
      await table('access_right')
        .addColumn('client', 'text', (column) => column.notNull())
        .addColumn('service', 'text', (column) => column.notNull())
        .addColumn('subject_kind', 'text', (column) => column.notNull())
        .addColumn('subject', 'text', (column) => column.notNull())
        .addColumn('method', 'text')
        .addColumn('path', 'text')
        .addForeignKeyConstraint('right_service', ['client', 'service'], 'service', ['client', 'code'])
        .execute()
    },
  },
]

export interface ServiceStore {
  read(): Promise<readonly ClientEntry[]>
  /** All or nothing: a crash leaves the registry as it was before or as it is after. */
  replace(clients: readonly ClientEntry[]): Promise<void>
  close(): void
}

export function openServiceStore(directory: string): ServiceStore {
  const store: Store<Tables> = openStore<Tables>(join(directory, 'services.sqlite'), MIGRATIONS)
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
  const { code: service, type, description = null, url, timeoutSeconds, tls, notice = null } = entry
  await db
    .insertInto('service')
    .values({ client, code: service, type, description, url, timeout_seconds: timeoutSeconds, tls, notice })
    .execute()
  await insertRows(
    db,
    'endpoint',
    entry.endpoints.map(({ method, path }) => ({ client, service, method, path })),
  )
  await insertRows(
    db,
    'access_right',
    entry.rights.map(({ subject, endpoint }) => ({
      client,
      service,
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
      const key = pair(id, row.code)
      return {
        code: row.code,
        type: row.type as ServiceEntry['type'],
        url: row.url,
        timeoutSeconds: row.timeout_seconds,
        tls: row.tls as ServiceTls,
        endpoints: (endpoints.get(key) ?? []).map(({ method, path }) => ({ method, path })),
        rights: (rights.get(key) ?? []).map(readRight),
        ...(row.description === null ? {} : { description: row.description }),
        ...(row.notice === null ? {} : { notice: row.notice }),
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
const byService = ({ client, service }: { client: string; service: string }): string => pair(client, service)

/** Client keys are percent-encoded, so a space is in none of them. */
function pair(client: string, code: string): string {
  return `${client} ${code}`
}
