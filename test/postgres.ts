// PostgreSQL for tests: a cluster of their own under a folder of their own, with fsync on, that ends with the process that started it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  closeSync,
  existsSync,
  globSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { freshAddress } from './federation/process.ts'

/** Superuser of every test cluster; what is tested connects as `saadik`, who owns its database and nothing else. */
const ADMIN = 'test'
const PASSWORD = 'a password of tests'
const PORT = 5432

/**
 * Ends the server by the word on its stdin; where that ends without one, the tests are gone: server and folder go too. A server that
 * has just begun is still deaf.
 */
const SUPERVISOR = `
  folder=$1; shift
  "$@" & pid=$!
  read -r signal && { kill -"$signal" $pid; wait $pid; exit; }
  while kill -QUIT $pid 2>/dev/null; do sleep 0.5; done &
  wait $pid
  rm -rf "$folder"`

export interface Cluster {
  /** Holds the data, the Unix socket and `password`. */
  readonly folder: string
  /** Of the TCP listener, beside the socket. */
  readonly address: string
  readonly port: number
  /** INT as an operator does; QUIT is a crash: nothing is written any more, and the next start recovers. The data stay. */
  stop(signal?: 'INT' | 'QUIT'): Promise<void>
  start(): Promise<void>
  /** Stops it for good. */
  remove(): Promise<void>
}

/** The programs of the newest PostgreSQL here. Debian puts them into no PATH. */
function binaries(): string | undefined {
  const found = globSync('/usr/lib/postgresql/*/bin/postgres').toSorted((a, b) => version(a) - version(b))
  const newest = found.at(-1)?.slice(0, -'/postgres'.length)
  if (newest !== undefined) return newest
  const { stdout, status } = spawnSync('sh', ['-c', 'command -v postgres'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim().slice(0, -'/postgres'.length) : undefined
}

function version(path: string): number {
  return Number(/postgresql\/(\d+)/.exec(path)?.[1] ?? 0)
}

/** PostgreSQL refuses to run as root: then as this user. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  const ask = (what: string) => Number(spawnSync('id', [what, 'postgres'], { encoding: 'utf8' }).stdout || Number.NaN)
  const [uid, gid] = [ask('-u'), ask('-g')]
  return Number.isNaN(uid) || Number.isNaN(gid) ? undefined : { uid, gid }
}

/** Why no cluster can be started here, in words. */
export function missingPostgres(): string | undefined {
  if (binaries() === undefined) return 'postgresql not installed (apt-get install postgresql)'
  if (process.getuid?.() === 0 && serverUser() === undefined) return 'this is root, and there is no user postgres'
  return undefined
}

/** Skips the test, loudly, where there is no PostgreSQL. */
export function needsPostgres(t: TestContext): boolean {
  const missing = missingPostgres()
  if (missing !== undefined) t.skip(`SKIPPED, NOT PROVED: ${missing}`)
  return missing === undefined
}

/** @param settings `-c` settings of the server, such as `synchronous_commit=off`. */
export async function startCluster(settings: readonly string[] = []): Promise<Cluster> {
  const bin = binaries()
  if (bin === undefined) throw new Error(missingPostgres())
  const folder = mkdtempSync(join(tmpdir(), 'saadik-pg-'))
  const password = join(folder, 'password')
  writeFileSync(password, PASSWORD, { mode: 0o600 })
  const user = process.getuid?.() === 0 ? serverUser() : undefined
  if (user !== undefined) for (const path of [folder, password]) chownSync(path, user.uid, user.gid)
  const drop = user === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
  const as = (program: string, args: readonly string[]) => [...drop, join(bin, program), ...args]

  const data = join(folder, 'data')
  const [first = '', ...args] = as('initdb', [
    ...['-D', data, '-U', ADMIN, '-A', 'scram-sha-256', '--pwfile', password],
    ...['-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
  ])
  const made = spawnSync(first, args, { encoding: 'utf8', cwd: folder })
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`)

  const address = freshAddress()
  const run = as('postgres', [
    ...['-D', data, '-p', String(PORT), '-k', folder, '-h', address],
    ...['shared_buffers=64MB', 'max_connections=200', ...settings].flatMap((setting) => ['-c', setting]),
  ])
  let running: { readonly child: ChildProcess; readonly exited: Promise<unknown> } | undefined
  const cluster: Cluster = {
    folder,
    address,
    port: PORT,
    async start() {
      const log = openSync(join(folder, 'log'), 'w')
      const child = spawn('sh', ['-c', SUPERVISOR, 'sh', folder, ...run], { stdio: ['pipe', log, log], cwd: folder })
      closeSync(log)
      running = { child, exited: once(child, 'exit') }
      await ready(child, join(folder, 'log'))
      // A cluster is no reason for the test process to stay.
      for (const each of [child, child.stdin]) (each as unknown as { unref(): void }).unref()
    },
    async stop(signal = 'INT') {
      const ending = running
      running = undefined
      ending?.child.ref()
      ending?.child.stdin?.end(`${signal}\n`)
      await ending?.exited
    },
    async remove() {
      await cluster.stop('QUIT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
  await cluster.start()
  await asAdmin(folder, `CREATE ROLE saadik LOGIN PASSWORD '${PASSWORD}'`)
  return cluster
}

async function ready(child: ChildProcess, log: string): Promise<void> {
  for (;;) {
    const said = readFileSync(log, 'utf8')
    if (/ready to accept (read-only )?connections/.test(said)) return
    // The supervisor waits for its word; the server says itself that it ends.
    if (child.exitCode !== null || /database system is shut down|^\S*postgres: /m.test(said))
      throw new Error(`PostgreSQL does not start: ${said}`)
    await sleep(20)
  }
}

/** Runs statements as superuser in the cluster of this folder. */
export async function asAdmin(folder: string, sql: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
  const client = new Client({ host: folder, port: PORT, user: ADMIN, password: PASSWORD, database, ssl: false })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

let given: Promise<string> | undefined

/** The folder of the cluster that `test/run.ts` has started for all test files, or else of one of this process's own. */
export function sharedCluster(): Promise<string> {
  given ??= (async () => {
    const folder = process.env['SAADIK_TEST_CLUSTER']
    if (folder !== undefined && existsSync(folder)) return folder
    const cluster = await startCluster()
    process.on('exit', () => rmSync(cluster.folder, { recursive: true, force: true }))
    return cluster.folder
  })()
  return given
}

let databases = 0

/** A new database that `saadik` owns, as the key `store.postgres` of a configuration file says it. */
export async function freshDatabase(folder?: string) {
  const host = folder ?? (await sharedCluster())
  const database = `test_${process.pid}_${databases++}`
  await asAdmin(host, `CREATE DATABASE ${database} OWNER saadik`)
  return { host, port: PORT, database, user: 'saadik', passwordFile: join(host, 'password') }
}
