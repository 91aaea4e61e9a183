// `npm test`: every test file under Node's runner. `--long` adds the long mode (more kills, more inputs); paths narrow it.
//
// Tests wait as much as they work, so one file more runs than there are cores.
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
  'test/unit/security-server/services/*.test.ts',
  'test/unit/security-server/message-log/append.test.ts',
]

/** Many processes, many kills or many inputs: minutes together. Left to the long mode, or to whoever names them. */
const LONG_ONLY = [
  'test/attacks/{exchange,follow,history}.test.ts',
  'test/exchange/{archive,auditor,batch,bundle,embassy,embassy-decree,encryption,federated,logging-modes,long-term}.test.ts',
  'test/exchange/reconciliation*.test.ts',
  'test/faults/message-log/{ending,postgres*,roll}.test.ts',
  'test/unit/cli/verify-many.test.ts',
  'test/unit/data-embassy/{mirror,postgres*}.test.ts',
  'test/unit/host/postgres.test.ts',
  'test/unit/security-server/message-log/{ending,postgres*,search}.test.ts',
  'test/unit/transparent-log/witness.test.ts',
]

const long = process.argv.includes('--long')
const only = process.env['SAADIK_STORE']
const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const all = paths.length === 0
const named = paths.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.test.ts`))
const left = new Set(all && !long ? globSync(LONG_ONLY) : [])
const files = globSync(all ? 'test/**/*.test.ts' : named)
  .filter((file) => !left.has(file))
  .sort()
if (left.size > 0) console.log(`left to npm run test:long: ${[...left].sort().join(', ')}`)
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
    ['--test', '--test-timeout=240000', `--test-concurrency=${availableParallelism() + 1}`, ...chosen],
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
