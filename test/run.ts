// `npm test`: every test file under Node's runner. `--long` adds the long mode (more kills, more inputs); paths narrow it.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const long = process.argv.includes('--long')
const paths = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const files = globSync(
  paths.length > 0 ? paths.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.test.ts`)) : 'test/**/*.test.ts',
)

const result = spawnSync(
  process.execPath,
  ['--test', '--test-timeout=240000', `--test-concurrency=${Math.max(2, availableParallelism())}`, ...files.sort()],
  { stdio: 'inherit', env: { ...process.env, NODE_NO_WARNINGS: '1', ...(long ? { SAADIK_LONG: '1' } : {}) } },
)
process.exit(result.status ?? 1)
