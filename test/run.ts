// `npm test`: every test file under Node's runner. `--long` adds the long mode (more kills, more inputs); paths narrow it.
//
// Stores are SQLite, and then once more PostgreSQL: in the long mode for every file, else for those that are about stores.
// `SAADIK_STORE=postgres` runs all of them on PostgreSQL alone.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { missingPostgres, startCluster } from './postgres.ts'

/** What is run on both engines at every `npm test`. */
const ABOUT_STORES = [
  'test/unit/host/store.test.ts',
  'test/unit/central-server/publisher.test.ts',
  'test/unit/pki/{crash,issue,reading,tsa}.test.ts',
  'test/unit/security-server/services/*.test.ts',
  'test/unit/security-server/archive/{archive,cleaning}.test.ts',
  'test/unit/security-server/monitoring/operational-data.test.ts',
  'test/unit/security-server/message-log/{append,asic,attachments,commitments,encryption,removal,search,timestamp,withheld}.test.ts',
  'test/unit/security-server/transparency/*.test.ts',
  'test/exchange/monitoring.test.ts',
]

const long = process.argv.includes('--long')
const only = process.env['SAADIK_STORE']
const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const files = globSync(
  paths.length > 0 ? paths.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.test.ts`)) : 'test/**/*.test.ts',
).sort()
const aboutStores = new Set(long ? files : globSync(ABOUT_STORES))

/** One for all files: making a cluster takes longer than most of them. */
const missing = missingPostgres()
const cluster = missing === undefined ? await startCluster() : undefined
let failed = 0
if (only !== undefined) failed += await run(only, files)
else {
  failed += await run('sqlite', files)
  const again = files.filter((file) => aboutStores.has(file))
  if (again.length > 0 && cluster !== undefined) failed += await run('postgres', again)
  else if (again.length > 0) console.log(`SKIPPED, NOT PROVED: stores on PostgreSQL: ${missing}`)
}
await cluster?.remove()
process.exit(failed > 0 ? 1 : 0)

async function run(engine: string, chosen: readonly string[]): Promise<number> {
  console.log(`stores: ${engine}`)
  const child = spawn(
    process.execPath,
    ['--test', '--test-timeout=240000', `--test-concurrency=${Math.max(2, availableParallelism())}`, ...chosen],
    {
      stdio: 'inherit',
      env: {
        ...process.env,
        NODE_NO_WARNINGS: '1',
        SAADIK_STORE: engine,
        ...(cluster === undefined ? {} : { SAADIK_TEST_CLUSTER: cluster.folder }),
        ...(long ? { SAADIK_LONG: '1' } : {}),
      },
    },
  )
  const [status] = await once(child, 'exit')
  return status === 0 ? 0 : 1
}
