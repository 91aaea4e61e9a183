// `node data-embassy/prepare-postgres.ts --config agent.yaml --register NAME --as SUPERUSER [--password-file FILE]`: makes a register's database ready to be captured
// (register/postgres/prepare.ts). Done by who administers the database, once and after each upgrade; the agent itself has no such rights.
import { parseArgs } from 'node:util'
import { connectDriver, loadConfig } from '#host'
import { agentSchema } from './config.ts'
import { preparePostgres } from './register/postgres/prepare.ts'

const USAGE = 'usage: prepare-postgres.ts --config FILE --register NAME --as SUPERUSER [--password-file FILE]'

interface Request {
  readonly config: string
  readonly register: string
  readonly as: string
  readonly passwordFile: string | undefined
}

function requested(): Request {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ options: { config: text, register: text, as: text, 'password-file': text } })
  const { config, register, as, 'password-file': passwordFile } = values
  if (config === undefined || register === undefined || as === undefined) throw new Error(USAGE)
  return { config, register, as, passwordFile }
}

async function prepare({ config, register, as, passwordFile }: Request): Promise<void> {
  const found = loadConfig(config, agentSchema).registers.find(({ name }) => name === register)
  if (found === undefined) throw new Error(`there is no register ${register} in ${config}`)
  if (!('postgres' in found.source)) throw new Error(`${register} is no register on PostgreSQL`)
  const { slot, passwordFile: _agents, ...settings } = found.source.postgres
  const admin = await connectDriver(
    { ...settings, user: as, ...(passwordFile === undefined ? {} : { passwordFile }) },
    { applicationName: 'saadik prepare', session: {} },
  )
  try {
    const { whole } = await preparePostgres(admin, settings.user)
    say(`${register} can be captured as ${settings.user}; ${whole} tables tell their whole rows.`)
    if (found.durability === 'strict')
      say(
        `When its first picture is receipted: ALTER SYSTEM SET synchronous_standby_names = '${slot}'; SELECT pg_reload_conf();`,
      )
  } finally {
    await admin.end()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

try {
  await prepare(requested())
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`)
  process.exitCode = 1
}
